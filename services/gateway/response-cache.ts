/** An answer as it is sent: encoded, and known by a hash of its bytes. */
export type Answer = {
  readonly body: Uint8Array;
  /** A strong ETag, quoted. */
  readonly etag: string;
  /** Unix milliseconds at which the service gave it. */
  readonly madeAtMs: number;
  /** Unix milliseconds from which on it is too old to be given. */
  readonly staleAtMs: number;
  /** Ids of what it holds: it is dropped when one of them has changed. */
  readonly tags: readonly string[];
};

/** Somebody is making an answer. */
export type Making = {
  /** Keeps it, unless something in it was dropped since it was begun: it may have been read before the change. */
  keep(answer: Answer): void | Promise<void>;
  /** It can't be made: another may try at once. */
  giveUp(): void | Promise<void>;
};

/**
 * Keeps answers that the contract lets everybody share. It never sees an answer that was made for a signed-in user.
 * The contract suite in response-cache.contract.ts says how an adapter behaves.
 */
export type ResponseCache = {
  /** The answer, unless it is older than it may be or was dropped. */
  get(key: string, nowMs: number): Answer | undefined | Promise<Answer | undefined>;
  /** Called before an answer is asked for. Where another process makes it just now it waits a while, and gives what that made. */
  begin(key: string, nowMs: number): Making | Answer | Promise<Making | Answer>;
  /** Drops the answers that hold one of these. */
  drop(tags: readonly string[]): void | Promise<void>;
  /** Drops what this process keeps: what was told to be dropped may have been missed. */
  dropOwn(): void;
  close(): Promise<void>;
};

/** A cache that asks once, however many want the same answer at the same time. */
export type SharedAnswers = {
  /** The kept answer, or the one that `make` makes. `make` runs once for all who wait; its failure reaches all of them and is not kept. */
  through(key: string, make: () => Promise<Answer>): Answer | Promise<Answer>;
};

export type CacheCounts = { hit(): void; miss(): void; joined(): void };

export function shareAnswers(cache: ResponseCache, now: () => number, counts: CacheCounts): SharedAnswers {
  const making = new Map<string, Promise<Answer>>();

  async function makeOne(key: string, make: () => Promise<Answer>): Promise<Answer> {
    const begun = await cache.begin(key, now());
    if ('body' in begun) {
      counts.joined(); // to another process
      return begun;
    }
    counts.miss();
    try {
      const answer = await make();
      await begun.keep(answer);
      return answer;
    } catch (error) {
      await begun.giveUp();
      throw error;
    }
  }

  function makeOnce(key: string, make: () => Promise<Answer>): Promise<Answer> {
    const underWay = making.get(key);
    if (underWay !== undefined) {
      counts.joined();
      return underWay;
    }
    const made = makeOne(key, make).finally(() => making.delete(key));
    making.set(key, made);
    return made;
  }

  async function afterLookup(
    lookup: Promise<Answer | undefined>,
    key: string,
    make: () => Promise<Answer>,
  ): Promise<Answer> {
    const kept = await lookup;
    if (kept === undefined) return makeOnce(key, make);
    counts.hit();
    return kept;
  }

  return {
    through(key, make) {
      const kept = cache.get(key, now());
      if (kept instanceof Promise) return afterLookup(kept, key, make);
      if (kept === undefined) return makeOnce(key, make);
      counts.hit();
      return kept;
    },
  };
}
