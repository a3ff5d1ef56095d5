import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { silentLog } from './telemetry/log.ts';
import type { TaskHandler } from './tasks-run.ts';
import { at, collect, gate } from './tasks.testing.ts';
import { runDueTasks, schedule, startTasks, type TaskToDo } from './tasks.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

const log = silentLog();
let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());

const workers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close()));
  await database.query('DELETE FROM task');
});

type Quick = { readonly leaseMs?: number; readonly now?: () => Date };

function start(handlers: Record<string, TaskHandler>, options: Quick = {}): { close(): Promise<void> } {
  const worker = startTasks({ database, log, handlers, ...options });
  workers.push(worker);
  return worker;
}

function plan(...tasks: readonly TaskToDo[]): Promise<void> {
  return database.transaction((tx) => schedule(tx, ...tasks));
}

const rows = () => database.query<{ key: string }>('SELECT * FROM task ORDER BY kind, key');

test('what fails waits longer each time, then is dead, with its error; scheduled again, it lives', async () => {
  let time = at('12:00:00')();
  const options = {
    database,
    now: () => time,
    handlers: {
      mail: {
        attempts: 3,
        retryMs: (failures: number) => failures * 60_000,
        run: () => Promise.reject(new Error('smtp\0')),
      },
    },
  };
  await plan({ kind: 'mail', key: 'a' });
  const runsAt = async (clock: string) => {
    time = at(clock)();
    return (await runDueTasks(options)).runs;
  };
  expect(await runsAt('12:00:00')).toBe(1);
  expect(await runsAt('12:00:59')).toBe(0);
  expect(await runsAt('12:01:00')).toBe(1);
  expect(await runsAt('12:02:59')).toBe(0);
  expect(await runsAt('12:03:00')).toBe(1);
  expect(await runsAt('23:00:00')).toBe(0);
  expect(await rows()).toEqual([
    expect.objectContaining({ key: 'a', attempts: 3, error: 'Error: smtp', dead_time: expect.any(Date), claim: null }),
  ]);
  const work = collect(1);
  await plan({ kind: 'mail', key: 'a' });
  await runDueTasks({ database, handlers: { mail: work } });
  expect(work.got).toEqual([{ kind: 'mail', key: 'a', body: undefined, attempts: 1 }]);
});

test('a task whose worker died comes to another once its lease is over, and the dead one no longer speaks for it', async () => {
  const dying = gate();
  const first = start({ mail: { ...dying, concurrency: 1 } }, { leaseMs: 60_000 });
  await plan({ kind: 'mail', key: 'a' });
  await dying.begun;
  const next = gate();
  const second = start({ mail: next });
  await database.query('UPDATE task SET next_time = now()'); // as if a minute had passed
  await next.begun;
  dying.end(undefined);
  await first.close();
  expect(await rows()).toEqual([expect.objectContaining({ attempts: 2 })]);
  next.end(undefined);
  await second.close();
  expect(await rows()).toEqual([]);
});

test('a task that never says how it ended is dead in the end', async () => {
  await plan({ kind: 'mail', key: 'a' });
  await database.query('UPDATE task SET attempts = 5'); // as after five processes that ended in the middle of it
  const work = collect(1);
  await runDueTasks({ database, handlers: { mail: { ...work, attempts: 5 } } });
  expect(work.got).toEqual([]);
  expect(await rows()).toEqual([
    expect.objectContaining({ dead_time: expect.any(Date), error: expect.stringContaining('never said') }),
  ]);
});

test('a handler that takes too long is told so, and the task has failed', async () => {
  const slow = gate();
  const worker = start({ mail: { ...slow, retryMs: () => 3_600_000 } }, { leaseMs: 60 });
  await plan({ kind: 'mail', key: 'a' });
  const signal = await slow.begun;
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  await worker.close();
  expect(await rows()).toEqual([expect.objectContaining({ error: 'Error: not done within 0.05 s', attempts: 1 })]);
});

test('a close waits for what is being done', async () => {
  const work = gate();
  const worker = start({ mail: work });
  await plan({ kind: 'mail', key: 'a' });
  await work.begun;
  const closing = worker.close();
  work.end(undefined);
  await closing;
  expect(await rows()).toEqual([]);
});

test('what a close cuts short comes to the next worker at once, and is no failure', async () => {
  const begun = Promise.withResolvers<void>();
  const worker = start({
    mail: {
      run: (_task, signal) =>
        new Promise((_, reject) => {
          begun.resolve();
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    },
  });
  await plan({ kind: 'mail', key: 'a' });
  await begun.promise;
  await worker.close();
  const work = collect(1);
  start({ mail: work });
  expect(await work.all).toEqual([expect.objectContaining({ key: 'a', attempts: 1 })]);
});

test('what a killed process was doing is done by another', async () => {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./testing/hanging-worker.ts', import.meta.url)), database.url],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  try {
    await plan({ kind: 'hang', key: 'a', body: 'kept' });
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    expect(said.toString()).toBe('a 1\n');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const work = collect(1);
    start({ hang: work });
    expect(await work.all).toEqual([{ kind: 'hang', key: 'a', body: 'kept', attempts: 2 }]);
  } finally {
    child.kill('SIGKILL');
  }
});
