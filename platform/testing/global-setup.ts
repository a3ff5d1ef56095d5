import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomPassword, startPostgres, type PostgresProcess } from '../postgres-process.ts';
import { withConnection } from '../pool.postgres.ts';

declare global {
  // Jest loads set-up and teardown apart from each other; the process is what they share.
  var only2uTestServer: { stop(): Promise<void> } | undefined;
}

/**
 * Jest runs it once, before the workers. It only listens on a socket: the first test that asks there for a database starts
 * the one PostgreSQL server that all share, so that tests without a database don't pay for one.
 */
export async function setUp(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'only2u-test-'));
  let starting: Promise<{ server: PostgresProcess; url: string }> | undefined;
  const door = createServer((socket) => {
    socket.on('error', () => undefined);
    starting ??= start(folder);
    starting.then(
      ({ url }) => socket.end(url),
      (error: unknown) => socket.end(`failed: ${String(error)}`),
    );
  });
  const path = join(folder, 'door');
  await new Promise<void>((resolve) => door.listen(path, resolve));
  door.unref();
  process.env['ONLY2U_TEST_POSTGRES'] = path;
  globalThis.only2uTestServer = {
    async stop() {
      door.close();
      await starting?.then(
        ({ server }) => server.close(),
        () => undefined,
      );
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Jest runs it once, after the last worker. */
export async function tearDown(): Promise<void> {
  await globalThis.only2uTestServer?.stop();
}

async function start(folder: string): Promise<{ server: PostgresProcess; url: string }> {
  const password = randomPassword();
  const port = await freePort();
  const server = await startPostgres({
    folder: join(folder, 'postgres'),
    port,
    password,
    // Nothing here outlives the run, so nothing is forced to the disk.
    settings: {
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      wal_level: 'minimal',
      max_wal_senders: '0',
      autovacuum: 'off',
      shared_buffers: '64MB',
      max_connections: '200',
      scram_iterations: '1',
    },
  });
  const url = `postgres://postgres:${password}@127.0.0.1:${port}`;
  await withConnection(`${url}/template1`, async (sql) => {
    await sql.run(`CREATE ROLE service LOGIN PASSWORD '${password}' CREATEDB`);
    for (const extension of ['pg_trgm', 'unaccent', 'citext']) await sql.run(`CREATE EXTENSION ${extension}`);
  });
  return { server, url };
}

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

export { setUp as default };
