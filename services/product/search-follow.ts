import type { Env } from '#platform/service.ts';
import { Fault } from '#platform/fault.ts';
import type { SearchFeed, SearchIndex, SearchIndexEngine } from './search-index-engine.ts';

export type FollowOptions = Pick<Env, 'now' | 'log' | 'newId'> & {
  readonly feed: SearchFeed;
  readonly engine: SearchIndexEngine;
  /** Between two looks at what has changed: 500 ms unless told. */
  readonly everyMs?: number;
};

export type SearchFollowing = {
  /** Whether there is an index with all products in it. */
  isLive(): boolean;
  /** Does one round now: tells what has changed, a batch of each index. Answers how much that was. For tests, which wait for nothing. */
  round(): Promise<number>;
  close(): Promise<void>;
};

const batch = 500;
const tidyEveryMs = 5_000; // so soon is an index missed that somebody has removed
const staleMs = 30_000; // what was read so long ago isn't sent any more: another process has taken it meanwhile
const longestPauseMs = 4_000;
const sayEveryMs = 10_000;

/**
 * Keeps an index in step with the products: makes it when there is none, fills it, tells it what changes, and removes those that
 * another took the place of. Every process runs one: a batch is one's at a time, filling is one's until it is done or silent for
 * 30 s, and whatever is told twice or late is known by its number.
 */
export function startFollowing(options: FollowOptions): SearchFollowing {
  const { feed, engine, now, log, newId, everyMs = 500 } = options;
  const mapping = engine.alias;
  const owner = newId('fil');
  const stopped = new AbortController();
  let isLive = false;
  let tidiedMs = 0;
  let filling: Promise<void> | undefined;
  let fillFailures = 0;

  async function round(): Promise<number> {
    let indexes = await feed.indexes(mapping);
    if (now().getTime() - tidiedMs >= tidyEveryMs) {
      await tidy(indexes);
      tidiedMs = now().getTime();
      indexes = await feed.indexes(mapping);
    }
    isLive = indexes.some(({ state }) => state === 'live');
    if (!isLive && !indexes.some(({ state }) => state === 'filling')) {
      await feed.begin(mapping, `${mapping}-${timeName(now())}`);
      return 1;
    }
    let told = 0;
    for (const index of indexes) {
      if (index.state === 'live' || (index.state === 'filling' && index.filledTo !== '')) told += await follow(index);
      if (index.state === 'filling' && filling === undefined && (await feed.lease(index.name, owner))) {
        filling = fill(index)
          .catch((error: unknown) => {
            say(error, 'filling a search index failed; it goes on');
            return pause(pauseAfter(++fillFailures), stopped.signal);
          })
          .finally(() => (filling = undefined));
      }
    }
    return told;
  }

  async function follow({ name, state }: SearchIndex): Promise<number> {
    const takenMs = now().getTime();
    const taken = await feed.take(name, batch);
    if (taken.length === 0 || now().getTime() - takenMs > staleMs) return 0;
    const told = await engine.tell(name, taken, stopped.signal).catch(async (error: unknown) => {
      // What Elasticsearch refuses for good keeps its 30 s, and others are told meanwhile.
      if (error instanceof Fault) await feed.release(name, taken);
      throw error;
    });
    if (!told) {
      if (state === 'live') await lost(name);
      return 0;
    }
    await feed.told(name, taken);
    return taken.length;
  }

  async function fill({ name, filledTo, filled }: SearchIndex): Promise<void> {
    if (filledTo === '') await engine.create(name);
    log.info({ index: name, filled }, 'a search index is being filled');
    for (let after = filledTo; !stopped.signal.aborted;) {
      const readMs = now().getTime();
      const page = await feed.page(after, batch);
      const last = page.at(-1);
      if (last === undefined) break;
      if (now().getTime() - readMs > staleMs) continue;
      if (!(await engine.tell(name, page, stopped.signal))) return lost(name);
      after = last.productId;
      fillFailures = 0;
      if (!(await feed.filled(name, owner, { to: after, more: page.length }))) return;
    }
    const index = { name, state: 'filling', filledTo: '', filled: 0, total: 0 } as const;
    while (!stopped.signal.aborted && (await follow(index)) === batch); // what changed meanwhile
    if (stopped.signal.aborted || !(await feed.lease(name, owner))) return;
    if (!(await engine.point(name))) return lost(name);
    await feed.live(mapping, name);
    isLive = true;
    log.info({ index: name }, 'a search index is filled, and asked from now on');
  }

  async function lost(name: string): Promise<void> {
    log.error({ index: name }, 'a search index is gone; the database answers until another is filled');
    isLive = false;
    await feed.forget(name);
  }

  async function tidy(indexes: readonly SearchIndex[]): Promise<void> {
    await feed.tidy(mapping);
    for (const { name, state } of indexes) {
      if (state !== 'live' || (await engine.isAsked(name))) continue;
      if (!(await engine.point(name))) await lost(name); // somebody pointed elsewhere, or removed it
    }
    for (const name of await feed.old()) {
      await engine.remove(name);
      await feed.forget(name);
    }
  }

  let saidMs = 0;
  function say(error: unknown, text: string): void {
    if (stopped.signal.aborted || now().getTime() - saidMs < sayEveryMs) return;
    saidMs = now().getTime();
    log.warn({ err: error instanceof Fault ? error.cause : error }, text);
  }

  function pauseAfter(failures: number): number {
    return Math.min(longestPauseMs, everyMs * 2 ** Math.min(failures, 10));
  }

  async function work(): Promise<void> {
    for (let failures = 0; !stopped.signal.aborted;) {
      try {
        const told = await round();
        failures = 0;
        if (told < batch) await pause(everyMs, stopped.signal);
      } catch (error) {
        failures++;
        say(error, 'the search index can’t be kept up to date; trying again');
        await pause(pauseAfter(failures), stopped.signal);
      }
    }
  }

  const working = everyMs === Infinity ? Promise.resolve() : work();
  return {
    isLive: () => isLive,
    async round() {
      const told = await round();
      await filling;
      return told;
    },
    async close() {
      stopped.abort();
      await Promise.all([working, filling]);
    },
  };
}

/** "20261123014512345": names an index by when it was begun. */
export function timeName(time: Date): string {
  return time.toISOString().replace(/[^0-9]/g, '');
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
