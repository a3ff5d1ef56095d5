import { createHash, randomBytes } from 'node:crypto';
import { openPool, withConnection, type Database } from '../pool.postgres.ts';
import { migrate, readMigrations } from '../migrate.postgres.ts';
import { askDoor } from './server-door.ts';
import { baseDatabase, databaseAt } from './server.ts';

export type TestDatabase = Database & { readonly url: string };

/**
 * A database of the test's own, migrated and empty, on the server that all tests share. The role that `url` names may do
 * what a service may, no more. Close it at the end of the test.
 */
export async function openTestDatabase(schema: string, migrations: URL): Promise<TestDatabase> {
  const { url, close } = await copyOf(await templateOf(schema, migrations));
  const database = openPool({ url, schema });
  let closed: Promise<void> | undefined;
  return {
    ...database,
    url,
    close() {
      closed ??= database.close().then(close);
      return closed;
    },
  };
}

/** A database without a schema, for what makes its own. */
export function createTestDatabase(): Promise<{ readonly url: string; close(): Promise<void> }> {
  return copyOf(baseDatabase);
}

async function copyOf(template: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const server = await testServer();
  await askDoor(`copy ${template} ${name}`);
  return { url: asService(server, name), close: async () => void (await askDoor(`drop ${name}`)) };
}

let server: Promise<string> | undefined;

// The url of the server, as the superuser.
function testServer(): Promise<string> {
  return (server ??= askDoor('url'));
}

const templates = new Map<string, Promise<string>>();

function templateOf(schema: string, migrations: URL): Promise<string> {
  const key = `${schema} ${migrations.href}`;
  let template = templates.get(key);
  if (template === undefined) templates.set(key, (template = makeTemplate(schema, migrations)));
  return template;
}

async function makeTemplate(schema: string, migrations: URL): Promise<string> {
  const server = await testServer();
  const texts = await readMigrations(migrations);
  const platform = await readMigrations(new URL('../migrations/', import.meta.url));
  const hash = createHash('sha256')
    .update(JSON.stringify([schema, platform, texts]))
    .digest('hex')
    .slice(0, 24);
  const name = `template_${hash}`;
  await withConnection(databaseAt(server, 'postgres'), async (sql) => {
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

// Global set-up gave the role the superuser's password.
function asService(server: string, database: string): string {
  const url = new URL(databaseAt(server, database));
  url.username = 'service';
  return url.href;
}
