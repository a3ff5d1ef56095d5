import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { type Empty, EmptySchema } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openIdentity } from './identity/identity.ts';
import { localMesh } from './identity/spiffe.ts';
import { newId } from './ids.ts';
import { migrate } from './migrate.postgres.ts';
import { type Database, openPool, type PoolOptions, withConnection } from './pool.postgres.ts';
import { once } from './request-id.postgres.ts';
import { silentLog } from './telemetry/log.ts';
import { engineVariable } from './testing/engines.ts';

const admin = engineVariable('DATABASE_ADMIN_URL');
const ca = engineVariable('DATABASE_CA');
const schema = `live_${newId('live').slice(-12).toLowerCase()}`;
const migrations = new URL('./testing/migrations/', import.meta.url);
const proxies: { close(): void }[] = [];

beforeAll(async () => {
  await migrate({ url: admin, ca, schema, migrations });
});
afterAll(async () => {
  for (const proxy of proxies) proxy.close();
  await withConnection({ url: admin, ca }, (sql) => sql.run(`DROP SCHEMA ${schema} CASCADE`));
});

const changed = (change: (url: URL) => void, from = admin): string => {
  const url = new URL(from);
  change(url);
  return url.href;
};
const pool = (options: Partial<PoolOptions> = {}) => openPool({ url: admin, ca, schema, ...options });
const refusal = (url: string, authority: string | undefined = ca): Promise<unknown> =>
  migrate({ url, ca: authority, schema, migrations }).catch((error: unknown) => error);

test('the server is spoken to with TLS, verified', async () => {
  const database = pool();
  const rows = await database.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
  expect(rows).toEqual([{ ssl: true }]);
  await database.close();
});

test('a wrong password, a wrong authority, plain text and a database that isn’t there are refused in one line that says what to correct', async () => {
  const said = async (url: string, authority?: string): Promise<string> => {
    const error = await refusal(url, authority);
    expect(error).toMatchObject({ name: 'StartError' });
    return error instanceof Error ? error.message : '';
  };
  expect(await said(changed((url) => (url.password = 'secret-guess')))).toBe(
    `PostgreSQL (schema ${schema}) refuses us: user or password is wrong. Correct DATABASE_URL.`,
  );
  expect(await said(changed((url) => url.searchParams.set('sslmode', 'disable')))).toContain('it demands TLS');
  expect(await said(admin, await anotherAuthority())).toContain('an authority that is not in the CA file');
  expect(await said(changed((url) => (url.pathname = 'nowhere')))).toContain('there is no such database');
});

test('TLS is never given up for a server that has none', async () => {
  const plain = createServer((socket) => socket.once('data', () => socket.write('N')));
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  proxies.push(plain);
  const error = await refusal(changed((url) => (url.port = String((plain.address() as AddressInfo).port))));
  expect(error).toMatchObject({ message: expect.stringContaining('it speaks plain text there, not TLS') });
});

test('verify-ca asks for no name, verify-full does, and what could be talked out of TLS is refused', async () => {
  const elsewhere = (mode: string): string => changed((url) => url.searchParams.set('sslmode', mode));
  for (const mode of ['require', 'verify-ca', 'verify-full']) expect(await refusal(elsewhere(mode))).toBe(true);
  expect(await refusal(elsewhere('prefer'))).toMatchObject({ message: expect.stringContaining('sslmode is one of') });
});

test('who waits too long for a connection, a lock or an answer is told to try again', async () => {
  const database = pool({ connections: 2, connectTimeoutMs: 500, lockTimeoutMs: 100, statementTimeoutMs: 3_000 });
  await database.query("INSERT INTO counters (name) VALUES ('locked') ON CONFLICT DO NOTHING");
  await database.transaction(async (tx) => {
    await tx.query("UPDATE counters SET value = value + 1 WHERE name = 'locked'");
    await expect(database.query("UPDATE counters SET value = 0 WHERE name = 'locked'")).rejects.toMatchObject({
      kind: 'unavailable',
      reason: 'DATABASE_SLOW',
    });
  });
  const busy = [1, 2].map(() => database.query('SELECT pg_sleep(1.5)'));
  await expect(database.query('SELECT 1')).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'DATABASE_BUSY',
    retryAfterMs: 1_000,
  });
  expect(database.load()).toMatchObject({ timedOut: 1, most: 2 });
  await Promise.all(busy);
  await expect(database.query('SELECT pg_sleep(10)')).rejects.toMatchObject({ reason: 'DATABASE_SLOW' });
  await database.close();
});

