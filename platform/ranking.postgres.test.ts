import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { count, daysAgo, rankingContract, today } from './ranking.contract.ts';
import { createPostgresRanking } from './ranking.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());

rankingContract((options) => ({
  ranking: createPostgresRanking({ database, ...options }),
  database,
  fresh: () => Promise.resolve(),
}));

test('tidying forgets the days that are over, and all but the best of those that have ended', async () => {
  const at = { now: today };
  const ranking = createPostgresRanking({ database, days: 7, kept: 2, now: () => at.now });
  const bench = { ranking, database, fresh: () => Promise.resolve() };
  const scores = ['a', 'b', 'c', 'd'].map((member, index) => ({ board: 'tidy', member, score: index + 1 }));
  for (const days of [6, 1, 0]) await count(bench, { time: daysAgo(days), scores });
  const left = () =>
    database.query<{ day: string; members: string }>(
      `SELECT day, string_agg(member, '' ORDER BY member) AS members FROM ranking WHERE board = 'tidy' GROUP BY day ORDER BY day`,
    );
  while ((await ranking.tidy(3)) > 0);
  expect(await left()).toEqual([
    { day: '2026-11-17', members: 'cd' },
    { day: '2026-11-22', members: 'cd' },
    { day: '2026-11-23', members: 'abcd' }, // who is last today may still be the best of the day
  ]);
  at.now = daysAgo(-1);
  while ((await ranking.tidy(3)) > 0);
  expect((await left()).map(({ day, members }) => `${day} ${members}`)).toEqual(['2026-11-22 cd', '2026-11-23 cd']);
});
