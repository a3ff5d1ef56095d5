import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { CassandraConnection } from './connection.cassandra.ts';
import { Fault } from './fault.ts';
import { StartError } from './start-error.ts';

export type CassandraMigrateOptions = {
  readonly cassandra: Pick<CassandraConnection, 'askOnce' | 'keyspace' | 'center'>;
  /** "3" or "dc1:3"; needed where the keyspace is yet to be made. */
  readonly replication: string | undefined;
  readonly log: Logger;
  readonly migrations?: URL;
  readonly signal?: AbortSignal;
};

type Migration = { readonly number: number; readonly file: string; readonly text: string; readonly checksum: string };

const ownMigrations = new URL('./message-log-migrations/', import.meta.url);
const leaseSeconds = 30; // a migration of a small schema takes some 2 s; renewed before each
const pollMs = 200;
/**
 * Makes the keyspace and runs the migrations that it has not seen, in order. Any number of processes may call it at once: one works, the
 * others wait; who is killed at it is followed by another after half a minute. A migration is never changed once it ran, each of its
 * statements may be done again (IF NOT EXISTS), and what it leaves serves the version before too.
 */
export async function migrateCassandra(options: CassandraMigrateOptions): Promise<void> {
  const { cassandra, log, signal } = options;
  const migrations = await readMigrations(options.migrations ?? ownMigrations);
  await prepare(options);
  if ((await onceThere(() => missing(cassandra, migrations, log))).length === 0) return;
  const holder = randomBytes(16).toString('hex'); // a text in the form of a UUID would be sent as one
  while (!(await onceThere(() => tryLock(cassandra, holder)))) {
    signal?.throwIfAborted();
    if ((await missing(cassandra, migrations, log)).length === 0) return; // whoever held the lock has done it
    await sleep(pollMs);
  }
  try {
    for (const migration of await missing(cassandra, migrations, log)) {
      if (!(await renew(cassandra, holder))) throw new Error(`The lock was lost before ${migration.file}`);
      for (const statement of statementsOf(migration.text)) await change(cassandra, statement, migration.file);
      await cassandra.askOnce(
        `INSERT INTO ${cassandra.keyspace}.migration (name, number, file, checksum, run_time)
         VALUES ('schema', ?, ?, ?, toTimestamp(now()))`,
        [migration.number, migration.file, migration.checksum].map(asCql),
      );
      log.info({ keyspace: cassandra.keyspace, file: migration.file }, 'migrated');
    }
  } finally {
    await cassandra
      .askOnce(`DELETE FROM ${cassandra.keyspace}.migration_lock WHERE name = 'schema' IF holder = ?`, [holder])
      .catch(() => undefined); // its lease ends
  }
}

/** The number of the last migration that the keyspace has seen, and of the last that this version has. */
export async function schemaVersion(
  cassandra: CassandraMigrateOptions['cassandra'],
): Promise<{ readonly found: number; readonly wanted: number }> {
  const seen = await seenMigrations(cassandra).catch((error: unknown) => {
    // The keyspace was made for us, and nobody has been there yet.
    if (error instanceof Error && error.message.includes('does not exist')) return new Map<number, unknown>();
    throw error;
  });
  return { found: Math.max(0, ...seen.keys()), wanted: (await readMigrations(ownMigrations)).length };
}

/** "3", or "dc1:3,dc2:3", as a keyspace says it. */
function replicationOf(text: string, usualCenter: string): Readonly<Record<string, string>> {
  const copies = (text.includes(':') ? text : `${usualCenter}:${text}`).split(',').map((part) => part.split(':'));
  return {
    class: 'NetworkTopologyStrategy',
    ...Object.fromEntries(copies.map(([center = '', count = '']) => [center, count])),
  };
}

async function prepare({ cassandra, replication }: CassandraMigrateOptions): Promise<void> {
  const { keyspace } = cassandra;
  const [found] = (
    await cassandra.askOnce('SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?', [keyspace])
  ).rows;
  if (found === undefined) {
    if (replication === undefined)
      throw new StartError(
        `Cassandra has no keyspace ${keyspace}: make it, or set CASSANDRA_REPLICATION to have it made, such as 3.`,
      );
    const copies = JSON.stringify(replicationOf(replication, cassandra.center)).replaceAll('"', "'");
    await change(cassandra, `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${copies}`, 'the keyspace');
  }
  await table(
    'migration_lock',
    `(name text PRIMARY KEY, holder text) WITH id = ${tableId(keyspace, 'migration_lock')}`,
  );
  await table(
    'migration',
    `(name text, number text, file text, checksum text, run_time timestamp, PRIMARY KEY (name, number)) WITH id = ${tableId(keyspace, 'migration')}`,
  );

  // Another may be making it just now: asked for first, so that a user who may not make tables can run on those there are.
  async function table(name: string, columns: string): Promise<void> {
    const { rows } = await cassandra.askOnce(
      'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?',
      [keyspace, name],
    );
    if (rows.length === 0)
      await change(cassandra, `CREATE TABLE IF NOT EXISTS ${keyspace}.${name} ${columns}`, `the table ${name}`);
  }
}