test('a cable that is cut costs what a statement may take and two seconds more, and then new connections are made', async () => {
  const proxy = await openProxy();
  const database = pool({ url: proxy.url, statementTimeoutMs: 500, connectTimeoutMs: 500 });
  await database.query('SELECT 1');
  proxy.hold();
  const beganMs = performance.now();
  await expect(database.query('SELECT 2')).rejects.toMatchObject({ kind: 'unavailable' });
  expect(performance.now() - beganMs).toBeLessThan(4_000);
  proxy.goOn();
  expect(await database.query('SELECT 3 AS three')).toEqual([{ three: 3 }]);
  await database.close();
});

test('cut off in the middle of COMMIT the caller is told that nobody knows, and a repeat with the same request_id gives the truth', async () => {
  const direct = pool();
  await direct.query(
    `CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$`,
  );
  await direct.query(
    'CREATE CONSTRAINT TRIGGER slowly AFTER INSERT ON counters DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slowly()',
  );
  const proxy = await openProxy();
  const database = pool({ url: proxy.url });
  let written = (): void => undefined;
  const inCommit = new Promise<void>((resolve) => (written = resolve));
  let made = 0;
  const asked = { actor: 'usr_a', method: 'count', requestId: newId('req'), now: new Date() };
  const change = (from: Database): Promise<Empty> =>
    from.transaction((tx) =>
      once(tx, { ...asked, request: create(EmptySchema), schema: EmptySchema }, async () => {
        made++;
        await tx.query("INSERT INTO counters (name) VALUES ('unknown')");
        return create(EmptySchema);
      }),
    );
  const watched: Database = {
    ...database,
    transaction: (work, how) =>
      database.transaction(async (tx) => {
        const result = await work(tx);
        written();
        return result;
      }, how),
  };
  const outcome = expect(change(watched)).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'DATABASE_OUTCOME_UNKNOWN',
    retryAfterMs: 1_000,
  });
  await inCommit;
  setTimeout(() => proxy.cutCallers(), 200); // COMMIT is at the server, which sleeps in it
  await outcome;
  // It was made, this time; the repeat waits for the first to end, and answers without doing it again.
  expect(await change(direct)).toEqual(create(EmptySchema));
  expect(made).toBe(1);
  expect(await direct.query("SELECT value FROM counters WHERE name = 'unknown'")).toHaveLength(1);
  await Promise.all([database.close(), direct.close()]);
});

/** A TCP proxy before the server, whose cable can be cut: nothing passes any more, and nobody is told. */
async function openProxy() {
  const { hostname, port } = new URL(admin);
  const callers = new Set<Socket>();
  const all = new Set<Socket>();
  let held = false;
  const server = createServer((caller) => {
    const target = connect(Number(port), hostname);
    for (const socket of [caller, target]) {
      all.add(socket);
      socket.on('error', () => undefined).on('close', () => all.delete(socket));
    }
    callers.add(caller);
    if (held) return;
    caller.on('data', (bytes) => held || target.write(bytes));
    target.on('data', (bytes) => held || caller.write(bytes));
    target.on('close', () => caller.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxies.push({
    close() {
      for (const socket of all) socket.destroy();
      server.close();
    },
  });
  const own = (server.address() as AddressInfo).port;
  return {
    url: changed((url) => (url.port = String(own))),
    hold: () => void (held = true),
    goOn: () => void (held = false),
    /** The server is not told either: it goes on with what it has. */
    cutCallers() {
      for (const caller of callers) caller.destroy();
    },
  };
}

async function anotherAuthority(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'only2u-authority-'));
  const identity = await openIdentity({
    dataDir,
    mesh: localMesh,
    workload: 'cart',
    now: () => new Date(),
    log: silentLog(),
  });
  const { ca: own } = identity.tls.current();
  identity.close();
  await rm(dataDir, { recursive: true });
  return own;
}
