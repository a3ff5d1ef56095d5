import { createTestAuthority } from '#platform/testing/rpc.ts';
import { openRedis, type RedisConnection } from '#platform/connection.redis.ts';
import { newId } from '#platform/ids.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { startTestRedis, type TestRedis } from '#platform/testing/redis-server.ts';
import { openRedisPrimary, type RedisPrimary } from './primary.redis.ts';

/** A Redis with TLS, a password and an append-only file, and a database: what carts stand on. */
export type RedisCarts = {
  readonly server: TestRedis;
  readonly database: TestDatabase;
  /** The variables by which a process reaches it. */
  readonly variables: { readonly REDIS_URL: string; readonly REDIS_CA: string; readonly REDIS_PREFIX: string };
  /** What one process has of it. */
  open(now?: () => Date): Promise<RedisPrimary & { readonly redis: RedisConnection }>;
  close(): Promise<void>;
};

const prefix = 'only2u:';

export async function openRedisCarts(): Promise<RedisCarts> {
  const tls = await createTestAuthority().issue('redis');
  const server = await startTestRedis({
    tls,
    lines: [
      'appendonly yes',
      'appendfsync everysec',
      'maxmemory-policy noeviction',
      'user default off',
      `user cart on >secret ~${prefix}* +@all`,
    ],
  });
  const database = await openTestDatabase('cart', new URL('./migrations/', import.meta.url));
  const variables = {
    REDIS_URL: server.url.replace('//', '//cart:secret@'),
    REDIS_CA: tls.ca,
    REDIS_PREFIX: prefix,
  };
  const opened: RedisPrimary[] = [];
  return {
    server,
    database,
    variables,
    async open(now = () => new Date()) {
      const log = silentLog();
      const redis = await openRedis(variables, log, { commandTimeoutMs: 1_000 });
      const primary = openRedisPrimary({ redis, database, group: 'cart', now, newId, log });
      opened.push(primary);
      return { ...primary, redis };
    },
    async close() {
      await Promise.all(opened.map((one) => one.close()));
      await server.close();
      await database.close();
    },
  };
}

/** Tries until it holds. */
export async function until(holds: () => Promise<unknown>, ms = 20_000): Promise<void> {
  const endMs = performance.now() + ms;
  for (;;) {
    try {
      if ((await holds()) !== false) return;
      if (performance.now() > endMs) throw new Error('it does not come true');
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
    await new Promise(setImmediate);
  }
}
