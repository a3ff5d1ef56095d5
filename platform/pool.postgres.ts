import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import { codeOf } from './error-code.ts';
import { Fault } from './fault.ts';
import { listenOn } from './listen.postgres.ts';

/** Asks PostgreSQL. `$1`, `$2`… stand for the values. int8 comes back as bigint, timestamptz as Date, date and numeric as text. */
export type Sql = {
  query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
};

export type TransactionOptions = {
  /** 'read committed' unless told. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  readonly readOnly?: boolean;
};

export type Database = Sql & {
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
  close(): Promise<void>;
};

export type PoolOptions = {
  readonly url: string;
  /** The service's own schema; its tables need no prefix. */
  readonly schema: string;
  readonly log?: Logger;
  /** The most connections this process holds: 8 unless told, which keeps two cores busy and PostgreSQL small. */
  readonly connections?: number;
  /** What a statement may take: 10 s unless told. */
  readonly statementTimeoutMs?: number;
  /**
   * Plans each statement once a connection, whatever its values: for services whose statements have one good plan each.
   * PostgreSQL plans large ones anew for each call otherwise, which took a search 0.3 of its 1.9 ms.
   */
  readonly plansOnce?: boolean;
};

const attempts = 5; // of a transaction that lost against another; a sixth loss in a row means a hot spot, not bad luck
const namedStatements = 500; // a connection keeps each prepared statement in memory for as long as it lives
const connectTimeoutMs = 5_000;
const idleTimeoutMs = 30_000; // an idle connection costs PostgreSQL some 5 MB

/** Opens a pool of connections whose search path is the schema, which is taken to be up to date: see `openDatabase`. */
export function openPool(options: PoolOptions): Database {
  const { url, schema, log } = options;
  const settings = {
    search_path: `${schemaName(schema)},public`,
    idle_in_transaction_session_timeout: 30_000,
    plan_cache_mode: options.plansOnce === true ? 'force_generic_plan' : 'auto',
    jit: 'off', // compiling takes longer than any statement here
  };
  const connection: pg.ClientConfig = {
    connectionString: url,
    application_name: `only2u ${schema}`,
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    statement_timeout: options.statementTimeoutMs ?? 10_000,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    types: { getTypeParser },
  };
  const pool = new pg.Pool({ ...connection, max: options.connections ?? 8, idleTimeoutMillis: idleTimeoutMs });
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
  return {
    query: (text, values) => ask(pool, text, values),
    transaction: (work, transactionOptions = {}) => transact(pool, work, transactionOptions, committed),
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

const marks = new WeakMap<Sql, Set<string>>();

/** Has the listeners of `onCommit` called once this transaction is committed. */
export function afterCommit(tx: Sql, name: string): void {
  marks.get(tx)?.add(name);
}

/** Runs `work` on one connection of its own, as the migrations and the embedded server's set-up do. No statement timeout. */
export async function withConnection<T>(url: string, work: (sql: Sql & Script) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    types: { getTypeParser },
  });
  client.on('error', () => undefined); // the query under way is rejected with it
  await client.connect().catch((error: unknown) => {
    throw databaseFault(error) ?? error;
  });
  try {
    return await work({
      query: (text, values) => ask(client, text, values),
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

type Asked = Pick<pg.Pool | pg.ClientBase, 'query'>;

async function ask<R extends object>(on: Asked, text: string, values: readonly unknown[] = []): Promise<R[]> {
  try {
    const result = await on.query<R>({ name: statementName(text), text, values: [...values] });
    return result.rows;
  } catch (error) {
    throw databaseFault(error) ?? error;
  }
}

async function transact<T>(
  pool: pg.Pool,
  work: (tx: Sql) => Promise<T>,
  { isolation = 'read committed', readOnly = false }: TransactionOptions,
  committed: (name: string) => void,
): Promise<T> {
  const begin = `BEGIN ISOLATION LEVEL ${isolation} ${readOnly ? 'READ ONLY' : 'READ WRITE'}`;
  for (let attempt = 1; ; attempt++) {
    const client = await pool.connect().catch((error: unknown) => {
      throw databaseFault(error) ?? error;
    });
    let broken = false;
    try {
      await client.query(begin);
      const tx: Sql = { query: (text, values) => ask(client, text, values) };
      const marked = new Set<string>();
      marks.set(tx, marked);
      const result = await work(tx);
      await client.query('COMMIT');
      for (const name of marked) committed(name);
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => (broken = true));
      if (!lostRace(error)) throw databaseFault(error) ?? error;
      if (attempt === attempts) {
        throw new Fault('aborted', 'CONCURRENT_CHANGE', 'Others changed the same data at the same time; try again.', {
          cause: error,
          retryAfterMs: 100,
        });
      }
    } finally {
      client.release(broken);
    }
    await sleep(Math.random() * 10 * 2 ** attempt);
  }
}

const names = new Map<string, string>();

// A named statement is parsed and planned once a connection. Texts beyond the bound (built from optional parts) go unnamed.
function statementName(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= namedStatements) return known;
  const name = createHash('sha256').update(text).digest('base64url').slice(0, 32);
  names.set(text, name);
  return name;
}

function lostRace(error: unknown): boolean {
  const cause = error instanceof Fault ? error.cause : error;
  return cause instanceof pg.DatabaseError && (cause.code === '40001' || cause.code === '40P01');
}

const networkErrors = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT']);

// 57P01..03: the server is stopping or starting; 53300: too many connections; 08…: the connection broke. The driver's own
// errors carry no code.
function databaseFault(error: unknown): Fault | undefined {
  if (error instanceof Fault) return undefined;
  const code = codeOf(error);
  if (code === '57014' || code === '55P03') {
    return new Fault('unavailable', 'DATABASE_SLOW', 'The database took too long; try again.', { cause: error });
  }
  // PostgreSQL's text and jsonb can't hold U+0000, whatever a contract allows in a string.
  if (code === '22021' || code === '22P05') {
    return new Fault('invalid-argument', 'CHARACTER_NOT_ALLOWED', 'A text holds the character U+0000; leave it out.', {
      cause: error,
    });
  }
  const driver =
    error instanceof Error &&
    code === '' &&
    /Connection terminated|timeout exceeded|connection timeout/i.test(error.message);
  if (driver || networkErrors.has(code) || /^(57P0[123]|53300|08...)$/.test(code)) {
    return new Fault('unavailable', 'DATABASE_UNAVAILABLE', 'The database can’t be reached just now; try again.', {
      cause: error,
      retryAfterMs: 1_000,
    });
  }
  return undefined;
}

const int8Array = 1016;
const textArray = 1009;

function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === pg.types.builtins.INT8) return BigInt;
  if (oid === pg.types.builtins.DATE) return String;
  const parse = pg.types.getTypeParser(oid === int8Array ? textArray : oid, format) as (value: string) => unknown;
  if (oid !== int8Array) return parse;
  return (value) => {
    const items = parse(value);
    return Array.isArray(items)
      ? items.map((item: unknown) => (typeof item === 'string' ? BigInt(item) : null))
      : items;
  };
}
