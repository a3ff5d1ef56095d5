import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openDataFolder } from './data-folder.ts';
import { createEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.ts';
import { isAlive } from './process-alive.ts';
import { withConnection } from './pool.postgres.ts';
import { freePort } from './free-port.ts';

let folder: string;
let port: number;
let embedded: EmbeddedPostgres;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u postgres '));
  port = await freePort();
  embedded = createEmbeddedPostgres({ data: await openDataFolder(folder), port });
});
afterAll(() => rm(folder, { recursive: true }));

/** Starts it in another process, which can be killed. */
async function startElsewhere(
  of: { readonly folder: string; readonly port: number } = { folder, port },
): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./testing/hold-postgres.ts', import.meta.url));
  const child = spawn(process.execPath, [script, of.folder, String(of.port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return child;
}

async function serverPid(): Promise<number> {
  return Number((await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

test('each service has a role that can use the schema it makes, and no other', async () => {
  const server = await embedded.start(['fruit', 'dairy']);
  await withConnection(embedded.urlOf('fruit'), async (sql) => {
    await sql.run('CREATE SCHEMA fruit; CREATE TABLE fruit.basket (name text)');
    expect(await sql.query("SELECT similarity('apple', 'appel') > 0.3 AS alike")).toEqual([{ alike: true }]);
  });
  await withConnection(embedded.urlOf('dairy'), async (sql) => {
    await expect(sql.query('SELECT * FROM fruit.basket')).rejects.toThrow('permission denied for schema fruit');
    await expect(sql.run('CREATE TABLE public.mine (name text)')).rejects.toThrow(
      'permission denied for schema public',
    );
    await expect(sql.run('SET ROLE fruit')).rejects.toThrow('permission denied');
    await expect(sql.query("SELECT pg_read_file('/etc/passwd')")).rejects.toThrow('permission denied');
  });
  await expect(
    withConnection(embedded.urlOf('fruit').replace(/:[^:@]*@/, ':guess@'), () => Promise.resolve()),
  ).rejects.toThrow('password authentication failed');
  await server.close();
});

test('after its process was killed the server ends, and what was committed is there at the next start', async () => {
  const child = await startElsewhere();
  const pid = await serverPid();
  await withConnection(embedded.urlOf('fruit'), (sql) => sql.query("INSERT INTO fruit.basket VALUES ('fig')"));
  child.kill('SIGKILL');
  for (const end = Date.now() + 20_000; isAlive(pid) && Date.now() < end;) await delay(20);
  expect(isAlive(pid)).toBe(false);
  const server = await embedded.start(['fruit']);
  expect(await withConnection(embedded.urlOf('fruit'), (sql) => sql.query('SELECT * FROM fruit.basket'))).toEqual([
    { name: 'fig' },
  ]);
  await server.close();
});

test('a server that was killed itself is started anew, over the file that it left', async () => {
  const server = await embedded.start(['fruit']);
  process.kill(await serverPid(), 'SIGKILL');
  await server.ended;
  await server.close();
  const next = await embedded.start(['fruit']);
  expect(await withConnection(embedded.urlOf('fruit'), (sql) => sql.query('SELECT * FROM fruit.basket'))).toEqual([
    { name: 'fig' },
  ]);
  await next.close();
});

test('two processes share the server, and it ends with the last', async () => {
  const child = await startElsewhere();
  const server = await embedded.start(['fruit']);
  const pid = await serverPid();
  child.stdin?.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(isAlive(pid)).toBe(true);
  await server.close();
  expect(isAlive(pid)).toBe(false);
});

test('processes that start at once on a new folder share one server', async () => {
  const fresh = { folder: await mkdtemp(join(tmpdir(), 'only2u-postgres-')), port: await freePort() };
  const children = await Promise.all([1, 2, 3].map(() => startElsewhere(fresh)));
  const pid = Number((await readFile(join(fresh.folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  expect(children.map(({ exitCode }) => exitCode)).toEqual([null, null, null]); // each has said that it is ready
  for (const child of children) child.stdin?.end();
  expect(await Promise.all(children.map((child) => once(child, 'exit')))).toEqual(children.map(() => [0, null]));
  expect(isAlive(pid)).toBe(false);
  await rm(fresh.folder, { recursive: true });
});

test('a port in use, another port for a server that runs, and another PostgreSQL’s files are told in one line', async () => {
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  await expect(embedded.start([])).rejects.toThrow(
    `Port ${port} for PostgreSQL is in use: stop what uses it, or set POSTGRES_PORT`,
  );
  await new Promise((resolve) => other.close(resolve));

  const server = await embedded.start([]);
  const elsewhere = createEmbeddedPostgres({ data: await openDataFolder(folder), port: port + 1 });
  await expect(elsewhere.start([])).rejects.toThrow(`already runs on port ${port}`);
  await server.close();

  await writeFile(join(folder, 'postgres', 'PG_VERSION'), '15\n');
  await expect(embedded.start([])).rejects.toThrow('was made by PostgreSQL 15, and this is 18');
});
