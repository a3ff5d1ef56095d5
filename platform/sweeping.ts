import type { Locks } from './lock.ts';

export type SweepingOptions = {
  /** Between two rounds. */
  readonly everyMs: number;
  /** Clears up to a batch, and answers how many that were; a round asks each in turn again until one finds less than a batch. */
  readonly sweeps: readonly ((limit: number) => Promise<number>)[];
  readonly batch: number;
  /**
   * Has one process of several do a round: under a lock of this name, kept until the next round. It pays where a look costs more than a
   * lock. While the locks' engine is away every process does its rounds.
   */
  readonly turn?: { readonly locks: Locks; readonly name: string } | undefined;
  /** Told why a round ended early; the next one catches up. */
  onError(error: unknown): void;
};

const turnMs = 30_000; // a process that is killed leaves its turn to another so soon

/** Clears what is over, again and again, a bounded number at a time. Closing waits for the batch that is being cleared. */
export function startSweeping(options: SweepingOptions): { close(): Promise<void> } {
  const { everyMs, sweeps, batch, turn, onError } = options;
  const stopped = new AbortController();
  let running: Promise<void> | undefined;

  async function sweepAll(): Promise<void> {
    try {
      for (const sweep of sweeps) while (!stopped.signal.aborted && (await sweep(batch)) === batch);
    } catch (error) {
      onError(error);
    }
  }

  async function round(): Promise<void> {
    if (turn === undefined) await sweepAll();
    else {
      // Timers of two processes differ: a rest of a whole round would leave every second round out.
      const lease = { ttlMs: turnMs, restMs: 0.9 * everyMs };
      await turn.locks.tryHold(turn.name, lease, sweepAll).catch(sweepAll);
    }
    running = undefined;
  }

  const timer = setInterval(() => {
    running ??= round();
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
