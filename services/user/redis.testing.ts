import { setImmediate } from 'node:timers/promises';
import { openRedis, type RedisConnection } from '#platform/connection.redis.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { startTestRedis, type TestRedis } from '#platform/testing/redis-server.ts';
import { createTestAuthority } from '#platform/testing/rpc.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { withSessionsInRedis } from './sessions.redis.ts';
import { createPostgresStore } from './store.postgres.ts';
import type { UserStore } from './store.ts';

/** A Redis with TLS and a password, and a database: what sessions stand on. */
export type RedisSessions = {
  readonly server: TestRedis;
  readonly database: TestDatabase;
  /** The variables by which a process reaches it. */
  readonly variables: { readonly REDIS_URL: string; readonly REDIS_CA: string; readonly REDIS_PREFIX: string };
  /** What one process has of it; closing it closes the database too. */
  open(): Promise<UserStore>;
  /** Resolves when all that were opened and not closed reach it: after a start each comes back in its own time. */
  reached(): Promise<void>;
  close(): Promise<void>;
};

export async function openRedisSessions(): Promise<RedisSessions> {
  const tls = await createTestAuthority().issue('redis');
  const lines = ['user default off', 'user sessions on >secret ~only2u:session:* +@all'];
  const server = await startTestRedis({ tls, lines });
  const database = await openTestDatabase('user_service', new URL('./migrations/', import.meta.url));
  const variables = {
    REDIS_URL: server.url.replace('//', '//sessions:secret@'),
    REDIS_CA: tls.ca,
    REDIS_PREFIX: 'only2u:',
  };
  const opened = new Set<RedisConnection>();
  return {
    server,
    database,
    variables,
    async open() {
      const log = silentLog();
      const redis = await openRedis(variables, log, { commandTimeoutMs: 1_000 });
      opened.add(redis);
      const store = withSessionsInRedis({ store: createPostgresStore(database), database, redis, log });
      return {
        ...store,
        close() {
          opened.delete(redis);
          return store.close();
        },
      };
    },
    async reached() {
      const answers = (redis: RedisConnection): Promise<boolean> =>
        redis.ask(redis.client.ping()).then(
          () => true,
          () => false,
        );
      for (const redis of opened) while (!(await answers(redis))) await setImmediate();
    },
    async close() {
      await server.close();
      await database.close();
    },
  };
}
