/** An answer as it is sent: encoded, and known by a hash of its bytes. */
export type Answer = {
  readonly body: Uint8Array;
  /** A strong ETag, quoted. */
  readonly etag: string;
  /** Unix milliseconds at which the service gave it. */
  readonly madeAtMs: number;
};

/**
 * Keeps answers that the contract lets everybody share. It never sees an answer that was made for a signed-in user.
 * The contract suite in response-cache.contract.ts says how an adapter behaves.
 */
export type ResponseCache = {
  /** The answer, unless it is older than it may be or was dropped for others. */
  get(key: string, nowMs: number): Answer | undefined | Promise<Answer | undefined>;
  set(key: string, answer: Answer, maxAgeMs: number): void | Promise<void>;
  close(): Promise<void>;
};

/** A cache that asks once, however many want the same answer at the same time. */
export type SharedAnswers = {
  /** The kept answer, or the one that `make` makes. `make` runs once for all who wait; its failure reaches all of them and is not kept. */
  through(key: string, maxAgeMs: number, make: () => Promise<Answer>): Answer | Promise<Answer>;
};

export type CacheCounts = { hit(): void; miss(): void; joined(): void };

export function shareAnswers(cache: ResponseCache, now: () => number, counts: CacheCounts): SharedAnswers {
  const making = new Map<string, Promise<Answer>>();

  function makeOnce(key: string, maxAgeMs: number, make: () => Promise<Answer>): Promise<Answer> {
    const underWay = making.get(key);
    if (underWay !== undefined) {
      counts.joined();
      return underWay;
    }
    counts.miss();
    const made = make()
      .then(async (answer) => {
        await cache.set(key, answer, maxAgeMs);
        return answer;
      })
      .finally(() => making.delete(key));
    making.set(key, made);
    return made;
  }

  async function afterLookup(
    lookup: Promise<Answer | undefined>,
    key: string,
    maxAgeMs: number,
    make: () => Promise<Answer>,
  ): Promise<Answer> {
    const kept = await lookup;
    if (kept === undefined) return makeOnce(key, maxAgeMs, make);
    counts.hit();
    return kept;
  }

  return {
    through(key, maxAgeMs, make) {
      const kept = cache.get(key, now());
      if (kept instanceof Promise) return afterLookup(kept, key, maxAgeMs, make);
      if (kept === undefined) return makeOnce(key, maxAgeMs, make);
      counts.hit();
      return kept;
    },
  };
}
