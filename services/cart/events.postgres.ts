import { OrderConfirmedSchema } from '#gen/only2u/order/v1/events_pb.ts';
import { UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { onChange } from '#platform/change.postgres.ts';
import { on, type EventHandler } from '#platform/outbox.postgres.ts';
import { takeOut } from './cart.ts';
import { findCart, removeUser, replacement } from './rows.postgres.ts';

/** What carts do when others tell something. */
export function cartEventHandlers(now: () => Date): readonly EventHandler[] {
  return [
    onChange(OrderConfirmedSchema, async (sql, { cartId, items, couponCodes: codes, cartEtag: etag }) => {
      const cart = await findCart(sql, cartId, now());
      if (cart === undefined) return undefined; // over, or merged since
      const after = takeOut(cart, { items, codes, etag });
      return after === cart ? undefined : replacement(after, cart.version);
    }),
    on(UserDeletedSchema, (tx, { userId }) => removeUser(tx, userId)),
  ];
}
