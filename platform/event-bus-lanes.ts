export type Lanes<T> = {
  add(key: string, item: T): void;
  /** Begins nothing more, and waits for what runs. What waited is forgotten. */
  close(): Promise<void>;
};

export type LanesOptions<T> = {
  /** How many run at the same time, all of different keys. */
  readonly concurrency: number;
  /** Resolves with how many milliseconds later the item is to run again, before the others of its key, or undefined when it is over. */
  run(item: T): Promise<number | undefined>;
};

type Lane<T> = { readonly key: string; readonly items: T[] };

/** Runs items of one key one after another, and those of others meanwhile. The key "" asks for no order. */
export function createLanes<T>({ concurrency, run }: LanesOptions<T>): Lanes<T> {
  const lanes = new Map<string, Lane<T>>();
  const ready: Lane<T>[] = [];
  const running = new Set<Promise<void>>();
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;

  function work(): void {
    while (!closed && running.size < concurrency) {
      const lane = ready.shift();
      const [item] = lane?.items ?? [];
      if (lane === undefined || item === undefined) return;
      const done = run(item).then((againMs) => {
        running.delete(done);
        next(lane, againMs);
        work();
      });
      running.add(done);
    }
  }

  function next(lane: Lane<T>, againMs: number | undefined): void {
    if (closed) return;
    if (againMs !== undefined) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        ready.push(lane);
        work();
      }, againMs);
      timers.add(timer);
      return;
    }
    lane.items.shift();
    if (lane.items.length > 0) ready.push(lane);
    else if (lanes.get(lane.key) === lane) lanes.delete(lane.key);
  }

  return {
    add(key, item) {
      const lane = lanes.get(key);
      if (lane !== undefined) {
        lane.items.push(item);
        return;
      }
      const alone = { key, items: [item] };
      if (key !== '') lanes.set(key, alone);
      ready.push(alone);
      work();
    },
    async close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}
