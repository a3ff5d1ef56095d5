import type { Env } from '#platform/service.ts';
import type { InventoryStore } from './inventory-store.ts';

export type SweeperOptions = Pick<Env, 'now' | 'log'> & {
  readonly store: Pick<InventoryStore, 'expire' | 'forget'>;
  /** Between two looks: 5 s unless told. */
  readonly everyMs?: number;
};

const batch = 200; // reservations ended in one transaction, so that nobody waits long for their stocks
const keptDays = 30; // what was released, for who asks what became of an order; and how long a closed order stays closed

/**
 * Gives back what is held beyond its time, again and again. Every process may run one: they leave each other's work alone. What
 * it has not come by yet is no longer to be had by its holder all the same.
 */
export function startSweeper({ store, now, log, everyMs = 5_000 }: SweeperOptions): { close(): Promise<void> } {
  const stopped = new AbortController();
  let running: Promise<void> | undefined;

  async function sweep(): Promise<void> {
    try {
      while (!stopped.signal.aborted && (await store.expire({ now: now(), limit: batch })) === batch);
      const before = new Date(now().getTime() - keptDays * 24 * 3_600_000);
      while (!stopped.signal.aborted && (await store.forget({ before, limit: batch })) === batch);
    } catch (error) {
      log.warn({ err: error }, 'giving back reserved stock failed; the next round catches up');
    }
    running = undefined;
  }

  const timer = setInterval(() => {
    running ??= sweep();
  }, everyMs);
  timer.unref();
  return {
    async close() {
      stopped.abort();
      clearInterval(timer);
      await running;
    },
  };
}
