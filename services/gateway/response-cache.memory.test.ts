import { expect, test } from '@jest/globals';
import { testResponseCache } from './response-cache.contract.ts';
import { createMemoryResponseCache } from './response-cache.memory.ts';
import { type Answer, type ResponseCache, shareAnswers } from './response-cache.ts';

testResponseCache(() => createMemoryResponseCache({ maxBytes: 1_000_000 }));

const answer = (size: number): Answer => ({
  body: Buffer.alloc(size),
  etag: `"${size}"`,
  madeAtMs: 0,
  staleAtMs: 60_000,
  tags: [],
});
async function put(cache: ResponseCache, key: string, made: Answer): Promise<void> {
  const making = await cache.begin(key, 0);
  if ('keep' in making) await making.keep(made);
}
const uncounted = { hit: () => undefined, miss: () => undefined, joined: () => undefined };

test('it holds no more bytes than it may, and drops what was not asked for longest', async () => {
  const cache = createMemoryResponseCache({ maxBytes: 100_000 });
  for (let i = 0; i < 100; i++) await put(cache, `key ${i}`, answer(10_000));
  const kept = [];
  for (let i = 0; i < 100; i++) if (await cache.get(`key ${i}`, 1)) kept.push(i);
  expect(kept.length).toBeLessThan(10);
  expect(kept.at(-1)).toBe(99);
});

test('an answer that would fill the cache alone is not kept', async () => {
  const cache = createMemoryResponseCache({ maxBytes: 100_000 });
  await put(cache, 'large', answer(90_000));
  expect(await cache.get('large', 1)).toBeUndefined();
});

test('an answer that many want at the same time is made once', async () => {
  const shared = shareAnswers(createMemoryResponseCache({ maxBytes: 100_000 }), () => 1, uncounted);
  let made = 0;
  const ask = () => shared.through('key', async () => answer(++made));
  const answers = await Promise.all([ask(), ask(), ask()]);
  expect(made).toBe(1);
  expect(new Set(answers).size).toBe(1);
  expect(await ask()).toBe(answers[0]);
  expect(made).toBe(1);
});

test('a failure reaches all who waited for it, and the next one asks again', async () => {
  const shared = shareAnswers(createMemoryResponseCache({ maxBytes: 100_000 }), () => 1, uncounted);
  const fail = () => shared.through('key', () => Promise.reject(new Error('down')));
  const results = await Promise.allSettled([fail(), fail()]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect((await shared.through('key', async () => answer(1))).etag).toBe('"1"');
});

test('a cache of no bytes keeps nothing', async () => {
  const cache = createMemoryResponseCache({ maxBytes: 0 });
  await put(cache, 'key', answer(1));
  expect(await cache.get('key', 1)).toBeUndefined();
});
