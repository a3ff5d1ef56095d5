import type { Database } from '#platform/database.postgres.ts';
import type { EngineState } from '#platform/engine.ts';
import type { RedisConfig } from '#platform/engine-config.ts';
import type { Locks } from '#platform/lock.ts';
import { createPostgresLocks } from '#platform/lock.postgres.ts';
import type { Ranking } from '#platform/ranking.ts';
import { createPostgresRanking } from '#platform/ranking.postgres.ts';
import type { Env } from '#platform/service.ts';
import { startSweeping } from '#platform/sweeping.ts';
import { bestSellerWindow } from './best-seller.ts';

export type SharedWork = {
  readonly ranking: Ranking;
  readonly locks: Locks;
  /** Whether a lock costs the database nothing. */
  readonly locksApart: boolean;
  readonly engines: readonly EngineState[];
  close(): Promise<void>;
};

const tidyEveryMs = 10 * 60_000;
const tidyBatch = 1_000; // rows deleted in one statement

/** Best sellers and locks: in PostgreSQL, or with Redis before it where there is one. */
export async function openSharedWork(
  database: Database,
  { config, log, now }: Pick<Env<RedisConfig>, 'config' | 'log' | 'now'>,
): Promise<SharedWork> {
  const truth = createPostgresRanking({ database, now, ...bestSellerWindow });
  const redis =
    config.REDIS_URL === undefined
      ? undefined
      : await (
          await import('#platform/connection.redis.ts')
        ).openRedis({ ...config, REDIS_URL: config.REDIS_URL }, log);
  const locks =
    redis === undefined
      ? createPostgresLocks(database)
      : (await import('#platform/lock.redis.ts')).createRedisLocks(redis);
  const ranking =
    redis === undefined
      ? truth
      : (await import('#platform/ranking.redis.ts')).createRedisRanking({
          redis,
          truth,
          locks,
          log,
          now,
          ...bestSellerWindow,
        });
  const tidying = startSweeping({
    everyMs: tidyEveryMs,
    batch: tidyBatch,
    sweeps: [(limit) => truth.tidy(limit)],
    turn: { locks, name: 'product tidy best sellers' },
    onError: (error) => log.warn({ err: error }, 'tidying the best sellers failed; the next round catches up'),
  });
  return {
    ranking,
    locks,
    locksApart: redis !== undefined,
    engines: redis === undefined ? [] : [redis.state(false)],
    async close() {
      await tidying.close();
      await ranking.close();
      await redis?.close();
    },
  };
}
