import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openRedis, type RedisConnection } from './connection.redis.ts';
import { newId } from './ids.ts';
import { createRedisLocks } from './lock.redis.ts';
import { count, daysAgo, rankingContract, type RankingBench, today } from './ranking.contract.ts';
import { createPostgresRanking } from './ranking.postgres.ts';
import type { RankingWindow } from './ranking.ts';
import { createRedisRanking } from './ranking.redis.ts';
import { silentLog } from './telemetry/log.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';
import { testRedisConfig } from './testing/redis-config.ts';

let redis: RedisConnection;
let database: TestDatabase;
beforeAll(async () => {
  [redis, database] = await Promise.all([
    openRedis(testRedisConfig(`${newId('test')}:`), silentLog()),
    openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url)),
  ]);
});
afterAll(() => Promise.all([redis.close(), database.close()]));

type Options = RankingWindow & { now(): Date };

function open(options: Options, connection = redis): RankingBench & { truthReads(): number } {
  const postgres = createPostgresRanking({ database, ...options });
  let reads = 0;
  const truth: typeof postgres = {
    ...postgres,
    top(board, page) {
      reads++;
      return postgres.top(board, page);
    },
  };
  const locks = createRedisLocks(redis);
  const ranking = createRedisRanking({ redis: connection, truth, locks, log: silentLog(), ...options });
  return {
    ranking,
    database,
    truthReads: () => reads,
    async fresh(board) {
      while ((await redis.client.exists(redis.key('rank', board, 'whole'))) === 0) {
        await ranking.top(board, { offset: 0, limit: 1 });
      }
      await redis.client.del(redis.key('rank', board, 'sum'));
    },
  };
}

rankingContract(open);

const window = { days: 7, kept: 100, now: () => today };
const page = { offset: 0, limit: 10 };
const score = (board: string, member: string, of: number) => [{ board, member, score: of }];

/** In one step, as Redis is emptied in life. */
async function empty(): Promise<void> {
  // KEYS is for administrators, and a shop's user is none.
  const text = `local cursor = '0'
    repeat
      local step = redis.call('scan', cursor, 'match', ARGV[1], 'count', 1000)
      cursor = step[1]
      for _, key in ipairs(step[2]) do redis.call('del', key) end
    until cursor == '0'`;
  await redis.client.eval(text, 0, redis.key('*'));
}

test('a whole board is read from Redis alone', async () => {
  const bench = open(window);
  await count(bench, { time: today, scores: score('whole', 'a', 1) });
  await bench.fresh('whole');
  const before = bench.truthReads();
  expect(await bench.ranking.top('whole', page)).toEqual([{ member: 'a', score: 1 }]);
  expect(bench.truthReads()).toBe(before);
});

test('boards that Redis lost come back from PostgreSQL, and are right all the while', async () => {
  const bench = open(window);
  for (const days of [5, 2, 0]) await count(bench, { time: daysAgo(days), scores: score('lost', 'a', 2) });
  await bench.fresh('lost');
  await empty();
  await count(bench, { time: today, scores: score('lost', 'b', 1) }); // a part of a board is there before the rest
  const expected = [
    { member: 'a', score: 6 },
    { member: 'b', score: 1 },
  ];
  expect(await bench.ranking.top('lost', page)).toEqual(expected);
  await bench.fresh('lost');
  const before = bench.truthReads();
  expect(await bench.ranking.top('lost', page)).toEqual(expected);
  expect(bench.truthReads()).toBe(before);
});

test('what is counted while a board is copied counts once', async () => {
  const bench = open(window);
  await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      if (index % 10 === 5) await empty();
      await count(bench, { time: today, scores: score('copied', 'a', 1) });
      await bench.ranking.top('copied', page);
    }),
  );
  await bench.fresh('copied');
  expect(await bench.ranking.top('copied', page)).toEqual([{ member: 'a', score: 40 }]);
});

test('while Redis is away events count, and PostgreSQL answers', async () => {
  const away = await openRedis(testRedisConfig(`${newId('test')}:`), silentLog());
  await away.close();
  const bench = open(window, away);
  await count(bench, { time: today, scores: score('away', 'a', 1) });
  expect(await bench.ranking.top('away', page)).toEqual([{ member: 'a', score: 1 }]);
  expect(await bench.ranking.placeOf('away', 'a')).toEqual({ place: 0, score: 1 });
});

test('all that a board keeps has a time to live, and a day keeps its best alone', async () => {
  const bench = open({ ...window, kept: 3 });
  for (let one = 1; one <= 6; one++) await count(bench, { time: today, scores: score('bounded', `m${one}`, one) });
  await bench.fresh('bounded');
  await bench.ranking.top('bounded', page);
  const [, keys] = await redis.client.scan('0', 'MATCH', redis.key('rank', 'bounded', '*'), 'COUNT', 1_000_000); // KEYS is for administrators
  expect(keys.toSorted()).toEqual(['2026-11-23', 'sum', 'whole'].map((part) => redis.key('rank', 'bounded', part)));
  for (const key of keys) expect(await redis.client.pttl(key)).toBeGreaterThan(0);
  expect(await redis.client.zcard(redis.key('rank', 'bounded', '2026-11-23'))).toBe(3);
});
