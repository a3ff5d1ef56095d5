import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { withConnection } from '../pool.postgres.ts';

/** What each database of a test is a copy of: empty, but for the extensions that only a superuser may add. */
export const baseDatabase = 'only2u_test_base';

const variables = z.object({
  /** The superuser's url of a PostgreSQL for tests alone: databases and a role "service" are made there, and databases stay. */
  TEST_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  /** Whom to trust there, in PEM, or the path of a file that says so. */
  TEST_DATABASE_CA: z.string().optional(),
  TEST_DATABASE_CA_FILE: z.string().optional(),
});

/** The server that the environment names, if any. Its authority goes into the url, where every connection of the tests finds it. */
export async function testServerUrl(environment: NodeJS.ProcessEnv, folder: string): Promise<string | undefined> {
  const { TEST_DATABASE_URL, TEST_DATABASE_CA, TEST_DATABASE_CA_FILE } = variables.parse(environment);
  if (TEST_DATABASE_URL === undefined) return undefined;
  const url = new URL(TEST_DATABASE_URL);
  if (TEST_DATABASE_CA !== undefined) {
    const file = join(folder, 'ca.pem');
    await writeFile(file, TEST_DATABASE_CA);
    url.searchParams.set('sslrootcert', file);
  }
  if (TEST_DATABASE_CA_FILE !== undefined) url.searchParams.set('sslrootcert', TEST_DATABASE_CA_FILE);
  return url.href;
}

/** The server's url with the database: what stands behind the question mark (TLS) stays. */
export function databaseAt(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = database;
  return url.href;
}

/** Makes the role of the services and the database that others are copied from. Several runs may do so at once. */
export async function prepareTestServer(url: string): Promise<void> {
  const { password } = new URL(url);
  await withConnection(databaseAt(url, 'postgres'), async (sql) => {
    await sql.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [baseDatabase]);
    const roles = await sql.query("SELECT FROM pg_roles WHERE rolname = 'service'");
    const quoted = decodeURIComponent(password).replaceAll("'", "''");
    await sql.run(`${roles.length === 0 ? 'CREATE' : 'ALTER'} ROLE service LOGIN CREATEDB PASSWORD '${quoted}'`);
    const bases = await sql.query('SELECT FROM pg_database WHERE datname = $1', [baseDatabase]);
    if (bases.length > 0) return;
    const unfinished = `${baseDatabase}_unfinished`;
    await sql.run(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`);
    await sql.run(`CREATE DATABASE ${unfinished}`);
    await withConnection(databaseAt(url, unfinished), async (fresh) => {
      for (const extension of ['pg_trgm', 'unaccent', 'citext']) await fresh.run(`CREATE EXTENSION ${extension}`);
    });
    await sql.run(`ALTER DATABASE ${unfinished} RENAME TO ${baseDatabase}`);
  });
}
