import type { Env } from '#platform/service.ts';
import type { TaskHandler } from '#platform/tasks-run.ts';
import type { Checkout } from './checkout.grpc.ts';
import { dueTimeOf } from './order.ts';
import type { OrderStore } from './store.ts';

const attempts = 1_500; // some 24 hours of a minute each: money that is to go back is not given up over a peer's bad day
const longestWaitMs = 60_000;

export type AdvanceTaskOptions = Pick<Env, 'now'> & { readonly store: OrderStore; readonly checkout: Checkout };

/** The task that sees to an order: each time it is due, the order goes as far as it goes. */
export function createAdvanceTask({ store, checkout, now }: AdvanceTaskOptions): TaskHandler {
  return {
    attempts,
    retryMs: (failures) => Math.min(longestWaitMs, 500 * 2 ** Math.min(failures, 10)),
    async run({ key }, signal) {
      const order = await store.find(key);
      if (order === undefined) return undefined;
      const due = dueTimeOf(await checkout.advance(order, { signal, schedules: false }));
      // The database's clock decides what is due: where ours is behind it, this would come again and again.
      return due === undefined || due === 'now'
        ? undefined
        : new Date(Math.max(due.getTime(), now().getTime() + 1_000));
    },
  };
}
