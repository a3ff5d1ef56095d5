import { createHash, randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import { openPool, withConnection, type Database } from '../pool.postgres.ts';
import { migrate, readMigrations } from '../migrate.postgres.ts';
import { baseDatabase } from './server.ts';

export type TestDatabase = Database & { readonly url: string };

/**
 * A database of the test's own, migrated and empty, on the server that all tests share. The role that `url` names may do
 * what a service may, no more. Close it at the end of the test.
 */
export async function openTestDatabase(schema: string, migrations: URL): Promise<TestDatabase> {
  const server = await testServer();
  const template = await templateFor(server, schema, migrations);
  const name = `test_${randomBytes(8).toString('hex')}`;
  // Copying the files of a small template took 20 ms; the default way, through the log, 35 ms.
  await withConnection(at(server, 'postgres'), (sql) =>
    sql.run(`CREATE DATABASE ${name} OWNER service TEMPLATE ${template} STRATEGY file_copy`),
  );
  const url = asService(server, name);
  const database = openPool({ url, schema });
  let closed: Promise<void> | undefined;
  return {
    ...database,
    url,
    close() {
      closed ??= (async () => {
        await database.close();
        await withConnection(at(server, 'postgres'), (sql) => sql.run(`DROP DATABASE ${name} WITH (FORCE)`));
      })();
      return closed;
    },
  };
}

/** A database without a schema, for what makes its own. */
export async function createTestDatabase(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = await testServer();
  const name = `test_${randomBytes(8).toString('hex')}`;
  await withConnection(at(server, 'postgres'), (sql) =>
    sql.run(`CREATE DATABASE ${name} OWNER service TEMPLATE ${baseDatabase} STRATEGY file_copy`),
  );
  return {
    url: asService(server, name),
    close: () =>
      withConnection(at(server, 'postgres'), (sql) => sql.run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  };
}

// The url of the server, as the superuser.
function testServer(): Promise<string> {
  const path = process.env['ONLY2U_TEST_POSTGRES'];
  if (path === undefined) throw new Error('Run the test with npm test: jest’s global setup offers the database.');
  return new Promise((resolve, reject) => {
    let answer = '';
    createConnection(path)
      .setEncoding('utf8')
      .on('data', (text: string) => (answer += text))
      .on('error', reject)
      .on('end', () =>
        answer.startsWith('postgres:') ? resolve(answer) : reject(new Error(`PostgreSQL for tests ${answer}`)),
      );
  });
}

async function templateFor(server: string, schema: string, migrations: URL): Promise<string> {
  const texts = await readMigrations(migrations);
  const platform = await readMigrations(new URL('../migrations/', import.meta.url));
  const hash = createHash('sha256')
    .update(JSON.stringify([schema, platform, texts]))
    .digest('hex')
    .slice(0, 24);
  const name = `template_${hash}`;
  await withConnection(at(server, 'postgres'), async (sql) => {
    if (await exists(name)) return;
    await sql.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
    if (await exists(name)) return;
    await sql.run(`DROP DATABASE IF EXISTS ${name}_unfinished WITH (FORCE)`);
    await sql.run(`CREATE DATABASE ${name}_unfinished OWNER service TEMPLATE ${baseDatabase} STRATEGY file_copy`);
    await migrate({ url: asService(server, `${name}_unfinished`), schema, migrations });
    await sql.run(`ALTER DATABASE ${name}_unfinished RENAME TO ${name}`);

    async function exists(database: string): Promise<boolean> {
      return (await sql.query('SELECT 1 FROM pg_database WHERE datname = $1', [database])).length > 0;
    }
  });
  return name;
}

/** The server's url with the database: what stands behind the question mark (TLS) stays. */
function at(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = database;
  return url.href;
}

// Global set-up gave the role the superuser's password.
function asService(server: string, database: string): string {
  const url = new URL(at(server, database));
  url.username = 'service';
  return url.href;
}
