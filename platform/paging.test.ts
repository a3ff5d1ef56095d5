import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DeadLetterService } from '#gen/only2u/operation/v1/dead_letter_pb.ts';
import { pageTokens } from './page-token.ts';
import { byId, listPage, pageSizeOf, type PagedList } from './paging.ts';

const tokens = pageTokens('a key of the tests, 32 characters or more');
const { listDeadLetters: method, getDeadLetter: otherMethod } = DeadLetterService.method;
type Item = { readonly id: string };

/** So many items, listed by their ids; `limits` is told how many were asked for. */
function listOf(count: number, limits: number[] = []): PagedList<Item, string> {
  const items = Array.from({ length: count }, (_, index) => ({ id: `itm_${String(index).padStart(4, '0')}` }));
  return {
    ...byId,
    tokens,
    method,
    filter: ['usr_a'],
    fetch({ after = '', limit }) {
      limits.push(limit);
      return Promise.resolve(items.filter(({ id }) => id > after).slice(0, limit));
    },
  };
}

test('the pages hold each item once and in order, and the last has no token', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(250), fc.integer({ min: 1, max: 120 }), async (count, pageSize) => {
      const list = listOf(count);
      const ids: string[] = [];
      let pages = 0;
      let pageToken = '';
      do {
        const page = await listPage({ pageSize, pageToken }, list);
        expect(page.items.length).toBeLessThanOrEqual(Math.min(pageSize, 100));
        ids.push(...page.items.map(({ id }) => id));
        ({ nextPageToken: pageToken } = page);
        pages += 1;
      } while (pageToken !== '');
      expect(ids).toEqual([...new Set(ids)].sort());
      expect(ids).toHaveLength(count);
      expect(pages).toBe(Math.max(1, Math.ceil(count / Math.min(pageSize, 100))));
    }),
    { numRuns: 50 },
  );
});

test('one more is asked for than is answered, within the bounds of a page', async () => {
  const limits: number[] = [];
  const list = listOf(300, limits);
  for (const [pageSize, answered] of [
    [0, 50],
    [7, 7],
    [1_000, 100],
  ] as const)
    expect((await listPage({ pageSize, pageToken: '' }, list)).items).toHaveLength(answered);
  expect((await listPage({ pageSize: 0, pageToken: '' }, { ...list, usual: 20 })).items).toHaveLength(20);
  expect(limits).toEqual([51, 8, 101, 21]);
  expect([pageSizeOf({ pageSize: 0 }), pageSizeOf({ pageSize: 0 }, 24), pageSizeOf({ pageSize: 101 }, 24)]).toEqual([
    50, 24, 100,
  ]);
});

test('the token of another list, of a changed filter or with a cursor of another kind is refused, and nothing is fetched', async () => {
  const limits: number[] = [];
  const list = listOf(10, limits);
  const { nextPageToken: pageToken } = await listPage({ pageSize: 2, pageToken: '' }, list);
  const refusal = expect.objectContaining({ kind: 'invalid-argument', reason: 'PAGE_TOKEN_INVALID' });
  const others = [
    { ...list, filter: ['usr_b'] },
    { ...list, method: otherMethod },
    { ...list, parse: () => undefined },
  ];
  for (const other of others) await expect(listPage({ pageSize: 2, pageToken }, other)).rejects.toEqual(refusal);
  expect(limits).toEqual([3]);
});
