import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import pg from 'pg';
import { connectionOf } from '#platform/connection.postgres.ts';
import { openRedis, type RedisConnection, type RedisSettings } from '#platform/connection.redis.ts';
import { openDataFolder } from '#platform/data-folder.ts';
import { createEmbeddedPostgres } from '#platform/embedded-postgres.ts';
import { newId } from '#platform/ids.ts';
import { migrate } from '#platform/migrate.postgres.ts';
import { openPool, type Database } from '#platform/pool.postgres.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { engineVariable, engineVariables } from '#platform/testing/engines.ts';
import { freePort } from '#platform/free-port.ts';
import { testRedisConfig } from '#platform/testing/redis-config.ts';
import type { Compare } from './compare.ts';

/** What a bench of engines works with. What it opens is its own, and closed and deleted when the bench ends, however it does. */
export type World = {
  readonly compare: Compare;
  /** Aborted when somebody ends the bench. */
  readonly stopping: AbortSignal;
  print(text: string): void;
  /** The latest first. */
  atEnd(close: () => unknown): void;
  /** A schema of the PostgreSQL that comes with the shop, over loopback without TLS: what the shop stands on where nothing else is set. */
  embedded(of: Tables): Promise<Database>;
  embeddedUrl(): Promise<string>;
  /** A schema of the PostgreSQL that runs, with TLS, and a bare pool of pg that reaches it by the same settings. */
  real(of: Tables): Promise<{ readonly database: Database; readonly barePool: pg.Pool }>;
  /** Keys of the Redis that runs, and a bare ioredis with the same settings: TLS, and a deadline for each command. */
  redis(): Promise<{ readonly redis: RedisConnection; readonly bareRedis: Redis }>;
};

export type Tables = {
  readonly migrations: URL;
  /** As the service asks for it: see PoolOptions. */
  readonly plansOnce?: boolean;
};

/** Whether the engine runs that gives the variable. */
export function runs(variable: string): boolean {
  return variable in engineVariables() || `${variable}_FILE` in engineVariables();
}

export const platformTables: Tables = {
  migrations: new URL('../../platform/testing/migrations/', import.meta.url),
  plansOnce: true, // as all services but one ask for it
};

export const tablesOf = (service: string): Tables => ({
  migrations: new URL(`../../services/${service}/migrations/`, import.meta.url),
  plansOnce: service !== 'user',
});

export async function inWorld(
  { compare, stopping, print }: Pick<World, 'compare' | 'stopping' | 'print'>,
  bench: (world: World) => Promise<void>,
): Promise<void> {
  const closing: (() => unknown)[] = [];
  const atEnd = (close: () => unknown): void => void closing.push(close);
  let starting: Promise<string> | undefined;
  const embeddedUrl = (): Promise<string> => (starting ??= startEmbedded(atEnd));
  const world: World = {
    compare,
    stopping,
    print,
    atEnd,
    embeddedUrl,
    async embedded({ migrations, plansOnce = false }) {
      const url = await embeddedUrl();
      const schema = newId('bench');
      await migrate({ url, schema, migrations });
      const database = openPool({ url, schema, plansOnce });
      atEnd(() => database.close());
      return database;
    },
    async real({ migrations, plansOnce = false }) {
      const [url, ca] = [engineVariable('DATABASE_ADMIN_URL'), engineVariable('DATABASE_CA')];
      const schema = newId('bench');
      await migrate({ url, ca, schema, migrations });
      const database = openPool({ url, ca, schema, plansOnce });
      const barePool = new pg.Pool({
        ...connectionOf({ url, ca }),
        options: `-c search_path=${schema},public`,
        max: 8,
        query_timeout: 12_000,
      });
      atEnd(async () => {
        await database.query(`DROP SCHEMA ${schema} CASCADE`);
        await Promise.all([database.close(), barePool.end()]);
      });
      return { database, barePool };
    },
    async redis() {
      const settings = testRedisConfig(`${newId('bench')}:`);
      const redis = await openRedis(settings, silentLog());
      const bareRedis = redis.another();
      await bareRedis.connect();
      atEnd(async () => {
        await redis.close();
        await forgetKeys(settings); // on another connection: whom this one was given to has closed it
      });
      return { redis, bareRedis };
    },
  };
  try {
    await bench(world);
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

async function forgetKeys(settings: RedisSettings): Promise<void> {
  const { client, key, close } = await openRedis(settings, silentLog());
  for await (const keys of client.scanStream({ match: key('*'), count: 1_000 }) as AsyncIterable<string[]>)
    if (keys.length > 0) await client.unlink(...keys);
  await close();
}

async function startEmbedded(atEnd: World['atEnd']): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'only2u-bench-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const data = await openDataFolder(join(folder, 'data'));
  const server = createEmbeddedPostgres({ data, port: await freePort() });
  const running = await server.start(['bench']);
  atEnd(() => running.close());
  return server.urlOf('bench');
}
