import { expect, test } from '@jest/globals';
import { engineAway } from '#platform/engine.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { createFallbackSearch, type WhySecond } from './search-fallback.ts';
import type { ProductSearch, SearchQuery, SearchResult } from './search.ts';

const query: SearchQuery = {
  ...{ query: '', categoryIds: undefined, tags: [], brands: [], options: [], price: undefined },
  ...{ inStock: false, sort: 'newest', limit: 1, cursor: undefined },
};

function engine(name: string) {
  const state = { isAway: false, asked: 0, bug: false };
  const answer = async <T>(value: T): Promise<T> => {
    state.asked++;
    if (state.bug) throw new Error('a bug');
    if (state.isAway) throw engineAway(name, new Error('away'));
    return Promise.resolve(value);
  };
  const result: SearchResult = {
    ...{ productIds: [name], total: 1, capped: false, facets: [], correctedQuery: '', words: [], next: undefined },
  };
  const search: ProductSearch = { search: () => answer(result), suggest: () => answer([]) };
  return { state, search };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test('one search meets the failure, the others don’t try, and a probe brings the first engine back', async () => {
  const [first, second] = [engine('first'), engine('second')];
  let isReady = false;
  const why: WhySecond[] = [];
  const search = createFallbackSearch({
    first: first.search,
    second: second.search,
    isReady: () => isReady,
    log: silentLog(),
    probeMs: 1,
    fellBack: (reason) => why.push(reason),
  });
  const answered = async () => (await search.search(query)).productIds[0];
  expect(await answered()).toBe('second');
  expect(first.state.asked).toBe(0);
  isReady = true;
  expect(await answered()).toBe('first');
  first.state.isAway = true;
  expect(await answered()).toBe('second');
  expect(search.current()).toBe('second');
  expect(await answered()).toBe('second');
  expect(why).toEqual(['filling', 'unanswered', 'away']);
  first.state.isAway = false;
  await until(() => search.current() === 'first');
  expect(await answered()).toBe('first');
  first.state.bug = true;
  await expect(answered()).rejects.toThrow('a bug');
  expect(why).toHaveLength(3);
  await search.close();
});
