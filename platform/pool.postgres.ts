import pg from 'pg';
import type { Logger } from 'pino';
import {
  connectionOf,
  databaseFault,
  isLateConnection,
  postgresEngine,
  type PostgresTarget,
  refusalOf,
} from './connection.postgres.ts';
import type { EngineState } from './engine.ts';
import { Fault } from './fault.ts';
import { listenOn } from './listen.postgres.ts';
import { ask, getTypeParser, type Sql } from './statement.postgres.ts';
import { createStatementTimes, type PoolLoad } from './telemetry/database-metrics.ts';
import { transact, type TransactionOptions } from './transaction.postgres.ts';

export type Database = Sql & {
  /**
   * For reads that may be some seconds old, such as what the edge keeps for everybody anyway: a replica where there is one that keeps up, or
   * else the database itself. Never for what decides about money or stock, nor for what its reader has just written.
   */
  readonly replica: Sql;
  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it throws. After a deadlock or a failed
   * serialization it runs again from the start, so `work` does nothing but ask `tx`.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Calls `listener` at each NOTIFY on the channel, and once after each time the connection was lost. Returns how to stop. */
  listen(channel: string, listener: (payload: string) => void): Promise<() => Promise<void>>;
  /** Calls `listener` after each transaction of this process that was marked with the name by `afterCommit`. */
  onCommit(name: string, listener: () => void): () => void;
  /** Calls the listeners of `onCommit` for a statement that was no part of a transaction. */
  committed(name: string): void;
  /** What it stands on, for readiness. */
  readonly engines: readonly EngineState[];
  /** How busy it is: for metrics. */
  load(): PoolLoad;
  close(): Promise<void>;
};

export type PoolOptions = PostgresTarget & {
  /** The service's own schema; its tables need no prefix. */
  readonly schema: string;
  readonly log?: Logger;
  /** The most connections this process holds: 8 unless told, which keeps two cores busy and PostgreSQL small. */
  readonly connections?: number;
  /** What a statement may take: 10 s unless told. */
  readonly statementTimeoutMs?: number;
  /** What a statement may wait for a lock that another holds: 8 s unless told. */
  readonly lockTimeoutMs?: number;
  /** How long to wait for a connection, be it a new one or one that another is done with: 5 s unless told. */
  readonly connectTimeoutMs?: number;
  /**
   * Plans each statement once a connection, whatever its values: for services whose statements have one good plan each.
   * PostgreSQL plans large ones anew for each call otherwise, which took a search 0.3 of its 1.9 ms.
   */
  readonly plansOnce?: boolean;
  /** The migrations that this version knows. With them one connection is always open, which tells other versions that this one runs. */
  readonly level?: Level;
};

const idleTimeoutMs = 30_000; // an idle connection costs PostgreSQL some 5 MB
const defaults = { connections: 8, statementTimeoutMs: 10_000, lockTimeoutMs: 8_000, connectTimeoutMs: 5_000 };
const answerGraceMs = 2_000; // past the statement's own time: nobody is at the other end of the connection

/** The number of the last migration that a process knows of each set. */
export type Level = Readonly<Record<string, number>>;

/** What a process's connections are called: "only2u order platform=5 service=3". */
export function applicationName(schema: string, level: Level = {}): string {
  const known = Object.entries(level).map(([set, number]) => ` ${set}=${number}`);
  return `only2u ${schema}${known.join('')}`;
}

