import { OrderConfirmedSchema, type OrderConfirmed } from '#gen/only2u/order/v1/events_pb.ts';
import { UserDeletedSchema, type UserDeleted } from '#gen/only2u/user/v1/events_pb.ts';
import { backOff } from '#platform/back-off.ts';
import type { Database } from '#platform/database.postgres.ts';
import { Fault } from '#platform/fault.ts';
import { assertInTime, remember, type EventHandler } from '#platform/outbox.postgres.ts';
import { endCarts, findStored } from './behind.postgres.ts';
import type { WriteBehind } from './behind.redis.ts';
import { takeOut } from './cart.ts';
import type { Keeper } from './keeper.redis.ts';
import type { RedisStore } from './store.redis.ts';

export type CartEventOptions = {
  readonly store: RedisStore;
  readonly keeper: Keeper;
  readonly behind: Pick<WriteBehind, 'drain'>;
  now(): Date;
};

type Coming = Parameters<EventHandler['handle']>[1];

const races = 5;

/**
 * What carts in Redis do when others tell something. An event counts once, whatever Redis loses: what it makes of a cart and that it has done so are one step in Redis,
 * and then one transaction in PostgreSQL; and it counts as handled when that is committed. While Redis is away events wait on the bus.
 */
export function cartEventHandlers({ store, keeper, behind, now }: CartEventOptions): readonly EventHandler[] {
  async function confirmed({ cartId, items, couponCodes: codes, cartEtag: etag }: OrderConfirmed, coming: Coming) {
    for (let race = 1; race <= races; race++) {
      const cart = await store.findHere(cartId, now());
      // After the cart was found: what has come from PostgreSQL with this event in it came with this row, too.
      if (await isRemembered(coming)) return;
      assertInTime(coming);
      const after = cart && takeOut(cart, { items, codes, etag });
      if (cart === undefined || after === undefined || after === cart)
        return void (await remember(coming.database, coming));
      const event = coming.message.id;
      const result = await store.saveEvent({ cart: after, from: cart.version, now: now(), event });
      if (result === 'lost') {
        await backOff(race);
        continue;
      }
      await behind.drain();
      if (await isRemembered(coming)) return;
    }
    throw new Fault('aborted', 'CONCURRENT_CHANGE', 'Others changed the same data at the same time; try again.');
  }

  async function deleted({ userId }: UserDeleted, coming: Coming): Promise<void> {
    const rows = await findStored(coming.database, '', userId);
    const ended = await keeper.erase(
      userId,
      rows.map(({ id }) => id),
      now(),
    );
    await coming.database.transaction(async (tx) => {
      await remember(tx, coming);
      await endCarts(tx, userId, ended, now());
      assertInTime(coming);
    });
  }

  return [
    { schema: OrderConfirmedSchema, handle: (event, coming) => confirmed(event as OrderConfirmed, coming) },
    { schema: UserDeletedSchema, handle: (event, coming) => deleted(event as UserDeleted, coming) },
  ];
}

async function isRemembered({ database, group, message }: Coming): Promise<boolean> {
  const rows = await (database satisfies Database).query('SELECT FROM inbox WHERE group_name = $1 AND event_id = $2', [
    group,
    message.id,
  ]);
  return rows.length > 0;
}
