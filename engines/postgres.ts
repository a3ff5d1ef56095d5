import { existsSync } from 'node:fs';
import { chown, copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { findLauncher, type Launcher } from '#platform/postgres-launcher.ts';
import { schemaName } from '#platform/pool.postgres.ts';
import { StartError } from '#platform/start-error.ts';
import { installedBy, runProgram } from './programs.ts';
import type { Place, Recipe } from './recipe.ts';

const database = 'only2u';
const installed = '/usr/lib/postgresql';
const needed = 15;

/** Who has a role of its own, and a schema in the database: the services that keep data, and what events go through. */
export const databaseRoles = ['user', 'product', 'cart', 'coupon', 'order', 'payment', 'event-bus'] as const;

/** pg_hba.conf: TLS and a password, or nothing. */
export const hostRules = 'hostssl all all 127.0.0.1/32 scram-sha-256\n';

/** postgresql.conf of ours: what is committed is on the disk, as in earnest. */
export function postgresConfig({ ports }: Pick<Place, 'ports'>): string {
  return `listen_addresses = '127.0.0.1'
port = ${ports['tls']}
unix_socket_directories = ''
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
max_connections = 300
shared_buffers = 128MB
max_wal_size = 1GB
random_page_cost = 1.1
timezone = 'UTC'
log_timezone = 'UTC'
`;
}

/** PostgreSQL 15 of the system's packages, or another that is installed: PG_BIN names its programs' folder, or the version its major. */
export const postgres: Recipe = {
  name: 'postgres',
  title: 'PostgreSQL',
  ports: { tls: 25_432 },
  memoryMb: 100,
  startWithinMs: 60_000,
  async plan(place) {
    const bin = await programs(place);
    const data = join(place.folder, 'data');
    const launcher = await findLauncher(join(bin, 'initdb'), data);
    if (!existsSync(data)) await makeCluster(place, bin, data, launcher);
    await give(place.tls.cert, join(data, 'server.crt'), launcher);
    await give(place.tls.key, join(data, 'server.key'), launcher);
    await give(await place.write('pg_hba.conf', hostRules), join(data, 'pg_hba.conf'), launcher);
    await give(await place.write('postgresql.conf', postgresConfig(place)), join(data, 'postgresql.conf'), launcher);
    const [program = '', ...rest] = [...launcher.command, join(bin, 'postgres'), '-D', data];
    return [{ name: 'postgres', command: [program, ...rest], stopSignal: 'SIGINT' }]; // without waiting for clients
  },
  async setUp(place) {
    await asked(place, 'postgres', async (sql) => {
      const { rowCount } = await sql.query('SELECT FROM pg_database WHERE datname = $1', [database]);
      if (rowCount === 0) await sql.query(`CREATE DATABASE ${database}`);
    });
    await asked(place, database, async (sql) => {
      await sql.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
      for (const extension of ['pg_trgm', 'unaccent', 'citext'])
        await sql.query(`CREATE EXTENSION IF NOT EXISTS ${extension} SCHEMA public`);
      const { rows } = await sql.query<{ name: string }>('SELECT rolname AS name FROM pg_roles');
      for (const service of databaseRoles) {
        const role = roleOf(service);
        if (rows.some(({ name }) => name === role)) continue;
        const password = await place.secret(`${service}-password`); // its alphabet has no quotes
        // It makes its schema itself, and owns it: nobody else may look inside.
        await sql.query(
          `BEGIN; CREATE ROLE "${role}" LOGIN PASSWORD '${password}';
           GRANT CONNECT, CREATE, TEMPORARY ON DATABASE ${database} TO "${role}"; COMMIT`,
        );
      }
    });
  },
  check: (place) =>
    asked(place, 'postgres', async (sql) => {
      const { rows } = await sql.query<{ version: string; ssl: boolean }>(
        `SELECT current_setting('server_version') AS version, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
      );
      if (rows[0]?.ssl !== true) throw new Error('PostgreSQL answers without TLS');
      return rows[0].version.split(' ')[0] ?? '?';
    }),
  async variables(place) {
    const variables: Record<string, string> = { DATABASE_CA_FILE: place.tls.ca };
    for (const service of databaseRoles) {
      const url = urlOf(place, roleOf(service), await place.secret(`${service}-password`), database);
      const file = await place.write(`urls/${service}`, url);
      const name = service === 'event-bus' ? 'EVENT_BUS_URL' : `${service.toUpperCase()}_DATABASE_URL`;
      variables[`${name}_FILE`] = file;
    }
    const adminUrl = urlOf(place, 'postgres', await place.secret('admin-password'), 'postgres');
    variables['DATABASE_ADMIN_URL_FILE'] = await place.write('urls/admin', adminUrl);
    return variables;
  },
};

function roleOf(service: string): string {
  return schemaName(service.replaceAll('-', '_'));
}

function urlOf(place: Place, role: string, password: string, name: string): string {
  return `postgres://${role}:${password}@127.0.0.1:${place.ports['tls']}/${name}?sslmode=verify-full`;
}

async function programs(place: Place): Promise<string> {
  const named = process.env['PG_BIN'];
  if (named !== undefined && named !== '') {
    if (existsSync(join(named, 'postgres'))) return named;
    throw new StartError(`PG_BIN=${named} has no postgres: name the folder of PostgreSQL's programs.`);
  }
  const { version } = place;
  // Debian 12 has 15, Ubuntu 24.04 has 16: the one without a number is the system's own.
  const packages = [version === undefined ? 'postgresql' : `postgresql-${version}`];
  return installedBy(
    packages,
    async () => {
      const names = await readdir(installed).catch((): string[] => []);
      const major = majorOf(
        names.filter((name) => existsSync(join(installed, name, 'bin/postgres'))),
        version,
      );
      return major === undefined ? undefined : join(installed, String(major), 'bin');
    },
    place.say,
  );
}

/** Which of the major versions that are installed to run: the newest, or the one asked for; undefined when it is not among them. */
export function majorOf(names: readonly string[], version: string | undefined): number | undefined {
  if (version !== undefined && !(Number.isInteger(Number(version)) && Number(version) >= needed))
    throw new StartError(`PostgreSQL ${version}: give a major version, ${needed} or later, such as 17.`);
  const majors = names.map(Number).filter((major) => major >= needed);
  if (version !== undefined) return majors.find((major) => major === Number(version));
  return majors.length === 0 ? undefined : Math.max(...majors);
}

// Made aside and renamed: what is killed meanwhile leaves no half of one.
async function makeCluster(place: Place, bin: string, data: string, launcher: Launcher): Promise<void> {
  place.say('making the database (once)');
  const fresh = `${data}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  if (launcher.uid !== undefined && launcher.gid !== undefined) await chown(fresh, launcher.uid, launcher.gid);
  await place.secret('admin-password');
  const passwordFile = join(place.folder, 'password-to-read');
  await give(join(place.folder, 'secrets/admin-password'), passwordFile, launcher);
  const [program = '', ...rest] = [
    ...[...launcher.command, join(bin, 'initdb'), `--pgdata=${fresh}`, '--username=postgres'],
    ...[`--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions'],
  ];
  try {
    await runProgram([program, ...rest]);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(fresh, data);
}

async function give(from: string, to: string, { uid, gid }: Launcher): Promise<void> {
  await copyFile(from, `${to}.new`);
  if (uid !== undefined && gid !== undefined) await chown(`${to}.new`, uid, gid);
  await rename(`${to}.new`, to);
}

async function asked<T>(place: Place, name: string, ask: (sql: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: place.ports['tls'] ?? 0,
    user: 'postgres',
    password: await place.secret('admin-password'),
    database: name,
    ssl: { ca: await readFile(place.tls.ca, 'utf8') },
    connectionTimeoutMillis: 2_000,
    query_timeout: 20_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await ask(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
