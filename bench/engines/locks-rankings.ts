import { create } from '@bufbuild/protobuf';
import { Redis } from 'ioredis';
import pg from 'pg';
import { UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { openRedis } from '#platform/connection.redis.ts';
import { newId } from '#platform/ids.ts';
import type { Locks } from '#platform/lock.ts';
import { createPostgresLocks } from '#platform/lock.postgres.ts';
import { createRedisLocks } from '#platform/lock.redis.ts';
import { migrate } from '#platform/migrate.postgres.ts';
import { openPool } from '#platform/pool.postgres.ts';
import { dayOf, daysOf, type Ranking } from '#platform/ranking.ts';
import { createPostgresRanking } from '#platform/ranking.postgres.ts';
import { createRedisRanking } from '#platform/ranking.redis.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { engineVariable } from '#platform/testing/engines.ts';
import { testRedisConfig } from '#platform/testing/redis-config.ts';

// Locks and rankings through their adapters beside the bare drivers, on the engines that run: node bench/engines/locks-rankings.ts
// The two sides of a line take turns of 100 ms, so that both meet the same machine. BENCH_SECONDS (3) is how long each is measured.

const seconds = Number(process.env['BENCH_SECONDS'] ?? 3);
const turnMs = 100;
const window = { days: 7, kept: 500 };
const members = 5_000; // a board of a shop that sold so many products each day
const now = (): Date => new Date();

type Side = { count: number; ms: number; readonly tookMs: number[] };
type Work = () => Promise<unknown>;

async function turn(side: Side, work: Work, inFlight: number): Promise<void> {
  const beganMs = performance.now();
  const one = async (): Promise<void> => {
    for (let at = beganMs; at - beganMs < turnMs;) {
      await work();
      const doneMs = performance.now();
      side.tookMs.push(doneMs - at);
      side.count++;
      at = doneMs;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  side.ms += performance.now() - beganMs;
}

async function compare(name: string, adapter: Work, bare: Work): Promise<void> {
  for (const inFlight of [1, 16]) {
    const sides: [Side, Side] = [0, 1].map(() => ({ count: 0, ms: 0, tookMs: [] })) as never;
    for (let warm = 0; warm < 300; warm++) await Promise.all([adapter(), bare()]);
    for (let round = 0; round < (seconds * 1_000) / turnMs; round++) {
      const both = [turn.bind(null, sides[0], adapter, inFlight), turn.bind(null, sides[1], bare, inFlight)];
      for (const one of round % 2 === 0 ? both : both.reverse()) await one();
    }
    const rate = ({ count, ms }: Side): number => (count / ms) * 1_000;
    const at = ({ tookMs }: Side, part: number): string =>
      (tookMs.sort((a, b) => a - b)[Math.floor(tookMs.length * part)] ?? 0).toFixed(2);
    const cells = sides.flatMap((side) => [
      Math.round(rate(side)).toLocaleString('en'),
      `${at(side, 0.5)} / ${at(side, 0.99)}`,
    ]);
    const percent = Math.round((rate(sides[0]) / rate(sides[1])) * 100);
    console.log(`| ${name} | ${inFlight} | ${cells.join(' | ')} | ${percent}% |`);
  }
}

const schema = newId('bench');
const database = openPool({ url: engineVariable('DATABASE_URL'), schema });
const bareDatabase = new pg.Pool({
  connectionString: engineVariable('DATABASE_URL'),
  options: `-c search_path=${schema}`,
  max: 8,
});
const settings = testRedisConfig(`${schema}:`);
const redis = await openRedis(settings, silentLog());
const bareRedis = new Redis(settings.REDIS_URL, {
  tls: settings.REDIS_CA === undefined ? undefined : { ca: settings.REDIS_CA },
});

async function locks(): Promise<void> {
  let lock = 0;
  const held = (by: Locks): Work => {
    return () => by.tryHold(`lock ${++lock % 64}`, { ttlMs: 30_000 }, () => Promise.resolve());
  };
  const takes = {
    // The same promise: a token that grows though Redis was emptied, or another engine was used in between.
    'lock and unlock, Redis': `
      local left = redis.call('pttl', KEYS[1])
      if left ~= -2 then return left end
      local time = redis.call('time')
      local token = math.max(tonumber(redis.call('get', KEYS[2]) or 0) + 1, time[1] * 1000000 + time[2])
      local text = string.format('%.0f', token)
      redis.call('set', KEYS[1], text, 'px', ARGV[1])
      redis.call('set', KEYS[2], text, 'px', 2592000000)
      return text`,
    // A smaller one: the token is a counter, which begins anew with Redis.
    '… beside a token that is a counter': `
      local token = redis.call('incr', KEYS[2])
      if redis.call('set', KEYS[1], token, 'nx', 'px', ARGV[1]) then return tostring(token) end`,
  };
  const giveBack = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], 0) end return 0`;
  const giving = String(await bareRedis.script('LOAD', giveBack));
  for (const [name, take] of Object.entries(takes)) {
    const taking = String(await bareRedis.script('LOAD', take));
    await compare(name, held(createRedisLocks(redis)), async () => {
      const key = `${schema}:bare ${++lock % 64}`;
      const token = await bareRedis.evalsha(taking, 2, key, `${key} token`, 30_000);
      await bareRedis.evalsha(giving, 1, key, String(token));
    });
  }
  await compare('lock and unlock, PostgreSQL', held(createPostgresLocks(database)), async () => {
    const name = `bare ${++lock % 64}`;
    const { rows } = await bareDatabase.query<{ token: string }>({
      name: 'take',
      text: `INSERT INTO lease (name, token, expire_time) VALUES ($1, 1, clock_timestamp() + interval '30 seconds')
        ON CONFLICT (name) DO UPDATE SET token = lease.token + 1, expire_time = excluded.expire_time
        WHERE lease.expire_time <= clock_timestamp() RETURNING token`,
      values: [name],
    });
    const text = 'UPDATE lease SET expire_time = clock_timestamp() WHERE name = $1 AND token = $2';
    await bareDatabase.query({ name: 'give back', text, values: [name, rows[0]?.token] });
  });
}

async function rankings(): Promise<void> {
  const days = daysOf(window, now());
  await database.query(
    `INSERT INTO ranking (board, day, member, score)
     SELECT 'all', day, 'prd_' || member, 1 + (member * 7919) % 997 FROM unnest($1::date[]) AS day, generate_series(1, $2::int) AS member`,
    [days, members],
  );
  await database.query('ANALYZE ranking');
  const truth = createPostgresRanking({ database, now, ...window });
  const page = { offset: 0, limit: 25 };
  const text = `SELECT member, sum(score)::int8 AS score FROM ranking WHERE board = $1 AND day > $2::date - 7 AND day <= $2::date
    GROUP BY member ORDER BY sum(score) DESC, member DESC LIMIT 25`;
  await compare(
    'best 25, PostgreSQL, 5,000 of each day',
    () => truth.top('all', page),
    () => bareDatabase.query({ name: 'top', text, values: ['all', dayOf(now())] }),
  );
  while ((await truth.tidy(1_000)) > 0);
  await compare(
    'best 25, PostgreSQL, tidied',
    () => truth.top('all', page),
    () => bareDatabase.query({ name: 'top', text, values: ['all', dayOf(now())] }),
  );
  const copy = createRedisRanking({ redis, truth, locks: createRedisLocks(redis), log: silentLog(), now, ...window });
  while ((await redis.client.exists(redis.key('rank', 'all', 'whole'))) === 0) await copy.top('all', page);
  const sum = redis.key('rank', 'all', 'sum');
  await bareRedis.zunionstore(`${sum} bare`, days.length, ...days.map((day) => redis.key('rank', 'all', day)));
  await compare(
    'best 25, Redis',
    () => copy.top('all', page),
    () => bareRedis.zrevrange(`${sum} bare`, 0, 24, 'WITHSCORES'),
  );

  const adding = `WITH changed AS (
      INSERT INTO ranking AS before (board, day, member, score) VALUES ($1, $2, $3, 1)
      ON CONFLICT (board, day, member) DO UPDATE SET score = before.score + 1 RETURNING 1)
    INSERT INTO inbox (group_name, event_id) SELECT 'bare', $4 FROM changed`;
  await compare('count an event, PostgreSQL', counting(truth), () =>
    bareDatabase.query({ name: 'add', text: adding, values: ['bare', dayOf(now()), someMember(), newId('evt')] }),
  );
  const bareKey = `${schema}:bare day`;
  await compare('count an event, and copy it to Redis', counting(copy), async () => {
    const member = someMember();
    await bareDatabase.query({ name: 'add', text: adding, values: ['bare', dayOf(now()), member, newId('evt')] });
    const score = `SELECT score FROM ranking WHERE board = $1 AND day = $2 AND member = $3`;
    const { rows } = await bareDatabase.query<{ score: string }>({
      name: 'score',
      text: score,
      values: ['bare', dayOf(now()), member],
    });
    await bareRedis
      .multi()
      .zadd(bareKey, 'GT', rows[0]?.score ?? '0', member)
      .pexpire(bareKey, 60_000)
      .exec();
  });
  await copy.close();
}

let told = 0;
const someMember = (): string => `prd_${(++told * 7919) % 4_999}`;

function counting(ranking: Pick<Ranking, 'counting'>): Work {
  const event = create(UserDeletedSchema);
  const { signal } = new AbortController();
  const handler = ranking.counting(UserDeletedSchema, () =>
    Promise.resolve({ time: now(), scores: [{ board: 'counted', member: someMember(), score: 1 }] }),
  );
  return () => {
    const about = { topic: UserDeletedSchema.typeName, key: '', body: Buffer.of(), traceparent: '', time: now() };
    return handler.handle(event, { message: { id: newId('evt'), ...about }, group: 'bench', database, signal });
  };
}

try {
  await migrate({
    url: engineVariable('DATABASE_URL'),
    schema,
    migrations: new URL('../../platform/testing/migrations/', import.meta.url),
  });
  console.log(
    '| what | in flight | adapter, a second | p50 / p99 ms | bare driver, a second | p50 / p99 ms | of bare |',
  );
  console.log('|---|---:|---:|---:|---:|---:|---:|');
  await locks();
  await rankings();
} finally {
  await database.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`).catch(() => undefined);
  const keys = await bareRedis.keys(`${schema}:*`);
  if (keys.length > 0) await bareRedis.unlink(...keys);
  bareRedis.disconnect();
  await Promise.all([redis.close(), database.close(), bareDatabase.end()]);
}
