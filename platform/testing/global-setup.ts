import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomPassword, startPostgres } from '../postgres-process.ts';
import { freePort } from '../free-port.ts';
import { clearLeftBehind } from './left-behind.ts';
import { createDoor, type Databases, openDatabases } from './server-door.ts';
import { databaseAt, prepareTestServer, testServerUrl } from './server.ts';

declare global {
  // Jest loads set-up and teardown apart from each other; the process is what they share.
  var only2uTestServer: { stop(): Promise<void> } | undefined;
}

/**
 * Jest runs it once, before the workers. It only listens on a socket: the first test that asks there for a database starts
 * the one PostgreSQL server that all share, so that tests without a database don't pay for one. With TEST_DATABASE_URL that is a
 * server which runs already.
 */
export async function setUp(): Promise<void> {
  const [base, prefix] = [await quickFolder(), 'only2u-jest-'];
  await Promise.all([...new Set([base, tmpdir()])].map((each) => clearLeftBehind(each, prefix)));
  const folder = await mkdtemp(join(base, prefix));
  let starting: Promise<Databases> | undefined;
  const door = createDoor(() => (starting = openServer(folder)));
  const path = join(folder, 'door');
  await new Promise<void>((resolve) => door.listen(path, resolve));
  door.unref();
  process.env['ONLY2U_TEST_POSTGRES'] = path;
  globalThis.only2uTestServer = {
    async stop() {
      door.close();
      await starting?.then(
        ({ close }) => close(),
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

const gigabyte = 1024 ** 3;

/**
 * Memory where there is plenty: the hundreds of databases of a run, each some 300 files, are copied there in a tenth of the processor time
 * that a disk takes. At most half a gigabyte stands at a time.
 */
async function quickFolder(): Promise<string> {
  const memory = '/dev/shm';
  const { bavail, bsize } = await statfs(memory).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize > 2 * gigabyte && process.availableMemory() > 4 * gigabyte ? memory : tmpdir();
}

async function openServer(folder: string): Promise<Databases> {
  const url = await testServerUrl(process.env, folder);
  if (url === undefined) return start(folder);
  await prepareTestServer(url);
  return openDatabases(url, databaseAt(url, 'postgres'));
}

async function start(folder: string): Promise<Databases> {
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
      max_wal_size: '256MB',
      autovacuum: 'off',
      shared_buffers: '64MB',
      max_connections: '200',
      scram_iterations: '1',
    },
  });
  const url = `postgres://postgres:${password}@127.0.0.1:${port}`;
  await prepareTestServer(url);
  const databases = await openDatabases(url, databaseAt(url, 'postgres'));
  return {
    ...databases,
    async close() {
      await databases.close();
      await server.close();
    },
  };
}

export { setUp as default };
