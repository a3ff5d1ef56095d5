import type { Env } from '#platform/service.ts';
import { startSweeping } from '#platform/sweeping.ts';
import type { CartStore } from './store.ts';

export type SweeperOptions = Pick<Env, 'now' | 'log'> & {
  readonly store: Pick<CartStore, 'sweep'>;
  /** Between two looks: a minute unless told. */
  readonly everyMs?: number;
};

const batch = 500; // carts deleted in one statement, a few milliseconds

/** Deletes carts that are over, again and again. Every process may run one. Nobody sees them any more either way. */
export function startSweeper({ store, now, log, everyMs = 60_000 }: SweeperOptions): { close(): Promise<void> } {
  return startSweeping({
    everyMs,
    batch,
    sweeps: [(limit) => store.sweep({ now: now(), limit })],
    onError: (error) => log.warn({ err: error }, 'deleting expired carts failed; the next round catches up'),
  });
}
