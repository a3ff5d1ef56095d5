import type { Logger } from 'pino';
import { postgresEngine, refusedStart } from './connection.postgres.ts';
import type { DatabaseConfig } from './engine-config.ts';
import { whenReachable } from './engine.ts';
import type { ServiceEvents } from './event-bus.ts';
import { tellsAs } from './event-policy.ts';
import { levelOf, migrate } from './migrate.postgres.ts';
import { forgetEvents, startRelay } from './outbox.postgres.ts';
import { openPool, type Database, type PoolOptions } from './pool.postgres.ts';
import { withReplica } from './replica.postgres.ts';
import { forgetAnswers } from './request-id.postgres.ts';

/* eslint-disable no-restricted-syntax -- what a store stands on, in one place */
export { brokenUnique, type Database } from './pool.postgres.ts';
export type { Sql } from './statement.postgres.ts';
/* eslint-enable no-restricted-syntax */

export type DatabaseOptions = PoolOptions & {
  readonly log: Logger;
  /** The folder of the service's numbered .sql files; its schema is made when it is missing. */
  readonly migrations: URL;
  /** Where the events go that are published in the transactions of this database: `env.events`. */
  readonly events?: ServiceEvents;
  /** A standby, for what `Database.replica` reads. */
  readonly replica?: { readonly url: string; readonly maxLagMs: number } | undefined;
};

/** What the environment says of a service's database: to be spread into the options of `openDatabase`. */
export function databaseOf(config: DatabaseConfig) {
  const url = config.DATABASE_REPLICA_URL;
  return {
    url: config.DATABASE_URL,
    ca: config.DATABASE_CA,
    connections: config.DATABASE_CONNECTIONS,
    connectTimeoutMs: config.DATABASE_CONNECT_TIMEOUT_MS,
    statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: config.DATABASE_LOCK_TIMEOUT_MS,
    replica: url === undefined ? undefined : { url, maxLagMs: config.DATABASE_REPLICA_MAX_LAG_MS },
  };
}

const tidyEveryMs = 10 * 60_000;

/** Waits for the database while it is away, brings the schema up to date, opens a pool of connections, and keeps up what the platform itself has in the schema. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { log, events, schema } = options;
  const level = await levelOf(options.migrations);
  const database = withReplica(openPool({ ...options, level }), options);
  let migrated = false;
  async function bringUpToDate(): Promise<void> {
    // From here on other versions see that this one runs. Later a refusal is waited out, as somebody changes what is there; now it is final.
    await database.query('SELECT 1').catch((error: unknown) => {
      throw refusedStart(error, schema) ?? error;
    });
    migrated = await migrate(options);
  }
  await whenReachable(bringUpToDate, { engine: postgresEngine, log }).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  const relay = events && startRelay({ database, bus: events, log });
  let closed: Promise<void> | undefined;
  let tidied: Promise<void> | undefined;

  // Batch by batch until there is no more: a busy service makes thousands of rows a second.
  async function tidy(): Promise<void> {
    try {
      while (closed === undefined && (await forgetAnswers(database, new Date())) > 0);
      while (closed === undefined && (await forgetEvents(database)) > 0);
      if (!migrated) migrated = await migrate(options);
    } catch (error) {
      log.warn({ err: error, schema }, 'clearing old rows failed; the next time catches up');
    }
    tidied = undefined;
  }

  const tidying = setInterval(() => {
    tidied ??= tidy();
  }, tidyEveryMs).unref();
  const teller = events ?? 'nobody';
  return tellsAs(
    {
      ...database,
      transaction: (work, how) => database.transaction((tx) => work(tellsAs(tx, teller)), how),
      close() {
        closed ??= (async () => {
          clearInterval(tidying);
          await tidied;
          await relay?.close();
          await database.close();
        })();
        return closed;
      },
    },
    teller,
  );
}
