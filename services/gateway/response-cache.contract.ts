import { afterAll, expect, test } from '@jest/globals';
import type { Answer, Making, ResponseCache } from './response-cache.ts';

/** What every cache of answers does. `open` opens another on the same engine. An adapter's test calls it. */
export function testResponseCache(open: () => ResponseCache): void {
  let opened: ResponseCache | undefined;
  const cache = (): ResponseCache => (opened ??= open());
  afterAll(() => opened?.close());
  const answer = (text: string, tags: readonly string[] = [], forMs = 60_000): Answer => {
    const madeAtMs = Date.now();
    return { body: Buffer.from(text), etag: `"${text}"`, madeAtMs, staleAtMs: madeAtMs + forMs, tags };
  };
  const get = async (key: string) => cache().get(key, Date.now());
  async function begin(key: string): Promise<Making> {
    const making = await cache().begin(key, Date.now());
    if ('body' in making) throw new Error('somebody else has made it');
    return making;
  }
  const put = async (key: string, made: Answer) => (await begin(key)).keep(made);

  test('what was kept comes back as it was, and no older than it is', async () => {
    const made = answer('one', ['prd_1']);
    await put('a', made);
    const kept = await get('a');
    expect(Buffer.from(kept?.body ?? []).toString()).toBe('one');
    expect(kept).toMatchObject({ etag: '"one"', tags: ['prd_1'] });
    expect(Math.abs((kept?.madeAtMs ?? 0) - made.madeAtMs)).toBeLessThan(1_000);
    expect(Math.abs((kept?.staleAtMs ?? 0) - made.staleAtMs)).toBeLessThan(1_000);
  });

  test('another key has no answer', async () => {
    expect(await get('never set')).toBeUndefined();
  });

  test('an answer that is older than it may be is not given', async () => {
    await put('c', answer('one', [], 40));
    while ((await get('c')) !== undefined) await new Promise(setImmediate);
    await put('c', answer('two'));
    expect((await get('c'))?.etag).toBe('"two"');
  });

  test('what holds something that has changed is dropped, and nothing else', async () => {
    await put('d1', answer('d1', ['prd_a', 'prd_b']));
    await put('d2', answer('d2', ['prd_b']));
    await put('d3', answer('d3', ['prd_c']));
    await cache().drop(['prd_b', 'prd_z']);
    expect([await get('d1'), await get('d2')]).toEqual([undefined, undefined]);
    expect((await get('d3'))?.etag).toBe('"d3"');
    await put('d2', answer('again', ['prd_b']));
    expect((await get('d2'))?.etag).toBe('"again"');
  });

  test('an answer that was begun before a drop is not kept after it', async () => {
    const old = await begin('e');
    await cache().drop(['prd_e']);
    await old.keep(answer('old', ['prd_e']));
    expect(await get('e')).toBeUndefined();
    await put('e', answer('new', ['prd_e']));
    expect((await get('e'))?.etag).toBe('"new"');
  });

  test('what could not be made may be made by the next', async () => {
    await (await begin('f')).giveUp();
    await put('f', answer('f'));
    expect((await get('f'))?.etag).toBe('"f"');
  });
}
