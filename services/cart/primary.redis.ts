import type { RedisConnection } from '#platform/connection.redis.ts';
import type { Database } from '#platform/database.postgres.ts';
import type { EventHandler } from '#platform/outbox.postgres.ts';
import type { Env } from '#platform/service.ts';
import { startWriteBehind } from './behind.redis.ts';
import { cartEventHandlers } from './events.redis.ts';
import { createKeeper } from './keeper.redis.ts';
import { createPostgresStore } from './store.postgres.ts';
import { createRedisStore, type RedisStore } from './store.redis.ts';

export type RedisPrimaryOptions = Pick<Env, 'now' | 'newId' | 'log'> & {
  readonly redis: RedisConnection;
  readonly database: Database;
  readonly group: string;
  readonly metrics?: Env['metrics'];
};

export type RedisPrimary = {
  readonly store: RedisStore;
  readonly handlers: readonly EventHandler[];
  /** Resolves when all that was changed before is in PostgreSQL. */
  drain(): Promise<void>;
  /** Writes what PostgreSQL has yet to be told, then ends Redis's connection. */
  close(): Promise<void>;
};

/** Carts whose primary is Redis, with what writes behind it and what events do to them. */
export function openRedisPrimary({ redis, database, group, now, newId, ...env }: RedisPrimaryOptions): RedisPrimary {
  const keeper = createKeeper(redis);
  const behind = startWriteBehind({ keeper, database, group, writer: newId('wrt'), ...env });
  const { sweep } = createPostgresStore(database);
  const store = createRedisStore({ keeper, database, behind, sweep });
  return {
    store,
    handlers: cartEventHandlers({ store, keeper, behind, now }),
    drain: () => behind.drain(),
    async close() {
      await behind.close();
      await redis.close();
    },
  };
}
