import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { currentCall, withCall } from './rpc/call.ts';
import { silentLog } from './telemetry/log.ts';
import type { Task, TaskHandler } from './tasks-run.ts';
import { at, collect, gate } from './tasks.testing.ts';
import { runDueTasks, schedule, startTasks, type TaskToDo, unschedule } from './tasks.postgres.ts';
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

test('what is scheduled in a transaction is done once that is committed, and never if it is rolled back', async () => {
  const work = collect(1);
  const worker = start({ mail: work });
  const failing = database.transaction(async (tx) => {
    await schedule(tx, { kind: 'mail', key: 'never' });
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  await plan({ kind: 'mail', key: 'a', body: { to: ['x'] } });
  expect(await work.all).toEqual([{ kind: 'mail', key: 'a', body: { to: ['x'] }, attempts: 1 }]);
  await worker.close();
  expect(work.got).toHaveLength(1);
  expect(await rows()).toEqual([]);
});

test('nothing is a body, and so is each value of JSON', async () => {
  const work = collect(4);
  await plan(
    { kind: 'mail', key: 'none' },
    { kind: 'mail', key: 'null', body: null },
    { kind: 'mail', key: 'text', body: 'é"' },
    { kind: 'mail', key: 'list', body: [1, { a: false }] },
  );
  await runDueTasks({ database, handlers: { mail: work } });
  expect(new Map(work.got.map(({ key, body }) => [key, body]))).toEqual(
    new Map<string, unknown>([
      ['none', undefined],
      ['null', null],
      ['text', 'é"'],
      ['list', [1, { a: false }]],
    ]),
  );
});

test('a body that is too large is a bug', async () => {
  await expect(plan({ kind: 'mail', key: 'a', body: 'x'.repeat(70_000) })).rejects.toThrow('larger than 64 KiB');
});

test('a task is done when its time has come, and not before', async () => {
  const work = collect(2);
  await plan({ kind: 'mail', key: 'later', dueTime: at('12:00:00')() }, { kind: 'mail', key: 'now' });
  const handlers = { mail: work };
  expect(await runDueTasks({ database, handlers, now: at('11:59:59') })).toEqual({ runs: 1, errors: [] });
  expect(work.got.map(({ key }) => key)).toEqual(['now']);
  expect(await runDueTasks({ database, handlers, now: at('12:00:00') })).toEqual({ runs: 1, errors: [] });
  expect(work.got.map(({ key }) => key)).toEqual(['now', 'later']);
});

test('a worker wakes when the next is due by the database’s clock', async () => {
  const work = collect(1);
  start({ mail: work });
  const [clock] = await database.query<{ soon: Date }>(`SELECT now() + interval '150 ms' AS soon`);
  await plan({ kind: 'mail', key: 'a', dueTime: clock?.soon });
  await work.all;
  const [after] = await database.query<{ now: Date }>('SELECT now()');
  expect(after?.now.getTime()).toBeGreaterThanOrEqual(clock?.soon.getTime() ?? Infinity);
});

test('a timer outlives the process that set it', async () => {
  const first = start({ mail: collect(1) });
  const [clock] = await database.query<{ soon: Date }>(`SELECT now() + interval '100 ms' AS soon`);
  await first.close();
  await plan({ kind: 'mail', key: 'a', dueTime: clock?.soon });
  const work = collect(1);
  start({ mail: work });
  expect(await work.all).toHaveLength(1);
});

test('a task of a kind that nobody here handles is left alone', async () => {
  await plan({ kind: 'other', key: 'a' });
  expect(await runDueTasks({ database, handlers: { mail: collect(1) } })).toEqual({ runs: 0, errors: [] });
  expect(await rows()).toHaveLength(1);
});

test('three workers do each of 300 tasks once', async () => {
  const work = collect(300);
  const keys = Array.from({ length: 300 }, (_, index) => `key ${index}`);
  for (let index = 0; index < 3; index++) start({ mail: { ...work, concurrency: 20 } });
  await plan(...keys.map((key) => ({ kind: 'mail', key })));
  await work.all;
  await Promise.all(workers.splice(0).map((worker) => worker.close()));
  expect(work.got.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
});

test('no more run at a time than the handler says, and another kind does not wait for them', async () => {
  let most = 0;
  let running = 0;
  const [slow, quick] = [gate(), collect(3)];
  start({
    slow,
    few: {
      concurrency: 2,
      async run(task) {
        most = Math.max(most, ++running);
        await database.query('SELECT 1');
        running--;
        return quick.run(task);
      },
    },
  });
  await plan({ kind: 'slow', key: 'a' }, ...['a', 'b', 'c'].map((key) => ({ kind: 'few', key })));
  await slow.begun;
  await quick.all;
  expect(most).toBeLessThanOrEqual(2);
  slow.end(undefined);
});

test('scheduling again moves a task', async () => {
  await plan({ kind: 'mail', key: 'a', dueTime: at('12:00:00')(), body: 1 });
  await plan({ kind: 'mail', key: 'a', dueTime: at('13:00:00')(), body: 2 });
  const work = collect(1);
  expect((await runDueTasks({ database, handlers: { mail: work }, now: at('12:30:00') })).runs).toBe(0);
  await plan(
    { kind: 'mail', key: 'a', dueTime: at('12:00:00')() },
    { kind: 'mail', key: 'a', dueTime: at('12:10:00')(), body: 3 },
  );
  await runDueTasks({ database, handlers: { mail: work }, now: at('12:30:00') });
  expect(work.got).toEqual([{ kind: 'mail', key: 'a', body: 3, attempts: 1 }]);
});

test('a task that is scheduled while it is done is done again after, and not at the same time', async () => {
  const first = gate();
  const second = collect(1);
  let runs = 0;
  const twice = (task: Task, signal: AbortSignal) => (++runs === 1 ? first.run(task, signal) : second.run(task));
  start({ mail: { run: twice } });
  await plan({ kind: 'mail', key: 'a', body: 'old' });
  await first.begun;
  await plan({ kind: 'mail', key: 'a', body: 'new' });
  start({ mail: { run: twice } }); // another process doesn't get it either while the first has it
  await plan({ kind: 'mail', key: 'b', body: 'b' });
  await second.all;
  expect(second.got.map(({ key }) => key)).toEqual(['b']);
  const rest = collect(1);
  second.run = rest.run;
  first.end(undefined);
  expect(await rest.all).toEqual([{ kind: 'mail', key: 'a', body: 'new', attempts: 1 }]);
});

test.each(['fails', 'asks for another time'])(
  'what was scheduled meanwhile counts, also when the task %s',
  async (how) => {
    const first = gate();
    const second = collect(1);
    let runs = 0;
    start({
      mail: { attempts: 1, run: (task, signal) => (++runs === 1 ? first.run(task, signal) : second.run(task)) },
    });
    await plan({ kind: 'mail', key: 'a' });
    await first.begun;
    await plan({ kind: 'mail', key: 'a', body: 'new' });
    if (how === 'fails') first.fail(new Error('broken'));
    else first.end(new Date('2999-01-01T00:00:00Z'));
    expect(await second.all).toEqual([{ kind: 'mail', key: 'a', body: 'new', attempts: 1 }]);
  },
);

test('a task comes again at the time that its handler says, with its attempts begun anew', async () => {
  const seen: number[] = [];
  const handlers: Record<string, TaskHandler> = {
    mail: {
      retryMs: () => 0,
      run: async ({ attempts }) => {
        seen.push(attempts);
        if (seen.length === 1) throw new Error('not yet');
        return seen.length === 2 ? at('13:00:00')() : undefined;
      },
    },
  };
  await plan({ kind: 'mail', key: 'a', body: 'kept' });
  expect(await runDueTasks({ database, handlers, now: at('12:00:00') })).toEqual({
    runs: 2,
    errors: [expect.any(Error)],
  });
  expect((await runDueTasks({ database, handlers, now: at('12:59:59') })).runs).toBe(0);
  expect((await runDueTasks({ database, handlers, now: at('13:00:00') })).runs).toBe(1);
  expect(seen).toEqual([1, 2, 1]);
  expect(await rows()).toEqual([]);
});

test('a task that is taken back is not done', async () => {
  await plan({ kind: 'mail', key: 'a' }, { kind: 'mail', key: 'b' }, { kind: 'other', key: 'a' });
  await database.transaction((tx) => unschedule(tx, 'mail', 'a', 'nobody'));
  const work = collect(2);
  await runDueTasks({ database, handlers: { mail: work, other: work } });
  expect(work.got.map(({ kind, key }) => `${kind} ${key}`).toSorted()).toEqual(['mail b', 'other a']);
});

test('who does a task that was taken back and scheduled anew does not end the new one', async () => {
  const first = gate();
  const worker = start({ mail: first });
  await plan({ kind: 'mail', key: 'a' });
  await first.begun;
  await database.transaction((tx) => unschedule(tx, 'mail', 'a'));
  await plan({ kind: 'mail', key: 'a', dueTime: new Date('2999-01-01T00:00:00Z') });
  first.end(undefined);
  await worker.close();
  expect(await rows()).toHaveLength(1);
});

test('a run has a deadline for its calls, and the request id and trace of who scheduled it', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const call = {
    caller: 'gateway',
    user: { id: 'usr_a', roles: [], sessionId: 'ses_a' },
    token: 'secret',
    requestId: 'request-7',
    address: '192.0.2.1',
    userAgent: 'x',
    deadlineMs: undefined,
    signal: new AbortController().signal,
    traceparent,
  };
  await withCall(call, () => plan({ kind: 'mail', key: 'a' }));
  const seen: unknown[] = [];
  const before = Date.now();
  await runDueTasks({
    database,
    handlers: { mail: { run: async () => void seen.push(currentCall()) } },
  });
  expect(seen).toEqual([
    expect.objectContaining({ requestId: 'request-7', traceparent, caller: '', user: undefined, token: undefined }),
  ]);
  const { deadlineMs } = seen[0] as { deadlineMs: number };
  expect(deadlineMs - before).toBeGreaterThanOrEqual(25_000);
  expect(deadlineMs - before).toBeLessThan(30_000);
});
