import { join } from 'node:path';
import type { DataFolder } from './data-folder.ts';
import { schemaName, withConnection } from './pool.postgres.ts';
import { StartError } from './start-error.ts';
import { startPostgres, type PostgresProcess } from './postgres-process.ts';

export type EmbeddedPostgresOptions = {
  readonly data: DataFolder;
  readonly port: number;
  readonly onProgress?: (text: string) => void;
};

/** The database that comes with the shop: a PostgreSQL server in the data folder, for this machine alone. */
export type EmbeddedPostgres = {
  /** DATABASE_URL of a service: a role of its own, which can use the schema it made and no other. Known before the start. */
  urlOf(service: string): string;
  /** Starts the server, or joins the one that another process of this shop started, and makes the roles of these services. */
  start(services: readonly string[]): Promise<PostgresProcess>;
};

const database = 'only2u';

// Small, since it shares a laptop with everything else: some 60 MB with eight connections at work, and more only as the data
// grow, whose buffers take no memory before they are used. What is committed is on the disk (fsync and full_page_writes stay
// on). Without replication there is no need for its log or its processes.
const settings = {
  shared_buffers: '128MB',
  max_connections: '200',
  io_method: 'sync',
  max_worker_processes: '2',
  max_parallel_workers_per_gather: '0',
  max_logical_replication_workers: '0',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '512MB',
  min_wal_size: '32MB',
  effective_cache_size: '1GB',
  random_page_cost: '1.1',
  autovacuum_max_workers: '1',
  autovacuum_worker_slots: '1',
  jit: 'off',
  timezone: 'UTC',
} as const;

export function createEmbeddedPostgres({ data, port, onProgress }: EmbeddedPostgresOptions): EmbeddedPostgres {
  const password = (role: string): string => data.secretFor(`postgres role ${role}`);
  const urlAs = (role: string, name: string): string =>
    `postgres://${role}:${password(role)}@127.0.0.1:${port}/${name}`;
  return {
    urlOf: (service) => urlAs(roleOf(service), database),
    async start(services) {
      const server = await startPostgres({
        folder: join(data.path, 'postgres'),
        port,
        password: password('postgres'),
        settings,
        ...(onProgress && { onProgress }),
      });
      try {
        await prepare(services.map(roleOf));
        return server;
      } catch (cause) {
        await server.close();
        const said = cause instanceof Error ? cause.message : String(cause);
        throw new StartError(
          `The database in ${data.path} does not fit this shop: ${said}. Restore the whole folder from a backup, or delete it to start anew.`,
          { cause },
        );
      }
    },
  };

  // Several processes may come here at once, so each step first looks, and one works at a time.
  async function prepare(roles: readonly string[]): Promise<void> {
    await withConnection(urlAs('postgres', 'postgres'), async (sql) => {
      await sql.query('SELECT pg_advisory_lock(2)');
      const known = await sql.query<{ name: string }>(`SELECT datname AS name FROM pg_database WHERE datname = $1`, [
        database,
      ]);
      if (known.length === 0) await sql.run(`CREATE DATABASE ${database}`);
    });
    await withConnection(urlAs('postgres', database), async (sql) => {
      await sql.query('SELECT pg_advisory_lock(2)');
      const known = await sql.query<{ name: string }>('SELECT rolname AS name FROM pg_roles');
      const made = new Set(known.map(({ name }) => name));
      const missing = roles.filter((role) => !made.has(role));
      if (missing.length === 0) return;
      await sql.run('BEGIN');
      await sql.run(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
      for (const extension of ['pg_trgm', 'unaccent', 'citext']) {
        await sql.run(`CREATE EXTENSION IF NOT EXISTS ${extension} SCHEMA public`);
      }
      for (const role of missing) {
        // The secret's alphabet has no quotes.
        await sql.run(`CREATE ROLE "${role}" LOGIN PASSWORD '${password(role)}'`);
        // It makes its schema itself, and owns it: nobody else may look inside.
        await sql.run(`GRANT CONNECT, CREATE, TEMPORARY ON DATABASE ${database} TO "${role}"`);
      }
      await sql.run('COMMIT');
    });
  }
}

function roleOf(service: string): string {
  return schemaName(service.replaceAll('-', '_'));
}
