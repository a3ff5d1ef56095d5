import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ConnectError } from '@connectrpc/connect';
import { z } from 'zod';
import { DeadLetterService } from '#gen/only2u/operation/v1/dead_letter_pb.ts';
import { KeyService } from '#gen/only2u/user/v1/auth_pb.ts';
import { type Database, openPool } from '#platform/pool.postgres.ts';
import { type Shop, startShop } from '#platform/run.ts';
import { runDueTasks, schedule } from '#platform/tasks.postgres.ts';
import { createTestDatabase } from '#platform/testing/database.ts';
import { services } from '#services/all.ts';

const root = resolve(import.meta.dirname, '..');

let folder: string;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let shop: Shop;
let product: Database;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u-test-'));
  database = await createTestDatabase();
  shop = await startShop({
    entries: services,
    names: ['user', 'product'],
    variables: {
      ONLY2U_DATA: folder,
      DATABASE_URL: database.url,
      PAGE_TOKEN_KEY: 'a key of thirty-two bytes or more, for tests',
      USER_SECRET: 'a secret of thirty-two bytes or more, for tests',
      ADMIN_PORT: '0',
      USER_PORT: '0',
      PRODUCT_PORT: '0',
      LOG_LEVEL: 'fatal',
    },
    fetchKeys: async (dial) => (await dial(KeyService).getKeys({})).jwksJson,
  });
  product = openPool({ url: database.url, schema: 'product' });
  const doomed = { attempts: 1, run: () => Promise.reject(new Error('the printer is on fire')) };
  for (const key of ['a', 'b', 'c']) {
    await product.transaction((tx) => schedule(tx, { kind: 'label.print', key, body: { copies: 2 } }));
    await runDueTasks({ database: product, handlers: { 'label.print': doomed } });
  }
}, 60_000);

afterAll(async () => {
  await product.close();
  await shop.close();
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** `npm run dead-letters`, as an operator runs it beside the shop. */
function deadLetters(...args: readonly string[]): Promise<Ended> {
  return command('tools/dead-letters.ts', args);
}

async function command(file: string, args: readonly string[]): Promise<Ended> {
  const portOf = (name: string) => shop.addresses.get(name)?.split(':').at(-1);
  const env = {
    PATH: process.env['PATH'],
    ONLY2U_DATA: folder,
    USER_PORT: portOf('user'),
    PRODUCT_PORT: portOf('product'),
  };
  return new Promise((end) => {
    execFile(process.execPath, [join(root, file), ...args], { cwd: root, env }, (error, stdout, stderr) =>
      end({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

test('an operator lists, shows, replays and drops, over mutual TLS', async () => {
  const list = await deadLetters('list', '--service', 'product');
  expect(list.stdout).toContain('product/task/label.print/a\n');
  expect(list.stdout).toContain('Error: the printer is on fire\n');
  expect(list.stdout).toContain('Dead letters: 3.\n');

  const show = await deadLetters('show', 'product/task/label.print/a');
  expect(show.stdout).toContain('"copies": 2');

  const replay = await deadLetters('replay', 'product/task/label.print/a');
  expect(replay).toMatchObject({ code: 0, stdout: 'Replayed: 1.\n' });
  const done: string[] = [];
  await runDueTasks({
    database: product,
    handlers: { 'label.print': { run: async ({ key }) => void done.push(key) } },
  });
  expect(done).toEqual(['a']);

  const gone = await deadLetters('replay', 'product/task/label.print/a');
  expect(gone.code).toBe(2);
  expect(gone.stderr).toContain('There is no dead letter product/task/label.print/a');

  const drop = await deadLetters('drop', '--all', '--service', 'product');
  expect(drop.stdout).toBe('Dropped: 2.\n');
  expect((await deadLetters('list', '--service', 'user')).stdout).toBe('There are no dead letters.\n');
}, 120_000); // eight processes, on a machine that may be busy

test('who looks at the audit sees what an operator changed, and how it ended', async () => {
  const audit = await command('tools/audit.ts', ['--service', 'product', '--since', '1h']);
  expect(audit.stdout.split('\n').map((line) => line.split(/ {2,}/).slice(1, 5))).toEqual([
    ['product', 'DropDeadLetter', 'operator', 'OK'],
    ['product', 'DropDeadLetter', 'operator', 'OK'],
    ['product', 'ReplayDeadLetter', 'operator', 'NOT_FOUND'],
    ['product', 'ReplayDeadLetter', 'operator', 'OK'],
    [],
  ]);
});

test('each service answers for its own alone', async () => {
  const dial = await shop.dialAsOperator();
  const user = dial(DeadLetterService, 'user');
  await expect(user.getDeadLetter({ id: 'product/task/label.print/b' })).rejects.toThrow(ConnectError);
  await expect(async () => dial(DeadLetterService).listDeadLetters({})).rejects.toThrow('name the one that is meant');
});

test('metrics tell of dead letters and of what is late', async () => {
  const task = { kind: 'label.print', key: 'late' };
  await product.transaction((tx) =>
    schedule(tx, task, { kind: 'label.scan', key: 'later', dueTime: new Date('2999-01-01') }),
  );
  await product.query(`UPDATE task SET schedule_time = now() - interval '1 hour' WHERE kind = $1`, [task.kind]);
  await product.transaction((tx) => schedule(tx, { kind: 'label.file', key: 'd' }));
  const doomed = { attempts: 1, run: () => Promise.reject(new Error('no')) };
  await runDueTasks({ database: product, handlers: { 'label.file': doomed } });
  const metrics = await (await fetch(`http://${shop.adminAddress}/metrics`)).text();
  expect(metrics).toContain('dead_letters{service="product",source="task"} 1\n');
  expect(metrics).toContain('dead_letters{service="user",source="event"} 0\n');
  expect(metrics).toMatch(/task_overdue_seconds\{service="product",kind="label.print"\} 36\d\d/);
  expect(metrics).toContain('task_overdue_seconds{service="product",kind="label.scan"} 0\n');
});

test('a service that keeps data and shows no dead letters does not start', async () => {
  const forgetful = {
    name: 'forgetful',
    contract: [KeyService],
    config: z.object({ DATABASE_URL: z.string() }),
    open: async () => ({ handlers: [], close: () => Promise.resolve() }),
  };
  const starting = startShop({
    entries: [{ name: 'forgetful', port: 0, load: () => Promise.resolve(forgetful) }],
    names: ['forgetful'],
    variables: { ONLY2U_DATA: folder, DATABASE_URL: database.url, ADMIN_PORT: '0', LOG_LEVEL: 'fatal' },
    fetchKeys: () => Promise.reject(new Error('nobody signs in')),
  });
  await expect(starting).rejects.toThrow('name its database');
});
