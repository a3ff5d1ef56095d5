import { Fault } from '#platform/fault.ts';
import type { Env } from '#platform/service.ts';
import type { ProductSearch } from './search.ts';

export type FallbackOptions = Pick<Env, 'log'> & {
  /** Asked while it is well. */
  readonly first: ProductSearch;
  /** Whether the first one knows all products. */
  readonly isReady: () => boolean;
  /** Asked otherwise. Both find the same and give the same cursors. */
  readonly second: ProductSearch;
  /** How often it is asked whether the first one is back: 1 s unless told. */
  readonly probeMs?: number;
  /** Told of each search that the second one does, and why. */
  fellBack?(why: WhySecond): void;
};

/** The first one did not answer this very search; it is known to be away; it doesn't know all products yet. */
export type WhySecond = 'unanswered' | 'away' | 'filling';

export type FallbackSearch = ProductSearch & {
  /** Which one is asked just now. */
  current(): 'first' | 'second';
  close(): Promise<void>;
};

/**
 * A search that is there while the first one isn't. One search meets the failure and is answered by the second; those after it don't
 * try: nobody waits for a time-out again until a probe in the background was answered.
 */
export function createFallbackSearch({
  first,
  second,
  isReady,
  log,
  probeMs = 1_000,
  fellBack,
}: FallbackOptions): FallbackSearch {
  let timer: NodeJS.Timeout | undefined;
  let probing: Promise<void> | undefined;
  let isClosed = false;

  function whySecond(): WhySecond | undefined {
    if (timer !== undefined) return 'away';
    return isReady() ? undefined : 'filling';
  }

  async function ask<T>(work: (search: ProductSearch) => Promise<T>): Promise<T> {
    let why = whySecond();
    if (why === undefined) {
      try {
        return await work(first);
      } catch (error) {
        if (!(error instanceof Fault) || error.kind !== 'unavailable') throw error;
        leave(error);
        why = 'unanswered';
      }
    }
    fellBack?.(why);
    return work(second);
  }

  function leave(error: Fault): void {
    if (timer !== undefined || isClosed) return;
    log.warn({ err: error.cause }, 'the search engine is away; the database answers');
    timer = setInterval(() => void (probing ??= probe()), probeMs);
    timer.unref();
  }

  async function probe(): Promise<void> {
    try {
      await first.suggest('a', 1);
      clearInterval(timer);
      timer = undefined;
      log.info('the search engine is back');
    } catch {
      // still away; why was said when it went
    } finally {
      probing = undefined;
    }
  }

  return {
    search: (query) => ask((search) => search.search(query)),
    suggest: (prefix, limit) => ask((search) => search.suggest(prefix, limit)),
    current: () => (whySecond() === undefined ? 'first' : 'second'),
    async close() {
      isClosed = true;
      clearInterval(timer);
      await probing;
    },
  };
}
