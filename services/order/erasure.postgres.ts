import { UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { on, type EventHandler } from '#platform/outbox.postgres.ts';
import type { Env } from '#platform/service.ts';
import { schedule } from '#platform/tasks.postgres.ts';
import type { TaskHandler } from '#platform/tasks-run.ts';
import { erasePersonalData, isClosedForGood } from './order-erasure.ts';
import type { OrderStore } from './store.ts';

/** The task that forgets who a customer was; its key is the user's id. */
export const eraseTask = 'order.erase';

const batch = 50;
const againMs = 24 * 3_600_000; // orders that aren't closed yet

/** Accounts that ended: their orders stay, and forget whose they were. */
export function onUserDeleted(): EventHandler {
  return on(UserDeletedSchema, (tx, { userId }) => schedule(tx, { kind: eraseTask, key: userId }));
}

/** Erases the personal data of a user's closed orders; comes again each day until all of them are closed. */
export function createEraseTask({ store, now }: Pick<Env, 'now'> & { readonly store: OrderStore }): TaskHandler {
  return {
    async run({ key: userId }, signal) {
      let open = false;
      let before = '';
      for (;;) {
        signal.throwIfAborted();
        const orders = await store.list({ of: { userId }, status: undefined, before, limit: batch });
        for (const order of orders) {
          const after = isClosedForGood(order, now()) ? erasePersonalData(order, now()) : undefined;
          if (after === undefined) open = true;
          else if (after !== order && !(await store.replace(order, after, { schedules: true }))) open = true;
        }
        const last = orders.at(-1);
        if (orders.length < batch || last === undefined) return open ? new Date(now().getTime() + againMs) : undefined;
        before = last.id;
      }
    },
  };
}
