export type SweepingOptions = {
  /** Between two rounds. */
  readonly everyMs: number;
  /** Clears up to a batch, and answers how many that were; a round asks each in turn again until one finds less than a batch. */
  readonly sweeps: readonly ((limit: number) => Promise<number>)[];
  readonly batch: number;
  /** Told why a round ended early; the next one catches up. */
  onError(error: unknown): void;
};

/** Clears what is over, again and again, a bounded number at a time. Closing waits for the batch that is being cleared. */
export function startSweeping({ everyMs, sweeps, batch, onError }: SweepingOptions): { close(): Promise<void> } {
  const stopped = new AbortController();
  let running: Promise<void> | undefined;

  async function round(): Promise<void> {
    try {
      for (const sweep of sweeps) while (!stopped.signal.aborted && (await sweep(batch)) === batch);
    } catch (error) {
      onError(error);
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
