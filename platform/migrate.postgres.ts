import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { databaseFault, type PostgresTarget, refusedStart } from './connection.postgres.ts';
import { isContract, olderConnected } from './contracting.postgres.ts';
import { type Level, schemaName, withConnection, type Script } from './pool.postgres.ts';
import type { Sql } from './statement.postgres.ts';
import { StartError } from './start-error.ts';

export type MigrateOptions = PostgresTarget & {
  readonly schema: string;
  /** The folder of files named 0001_what_it_does.sql, numbered without gaps, never changed once they were run. */
  readonly migrations: URL;
  readonly log?: Logger;
};

type Migration = {
  readonly number: number;
  readonly file: string;
  readonly text: string;
  readonly checksum: string;
  /** Whether it takes away what versions that don't know it still use. */
  readonly contract: boolean;
};

/** What the platform itself keeps in each service's schema (request ids, outbox); run before the service's own. */
const platformMigrations = new URL('./migrations/', import.meta.url);

/**
 * Runs the migrations that the schema has not seen, in order, each in a transaction of its own. Any number of processes may
 * call it at once: one works, the others wait. Throws, naming the file, when one fails or when one that ran has changed since; a
 * StartError where the database won't have us, and a Fault of kind "unavailable" where it is away. What takes something away from an older
 * version waits until no process of that is connected: true is answered when nothing waits.
 */
export async function migrate({ schema, migrations, log, ...target }: MigrateOptions): Promise<boolean> {
  const sets = await readSets(migrations);
  let waits = false;
  await atStart(schema, () =>
    withConnection(target, async (sql) => {
      // Ends with the connection, so a process that is killed leaves no lock behind.
      await sql.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`only2u migrate ${schema}`]);
      await prepare(sql, schemaName(schema));
      const run: string[] = [];
      for (const set of sets) {
        const seen = await sql.query<{ number: number; file: string; checksum: string; contract: boolean }>(
          'SELECT number, file, checksum, contract FROM migrations WHERE set = $1',
          [set.name],
        );
        const last = set.migrations.length;
        for (const old of seen) {
          const now = set.migrations.find((migration) => migration.number === old.number);
          if (now === undefined) {
            if (old.contract) {
              throw new StartError(
                `This version knows the schema ${schema} up to migration ${last}, and ${old.file} has taken away what it needs. Start a newer version.`,
              );
            }
            log?.warn({ schema, file: old.file }, 'the database has a migration that this version does not know');
          } else if (now.checksum !== old.checksum) {
            throw new StartError(
              `${now.file} (schema ${schema}) has changed since it ran as ${old.file}. Put it back as it was, and write a new migration.`,
            );
          }
        }
        const known = new Set(seen.map((migration) => migration.number));
        for (const migration of set.migrations) {
          if (known.has(migration.number)) continue;
          if (migration.contract && (await olderConnected(sql, schema, set.name, migration.number))) {
            log?.info(
              { schema, file: migration.file },
              'a migration waits until older versions of the service have ended',
            );
            waits = true;
            continue;
          }
          await runOne(sql, set.name, migration, schema);
          run.push(migration.file);
        }
      }
      if (run.length > 0) log?.info({ schema, files: run.length, last: run.at(-1) }, 'migrated');
    }),
  );
  return !waits;
}

async function readSets(migrations: URL) {
  return [
    { name: 'platform', migrations: await readMigrations(platformMigrations) },
    { name: 'service', migrations: await readMigrations(migrations) },
  ];
}

/** What a process of this version knows, for the name of its connections. */
export async function levelOf(migrations: URL): Promise<Level> {
  return Object.fromEntries((await readSets(migrations)).map((set) => [set.name, set.migrations.length]));
}

async function atStart(schema: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const refused = refusedStart(error, schema);
    if (refused !== undefined) throw refused;
    throw databaseFault(error) ?? error;
  }
}

/** The folder's migrations in order. */
export async function readMigrations(folder: URL): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file, index) => {
      const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1] ?? 0);
      if (number !== index + 1) {
        throw new Error(`${file}: migrations are named 0001_what_it_does.sql and numbered without gaps or repeats`);
      }
      const text = (await readFile(new URL(file, asFolder(folder)), 'utf8')).replaceAll('\r\n', '\n');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { number, file, text, checksum, contract: isContract(text) };
    }),
  );
}

function asFolder(url: URL): URL {
  return url.pathname.endsWith('/') ? url : new URL(`${url.href}/`);
}

async function prepare(sql: Sql & Script, schema: string): Promise<void> {
  // CREATE SCHEMA IF NOT EXISTS asks for the right to create even where the schema exists.
  const found = await sql.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  if (found.length === 0) await sql.run(`CREATE SCHEMA "${schema}"`);
  await sql.run(`SET search_path = "${schema}", public`);
  await sql.run(`CREATE TABLE IF NOT EXISTS migrations (
    set text NOT NULL,
    number int NOT NULL,
    file text NOT NULL,
    checksum text NOT NULL,
    run_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (set, number)
  )`);
  await sql.run('ALTER TABLE migrations ADD COLUMN IF NOT EXISTS contract boolean NOT NULL DEFAULT false');
}

async function runOne(sql: Sql & Script, set: string, migration: Migration, schema: string): Promise<void> {
  await sql.run('BEGIN');
  try {
    await sql.run(migration.text);
    await sql.query('INSERT INTO migrations (set, number, file, checksum, contract) VALUES ($1, $2, $3, $4, $5)', [
      set,
      migration.number,
      migration.file,
      migration.checksum,
      migration.contract,
    ]);
    await sql.run('COMMIT');
  } catch (error) {
    await sql.run('ROLLBACK').catch(() => undefined); // the first error says more
    throw new Error(`Migration ${migration.file} of schema ${schema} failed${where(error, migration.text)}`, {
      cause: error,
    });
  }
}

function where(error: unknown, text: string): string {
  if (!(error instanceof Error)) return '';
  const position = 'position' in error ? Number(error.position) : 0;
  const line = position > 0 ? ` in line ${text.slice(0, position).split('\n').length}` : '';
  return `${line}: ${error.message}`;
}
