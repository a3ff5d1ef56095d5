import { create } from '@bufbuild/protobuf';
import { UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { newId } from '#platform/ids.ts';
import { createPostgresLocks } from '#platform/lock.postgres.ts';
import { createRedisLocks, keeping, taking } from '#platform/lock.redis.ts';
import type { Locks } from '#platform/lock.ts';
import type { Database } from '#platform/pool.postgres.ts';
import { dayOf, daysOf, type Ranking } from '#platform/ranking.ts';
import { createPostgresRanking } from '#platform/ranking.postgres.ts';
import { createRedisRanking } from '#platform/ranking.redis.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import type { Work } from './compare.ts';
import { platformTables, type World } from './world.ts';

const window = { days: 7, kept: 500 };
const members = 5_000; // a board of a shop that sold so many products each day
const page = { offset: 0, limit: 25 };
const names = 64; // more than are in flight: nobody waits
const now = (): Date => new Date();

type Engines = Awaited<ReturnType<World['redis']>> &
  Awaited<ReturnType<World['real']>> & { readonly embedded: Database };

/** Locks, and boards of what was sold most. */
export async function benchLocksAndRankings(world: World): Promise<void> {
  const engines = {
    ...(await world.redis()),
    ...(await world.real(platformTables)),
    embedded: await world.embedded(platformTables),
  };
  await locks(world, engines);
  await rankings(world, engines);
}

async function locks({ compare }: World, engines: Engines): Promise<void> {
  const { redis, bareRedis, database, barePool, embedded } = engines;
  const held = (by: Locks): Work => {
    return (call) => by.tryHold(`lock ${call % names}`, { ttlMs: 30_000 }, () => Promise.resolve());
  };
  const [take, giveBack] = await Promise.all([taking, keeping].map(({ text }) => bareRedis.script('LOAD', text)));
  const byEmbedded = held(createPostgresLocks(embedded));
  // The bare sides have nothing that would renew it.
  await compare('lock and unlock', {
    'bare ioredis, same scripts': async (call) => {
      const [key, last] = [redis.key('bare', `${call % names}`), redis.key('bare-token', `${call % names}`)];
      const token = await bareRedis.evalsha(String(take), 2, key, last, 30_000, 2_592_000_000);
      await bareRedis.evalsha(String(giveBack), 1, key, String(token), 0);
    },
    Redis: held(createRedisLocks(redis)),
    'PostgreSQL (embedded)': byEmbedded,
  });
  const time = '(extract(epoch FROM clock_timestamp()) * 1000000)::int8';
  const taken = `INSERT INTO lease (name, token, expire_time) VALUES ($1, ${time}, clock_timestamp() + interval '30 seconds')
    ON CONFLICT (name) DO UPDATE SET token = greatest(lease.token + 1, ${time}), expire_time = excluded.expire_time
    WHERE lease.expire_time <= clock_timestamp() RETURNING token`;
  const givenBack = 'UPDATE lease SET expire_time = clock_timestamp() WHERE name = $1 AND token = $2';
  await compare('lock and unlock', {
    'bare pg, such statements': async (call) => {
      const name = `bare ${call % names}`;
      const { rows } = await barePool.query<{ token: string }>({ name: 'take', text: taken, values: [name] });
      await barePool.query({ name: 'give back', text: givenBack, values: [name, rows[0]?.token] });
    },
    'PostgreSQL with TLS': held(createPostgresLocks(database)),
    'PostgreSQL (embedded)': byEmbedded,
  });
}

async function rankings({ compare, atEnd }: World, engines: Engines): Promise<void> {
  const { redis, bareRedis, database, barePool, embedded } = engines;
  const [truth, byEmbedded] = [await filledRanking(database), await filledRanking(embedded)];
  const top = `SELECT member, sum(score)::int8 AS score FROM ranking WHERE board = $1 AND day > $2::date - 7 AND day <= $2::date
    GROUP BY member ORDER BY sum(score) DESC, member DESC LIMIT 25`;
  await compare('best 25', {
    'bare pg, same statement': () => barePool.query({ name: 'top', text: top, values: ['all', dayOf(now())] }),
    'PostgreSQL with TLS': () => truth.top('all', page),
    'PostgreSQL (embedded)': () => byEmbedded.top('all', page),
  });
  const locks = createRedisLocks(redis);
  const copy = createRedisRanking({ redis, truth, locks, log: silentLog(), now, ...window });
  atEnd(() => copy.close());
  while ((await redis.client.exists(redis.key('rank', 'all', 'whole'))) === 0) await copy.top('all', page);
  const days = daysOf(window, now());
  const sum = redis.key('bare sum');
  await bareRedis.zunionstore(sum, days.length, ...days.map((day) => redis.key('rank', 'all', day)));
  await compare('best 25', {
    'bare ioredis, same command': () => bareRedis.zrevrange(sum, 0, 24, 'WITHSCORES'),
    Redis: () => copy.top('all', page),
    'PostgreSQL (embedded)': () => byEmbedded.top('all', page),
  });

  const adding = `WITH changed AS (
      INSERT INTO ranking AS before (board, day, member, score) VALUES ($1, $2, $3, 1)
      ON CONFLICT (board, day, member) DO UPDATE SET score = before.score + 1 RETURNING 1)
    INSERT INTO inbox (group_name, event_id) SELECT 'bare', $4 FROM changed`;
  const addBare: Work = (call) => {
    const values = ['bare', dayOf(now()), memberOf(call), newId('evt')];
    return barePool.query({ name: 'add', text: adding, values });
  };
  await compare('count an event', {
    'bare pg, one row in such a statement': addBare,
    'PostgreSQL with TLS': counting(truth, database),
    'PostgreSQL (embedded)': counting(byEmbedded, embedded),
  });
  const score = 'SELECT score FROM ranking WHERE board = $1 AND day = $2 AND member = $3';
  await compare('count an event, and copy it to Redis', {
    'bare pg and ioredis, one row': async (call) => {
      await addBare(call);
      const [key, values] = [redis.key('bare day'), ['bare', dayOf(now()), memberOf(call)]];
      const { rows } = await barePool.query<{ score: string }>({ name: 'score', text: score, values });
      const step = bareRedis.multi().zadd(key, 'GT', rows[0]?.score ?? '0', memberOf(call));
      await step.zremrangebyrank(key, 0, -501).pexpire(key, 60_000).exec();
    },
    'PostgreSQL with TLS, and Redis': counting(copy, database),
  });
}

/** A board of which each day sold as many products, tidied as a sweeper would. */
async function filledRanking(database: Database) {
  await database.query(
    `INSERT INTO ranking (board, day, member, score)
     SELECT 'all', day, 'prd_' || member, 1 + (member * 7919) % 997 FROM unnest($1::date[]) AS day, generate_series(1, $2::int) AS member`,
    [daysOf(window, now()), members],
  );
  await database.query('ANALYZE ranking');
  const ranking = createPostgresRanking({ database, now, ...window });
  while ((await ranking.tidy(1_000)) > 0);
  return ranking;
}

const memberOf = (call: number): string => `prd_${(call * 7919) % 4_999}`;

function counting(ranking: Pick<Ranking, 'counting'>, database: Database): Work {
  const event = create(UserDeletedSchema);
  const { signal } = new AbortController();
  const about = { topic: UserDeletedSchema.typeName, key: '', body: Buffer.of(), traceparent: '' };
  let told = 0;
  const handler = ranking.counting(UserDeletedSchema, () =>
    Promise.resolve({ time: now(), scores: [{ board: 'counted', member: memberOf(told++), score: 1 }] }),
  );
  return () =>
    handler.handle(event, { message: { id: newId('evt'), time: now(), ...about }, group: 'bench', database, signal });
}
