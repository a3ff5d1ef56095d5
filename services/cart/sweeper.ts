import type { Env } from '#platform/service.ts';
import type { CartStore } from './store.ts';

export type SweeperOptions = Pick<Env, 'now' | 'log'> & {
  readonly store: Pick<CartStore, 'sweep'>;
  /** Between two looks: a minute unless told. */
  readonly everyMs?: number;
};

const batch = 500; // carts deleted in one statement, a few milliseconds

/** Deletes carts that are over, again and again. Every process may run one. Nobody sees them any more either way. */
export function startSweeper({ store, now, log, everyMs = 60_000 }: SweeperOptions): { close(): Promise<void> } {
  const stopped = new AbortController();
  let running: Promise<void> | undefined;

  async function sweep(): Promise<void> {
    try {
      while (!stopped.signal.aborted && (await store.sweep({ now: now(), limit: batch })) === batch);
    } catch (error) {
      log.warn({ err: error }, 'deleting expired carts failed; the next round catches up');
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
