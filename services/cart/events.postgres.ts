import { OrderConfirmedSchema } from '#gen/only2u/order/v1/events_pb.ts';
import { UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { on, type EventHandler } from '#platform/outbox.postgres.ts';
import { takeOut } from './cart.ts';
import { lockCart, removeUser, replacement } from './rows.postgres.ts';

/** What carts do when others tell something. */
export function cartEventHandlers(now: () => Date): readonly EventHandler[] {
  return [
    on(OrderConfirmedSchema, async (tx, { cartId, items, couponCodes: codes, cartEtag: etag }) => {
      const cart = await lockCart(tx, cartId, now());
      if (cart === undefined) return; // over, or merged since
      const after = takeOut(cart, { items, codes, etag });
      if (after === cart) return;
      const { text, values } = replacement(after, cart.version);
      await tx.query(text, values);
    }),
    on(UserDeletedSchema, (tx, { userId }) => removeUser(tx, userId)),
  ];
}
