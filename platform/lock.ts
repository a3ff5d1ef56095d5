import { Fault } from './fault.ts';

/** A lock as its holder has it. */
export type Held = {
  /**
   * Larger than that of every holder of the name before, for ever. Send it along with what is written: a store that keeps the largest
   * one it saw refuses whoever was paused beyond its time and doesn't know yet (M. Kleppmann, "How to do distributed locking").
   */
  readonly token: bigint;
  /** Aborted when another may have the lock, or the caller's own signal is. */
  readonly signal: AbortSignal;
};

export type HoldOptions = {
  /** How long it is left to a holder that says nothing more, being killed or cut off. It is renewed while the work runs. */
  readonly ttlMs: number;
  /** Ends the waiting, and tells the work to end. */
  readonly signal?: AbortSignal | undefined;
  /** Nobody gets it for so long after it was taken, even when the work ends sooner: for what need not be done more often. */
  readonly restMs?: number;
};

/**
 * A port: has work done by one process at a time. It saves work; what must be right is made so by the store, by a token or by
 * comparing before it sets, since a holder may be paused at any instruction and go on when its time is over.
 */
export type Locks = {
  /** Waits until nobody else has it. Rejects when the signal is aborted meanwhile. */
  hold<T>(name: string, options: HoldOptions, work: (held: Held) => Promise<T>): Promise<T>;
  /** undefined when somebody else has it. */
  tryHold<T>(
    name: string,
    options: HoldOptions,
    work: (held: Held) => Promise<T>,
  ): Promise<{ readonly result: T } | undefined>;
};

/** What an engine does for locks. Each call is atomic, and time is the engine's. */
export type Leases = {
  /** The token, or how long to wait at the least while another has it. */
  take(name: string, ttlMs: number): Promise<{ readonly token: bigint } | { readonly leftMs: number }>;
  /** False when it is another's, or nobody's. */
  renew(name: string, token: bigint, ttlMs: number): Promise<boolean>;
  /** Gives it back, or leaves it taken for so long. Does nothing when it is another's. */
  release(name: string, token: bigint, restMs: number): Promise<void>;
};

const lookAgainMs = 250; // at the most, so that what was given back early is found

export function createLocks(leases: Leases): Locks {
  async function tryTake(name: string, { ttlMs }: HoldOptions): Promise<Taken | { readonly leftMs: number }> {
    const askedMs = performance.now(); // the engine counts from later on, so ours is over first
    const taken = await leases.take(name, ttlMs);
    return 'token' in taken ? { token: taken.token, takenMs: askedMs } : taken;
  }

  async function run<T>(
    name: string,
    options: HoldOptions,
    { token, takenMs }: Taken,
    work: (held: Held) => Promise<T>,
  ): Promise<T> {
    const { ttlMs, restMs = 0 } = options;
    const keeping = keep({ ttlMs, takenMs, renew: () => leases.renew(name, token, ttlMs), lost: () => lockLost(name) });
    const signal = options.signal === undefined ? keeping.signal : AbortSignal.any([keeping.signal, options.signal]);
    try {
      return await work({ token, signal });
    } finally {
      await keeping.end();
      const leftMs = Math.max(0, Math.ceil(takenMs + restMs - performance.now()));
      await leases.release(name, token, leftMs).catch(() => undefined); // its time ends by itself
    }
  }

  return {
    async hold(name, options, work) {
      for (;;) {
        options.signal?.throwIfAborted();
        const taken = await tryTake(name, options);
        if ('token' in taken) return run(name, options, taken, work);
        await pause(Math.min(taken.leftMs, lookAgainMs) * (0.5 + Math.random() / 2), options.signal);
      }
    },
    async tryHold(name, options, work) {
      options.signal?.throwIfAborted();
      const taken = await tryTake(name, options);
      return 'token' in taken ? { result: await run(name, options, taken, work) } : undefined;
    },
  };
}

type Taken = { readonly token: bigint; readonly takenMs: number };

type KeepOptions = {
  readonly ttlMs: number;
  readonly takenMs: number;
  renew(): Promise<boolean>;
  lost(): Fault;
};

/** Renews until it is ended. Its signal is aborted when another has the lock, and when that can't be told in time. */
function keep({ ttlMs, takenMs, renew, lost }: KeepOptions): { readonly signal: AbortSignal; end(): Promise<void> } {
  const gone = new AbortController();
  const everyMs = ttlMs / 3;
  let untilMs = takenMs + ttlMs;
  let renewing: Promise<void> | undefined;
  let timer = setTimeout(tick, Math.max(0, takenMs + everyMs - performance.now()));
  let ended = false;

  function tick(): void {
    if (performance.now() >= untilMs) {
      gone.abort(lost());
      return;
    }
    renewing ??= renewOnce();
    // Again soon where the engine doesn't answer; in any case when the time is over.
    timer = setTimeout(tick, Math.max(1, Math.min(everyMs, untilMs - performance.now())));
  }

  async function renewOnce(): Promise<void> {
    const askedMs = performance.now();
    try {
      if (await renew()) untilMs = askedMs + ttlMs;
      else if (!ended) {
        clearTimeout(timer);
        gone.abort(lost());
      }
    } catch {
      // The engine is away: it is asked again until the time is over.
    }
    renewing = undefined;
  }

  return {
    signal: gone.signal,
    async end() {
      ended = true;
      clearTimeout(timer);
      await renewing;
    },
  };
}

/** Another may have the lock: whoever worked under it ends, and nothing it does from now on may count. */
function lockLost(name: string): Fault {
  return new Fault('aborted', 'LOCK_LOST', `The lock “${name}” is no longer ours; try again.`, {
    metadata: { lock: name },
  });
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}
