import type { Env } from '#platform/service.ts';
import { startSweeping, type SweepingOptions } from '#platform/sweeping.ts';
import type { InventoryStore } from './inventory-store.ts';

export type SweeperOptions = Pick<Env, 'now' | 'log'> & {
  readonly store: Pick<InventoryStore, 'expire' | 'forget'>;
  /** Between two looks: 5 s unless told. */
  readonly everyMs?: number;
  /** For one process of several to do it. Two looks that find nothing cost the database as much as a lock in it: only for locks elsewhere. */
  readonly turn?: SweepingOptions['turn'];
};

const batch = 200; // reservations ended in one transaction, so that nobody waits long for their stocks
const keptMs = 30 * 24 * 3_600_000; // what was released, for who asks what became of an order; and how long a closed order stays closed

/**
 * Gives back what is held beyond its time, again and again. Every process may run one: they leave each other's work alone. What
 * it has not come by yet is no longer to be had by its holder all the same.
 */
export function startSweeper({ store, now, log, turn, everyMs = 5_000 }: SweeperOptions): { close(): Promise<void> } {
  return startSweeping({
    everyMs,
    batch,
    turn,
    sweeps: [
      (limit) => store.expire({ now: now(), limit }),
      (limit) => store.forget({ before: new Date(now().getTime() - keptMs), limit }),
    ],
    onError: (error) => log.warn({ err: error }, 'giving back reserved stock failed; the next round catches up'),
  });
}