/** Asks again while a node doesn't know a table yet that another process has just made: it is listed a moment before it can be asked. */
async function onceThere<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isMissing = error instanceof Error && error.message.includes('does not exist');
      if (!isMissing || attempt === 50) throw error;
      await sleep(pollMs);
    }
  }
}

/** Tables that several processes make at once, through several nodes, would be several, were their ids not the same. */
function tableId(keyspace: string, name: string): string {
  const hex = createHash('sha256').update(`${keyspace}.${name}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}

// The driver waits until all nodes agree on the schema; done again where they did not, which changes nothing.
async function change(
  { askOnce, keyspace }: CassandraMigrateOptions['cassandra'],
  statement: string,
  what: string,
): Promise<void> {
  const text = statement.replace(
    /^(CREATE TABLE IF NOT EXISTS|ALTER TABLE|DROP TABLE IF EXISTS) (?!\w+\.)/,
    `$1 ${keyspace}.`,
  );
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await askOnce(text);
      // Not in the driver's types.
      if (!('isSchemaInAgreement' in result.info) || result.info.isSchemaInAgreement === true) return;
      if (attempt === 5) throw new Error(`The nodes of Cassandra don't agree on ${what}; see nodetool describecluster`);
    } catch (error) {
      if (!(error instanceof Fault) && isForbidden(error))
        throw new StartError(`Cassandra lets us not make ${what} in ${keyspace}: grant it, or have it made.`, {
          cause: error,
        });
      if (attempt === 5) throw error;
      await sleep(pollMs * attempt);
    }
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && /has no .*permission|not authorized/i.test(error.message);
}

async function missing(
  cassandra: CassandraMigrateOptions['cassandra'],
  migrations: readonly Migration[],
  log: Logger,
): Promise<Migration[]> {
  const seen = await seenMigrations(cassandra);
  for (const [number, { file, checksum }] of seen) {
    const now = migrations.find((migration) => migration.number === number);
    if (now === undefined) log.warn({ file }, 'Cassandra has a migration that this version does not know');
    else if (now.checksum !== checksum)
      throw new StartError(
        `${now.file} has changed since it ran in ${cassandra.keyspace} as ${file}. Put it back, and write a new migration.`,
      );
  }
  return migrations.filter(({ number }) => !seen.has(number));
}

async function seenMigrations({ askOnce, keyspace }: CassandraMigrateOptions['cassandra']) {
  const rows = await asking();
  return new Map(
    rows.map((row) => [Number(row['number']), { file: String(row['file']), checksum: String(row['checksum']) }]),
  );

  // Of several that make a table at a time, Cassandra 4.1 forgets one that it has answered for: "Unknown CF" until the other is there.
  async function asking() {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await askOnce(`SELECT number, file, checksum FROM ${keyspace}.migration WHERE name = 'schema'`)).rows;
      } catch (error) {
        if (attempt === 5 || !(error instanceof Error && error.message.includes('Unknown CF'))) throw error;
        await sleep(pollMs * attempt);
      }
    }
  }
}

async function tryLock({ askOnce, keyspace }: CassandraMigrateOptions['cassandra'], holder: string): Promise<boolean> {
  try {
    const result = await askOnce(
      `INSERT INTO ${keyspace}.migration_lock (name, holder) VALUES ('schema', ?) IF NOT EXISTS USING TTL ${leaseSeconds}`,
      [holder],
    );
    const [row] = result.rows;
    return row?.['[applied]'] === true || row?.['holder'] === holder;
  } catch (error) {
    if (error instanceof Fault && error.kind === 'unavailable') return false; // a race of many: it may be ours, and is asked again
    throw error;
  }
}

async function renew({ askOnce, keyspace }: CassandraMigrateOptions['cassandra'], holder: string): Promise<boolean> {
  const result = await askOnce(
    `UPDATE ${keyspace}.migration_lock USING TTL ${leaseSeconds} SET holder = ? WHERE name = 'schema' IF holder = ?`,
    [holder, holder],
  );
  return result.rows[0]?.['[applied]'] === true;
}

/** The statements of a file, without comments. */
function statementsOf(text: string): string[] {
  const bare = text.replace(/--.*$/gm, '');
  return bare
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

async function readMigrations(folder: URL): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.cql')).sort();
  return Promise.all(
    files.map(async (file, index) => {
      const number = Number(/^(\d{4})_[a-z0-9_]+\.cql$/.exec(file)?.[1] ?? 0);
      if (number !== index + 1) throw new Error(`${file}: migrations are named 0001_what_it_does.cql, without gaps`);
      const text = (await readFile(new URL(file, folder), 'utf8')).replaceAll('\r\n', '\n');
      return { number, file, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

function asCql(value: string | number): string {
  return String(value);
}