/** Opens a pool of connections whose search path is the schema, which is taken to be up to date: see `openDatabase`. */
export function openPool(options: PoolOptions): Database {
  const { schema, log } = options;
  const statementTimeoutMs = options.statementTimeoutMs ?? defaults.statementTimeoutMs;
  const connectTimeoutMs = options.connectTimeoutMs ?? defaults.connectTimeoutMs;
  const max = options.connections ?? defaults.connections;
  const settings = {
    search_path: `${schemaName(schema)},public`,
    statement_timeout: statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs ?? defaults.lockTimeoutMs,
    idle_in_transaction_session_timeout: 30_000,
    plan_cache_mode: options.plansOnce === true ? 'force_generic_plan' : 'auto',
    jit: 'off', // compiling takes longer than any statement here
    // The server notices a cut cable too, and lets go of what its end had locked.
    tcp_keepalives_idle: 5,
    tcp_keepalives_interval: 2,
    tcp_keepalives_count: 3,
    tcp_user_timeout: 10_000,
  };
  const connection: pg.ClientConfig = {
    ...connectionOf(options),
    application_name: applicationName(schema, options.level),
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    query_timeout: statementTimeoutMs + answerGraceMs,
    connectionTimeoutMillis: connectTimeoutMs,
    types: { getTypeParser },
  };
  const pool = new pg.Pool({
    ...connection,
    max,
    min: options.level === undefined ? 0 : 1,
    idleTimeoutMillis: idleTimeoutMs,
  });
  // One that breaks in the middle of a transaction says so itself too, and the statement under way is rejected with it.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', (error) => {
    // A pool says that it has ended when it has said goodbye, not when the server has heard it.
    if (closed === undefined) log?.warn({ err: error, schema }, 'an idle database connection was lost');
  });
  const listeners = new Set<() => Promise<void>>();
  const commitListeners = new Set<{ readonly name: string; listener(): void }>();
  function committed(name: string): void {
    for (const entry of commitListeners) if (entry.name === name) entry.listener();
  }
  let closed: Promise<void> | undefined;
  const times = createStatementTimes();
  let timedOut = 0;
  const waited = (error: unknown): Fault | undefined => {
    if (!isLateConnection(error)) return undefined;
    timedOut++;
    return new Fault('unavailable', 'DATABASE_BUSY', 'The database is busy just now; try again.', {
      cause: error,
      retryAfterMs: 1_000,
    });
  };
  const own: Sql = {
    async query(text, values) {
      try {
        return await ask(pool, times, text, values);
      } catch (error) {
        throw (error instanceof Fault && waited(error.cause)) || error;
      }
    },
  };
  return {
    ...own,
    replica: own,
    engines: [{ name: postgresEngine, needed: true, check: async () => void (await own.query('SELECT 1')) }],
    transaction: (work, transactionOptions = {}) =>
      transact({ pool, times, waited, committed }, work, transactionOptions),
    load: () => ({
      connections: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      most: max,
      timedOut,
      statements: times.seen,
    }),
    committed,
    onCommit(name, listener) {
      const entry = { name, listener };
      commitListeners.add(entry);
      return () => void commitListeners.delete(entry);
    },
    async listen(channel, listener) {
      const stop = await listenOn({ connection, channel, listener, log });
      listeners.add(stop);
      return async () => {
        listeners.delete(stop);
        await stop();
      };
    },
    close() {
      closed ??= (async () => {
        await Promise.all([...listeners].map((stop) => stop()));
        await pool.end();
      })();
      return closed;
    },
  };
}

/**
 * Runs `work` on one connection of its own, as the migrations and the embedded server's set-up do. No statement timeout. What the server
 * says when it won't have us is thrown as it is; see `refusalOf`.
 */
export async function withConnection<T>(
  target: string | PostgresTarget,
  work: (sql: Sql & Script) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    ...connectionOf(typeof target === 'string' ? { url: target } : target),
    connectionTimeoutMillis: defaults.connectTimeoutMs,
    types: { getTypeParser },
  });
  client.on('error', () => undefined); // the query under way is rejected with it
  await client.connect().catch((error: unknown) => {
    throw refusalOf(error) === undefined ? (databaseFault(error) ?? error) : error;
  });
  try {
    return await work({
      query: (text, values) => ask(client, undefined, text, values),
      run: async (text) => void (await client.query(text)),
    });
  } finally {
    await client.end();
  }
}

/** Runs statements as they stand in a file: several of them, without values. */
export type Script = { run(text: string): Promise<void> };

/** The name of the unique constraint or index that the statement broke, or undefined when the error is another. */
export function brokenUnique(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError && error.code === '23505' ? (error.constraint ?? '') : undefined;
}

/** Refuses a name that could not stand in SQL as it is. */
export function schemaName(schema: string): string {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(schema)) throw new Error(`"${schema}" can't be the name of a schema`);
  return schema;
}
