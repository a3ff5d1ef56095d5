import { afterAll, expect, test } from '@jest/globals';
import type { Answer, ResponseCache } from './response-cache.ts';

/** What every cache of answers does. An adapter's test calls it. */
export function testResponseCache(open: () => ResponseCache): void {
  const cache = open();
  afterAll(() => cache.close());
  const now = Date.now();
  const answer = (text: string): Answer => ({ body: Buffer.from(text), etag: `"${text}"`, madeAtMs: now });

  test('what was kept comes back as it was', async () => {
    await cache.set('a', answer('one'), 60_000);
    const kept = await cache.get('a', now);
    expect(Buffer.from(kept?.body ?? []).toString()).toBe('one');
    expect(kept).toMatchObject({ etag: '"one"', madeAtMs: now });
  });

  test('another key has no answer', async () => {
    expect(await cache.get('never set', now)).toBeUndefined();
  });

  test('a later answer replaces the one before', async () => {
    await cache.set('b', answer('one'), 60_000);
    await cache.set('b', answer('two'), 60_000);
    expect((await cache.get('b', now))?.etag).toBe('"two"');
  });

  test('an answer that is older than it may be is not given', async () => {
    await cache.set('c', answer('one'), 5_000);
    expect(await cache.get('c', now + 4_999)).toBeDefined();
    expect(await cache.get('c', now + 5_000)).toBeUndefined();
  });
}
