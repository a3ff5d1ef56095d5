import { create, toBinary } from '@bufbuild/protobuf';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Code, ConnectError } from '@connectrpc/connect';
import { z } from 'zod';
import { DeadLetter_Source, DeadLetterService } from '#gen/only2u/operation/v1/dead_letter_pb.ts';
import { SignUpRequestSchema } from '#gen/only2u/user/v1/auth_pb.ts';
import { openDatabase } from './database.postgres.ts';
import type { EventBus, EventMessage } from './event-bus.ts';
import { newId } from './ids.ts';
import type { Service } from './service.ts';
import { runDueTasks, schedule, type TaskToDo } from './tasks.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';
import { openTestService, type TestService } from './testing/service.ts';

const migrations = new URL('./testing/migrations/', import.meta.url);

let database: TestDatabase;
let app: TestService;
let events: EventBus;
/** What the service has handled, and whether it fails now. */
let handled: string[];
let broken: boolean;

const sample: Service<{ DATABASE_URL: string }> = {
  name: 'sample',
  contract: [],
  config: z.object({ DATABASE_URL: z.string() }),
  async open(env) {
    events = env.events;
    const own = await openDatabase({ url: env.config.DATABASE_URL, schema: 'sample', migrations, log: env.log });
    await env.events.subscribe({
      group: 'sample-part',
      topics: ['made', SignUpRequestSchema.typeName],
      attempts: 1,
      async handle({ key }) {
        if (broken) throw new Error('broken');
        handled.push(key);
      },
    });
    return { handlers: [], database: own, close: () => own.close() };
  },
};

beforeEach(async () => {
  broken = true;
  handled = [];
  database = await openTestDatabase('sample', migrations);
  const own = { publisher: 'sample', subscribers: ['sample'], at: 'sample.proto:1' };
  const eventPolicies = { made: own, [SignUpRequestSchema.typeName]: own };
  app = await openTestService(sample, { config: { DATABASE_URL: database.url }, eventPolicies });
});
afterEach(async () => {
  await app.close();
  await database.close();
});

const letters = (caller = 'operator') => app.as({ caller }).client(DeadLetterService);

/** A handler that fails for the last time at once. */
const doomed = { attempts: 1, run: () => Promise.reject(new Error('broken')) };

async function dieTask(task: TaskToDo): Promise<void> {
  await database.transaction((tx) => schedule(tx, task));
  await runDueTasks({ database, handlers: { [task.kind]: doomed } });
}

/** Of two that die in the same millisecond the one with the smaller id comes first: these ids rise. */
let made = 0;

async function dieEvent(key: string, topic = 'made', body: Uint8Array = Buffer.from('')): Promise<EventMessage> {
  made += 1;
  const event = { id: newId('evt', Date.now() + made), topic, key, body, traceparent: '', time: new Date() };
  await events.publish([event]);
  const page = { service: 'sample', limit: 100 };
  while (!(await events.deadEvents(page)).some(({ id }) => id === event.id)) await new Promise(setImmediate);
  return event;
}

async function idOf(key: string): Promise<string> {
  const { deadLetters } = await letters().listDeadLetters({});
  return deadLetters.find((each) => each.key === key)?.id ?? '';
}

/** What each of the calls is refused with. */
function refusalsOf(calls: readonly Promise<unknown>[]): Promise<ConnectError[]> {
  return Promise.all(
    calls.map((call) =>
      call.then(
        () => {
          throw new Error('it was not refused');
        },
        (error: unknown) => ConnectError.from(error),
      ),
    ),
  );
}

test('what a service gave up is listed, events before tasks, page by page', async () => {
  const [first, second] = [await dieEvent('a'), await dieEvent('b')];
  await dieTask({ kind: 'mail/sms', key: 'a/b', body: 1 });
  await dieTask({ kind: 'sweep', key: 'x' });
  const { deadLetters: all, nextPageToken: none } = await letters().listDeadLetters({});
  expect(all.map(({ id }) => id)).toEqual([
    `sample/event/sample-part/${first.id}`,
    `sample/event/sample-part/${second.id}`,
    'sample/task/mail%2Fsms/a/b',
    'sample/task/sweep/x',
  ]);
  expect(none).toBe('');
  expect(all[0]).toMatchObject({
    source: DeadLetter_Source.EVENT,
    type: 'made',
    key: 'a',
    attemptCount: 1,
    error: 'Error: broken',
  });
  expect(all[2]).toMatchObject({ source: DeadLetter_Source.TASK, type: 'mail/sms', key: 'a/b', attemptCount: 1 });
  for (const pageSize of [1, 2, 3]) {
    const ids: string[] = [];
    let pageToken = '';
    do {
      const page = await letters().listDeadLetters({ pageSize, pageToken });
      expect(page.deadLetters.length).toBeLessThanOrEqual(pageSize);
      ids.push(...page.deadLetters.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(ids).toEqual(all.map(({ id }) => id));
  }
});

test('an event is shown as its contract reads it, without what that hides', async () => {
  const signUp = create(SignUpRequestSchema, {
    requestId: 'request-1',
    email: 'asha@example.com',
    password: 'a long secret',
  });
  await dieEvent('a', SignUpRequestSchema.typeName, toBinary(SignUpRequestSchema, signUp));
  const { bodyJson, deadLetter } = await letters().getDeadLetter({ id: await idOf('a') });
  expect(deadLetter?.type).toBe('only2u.user.v1.SignUpRequest');
  expect(bodyJson).toContain('request-1');
  expect(bodyJson).not.toMatch(/asha|secret"/);
});

test('an event that no contract of this version knows, or can read, is shown without content', async () => {
  await dieEvent('unknown');
  await dieEvent('garbage', SignUpRequestSchema.typeName, Buffer.from([0xff, 0xff]));
  for (const key of ['unknown', 'garbage'])
    expect((await letters().getDeadLetter({ id: await idOf(key) })).bodyJson).toBe('');
});

test.each([
  ['nothing', undefined, ''],
  ['null', null, 'null'],
  ['a list', [1, { a: 'é' }], '[1,{"a":"é"}]'],
  ['no personal data', { email: 'asha@example.com' }, '{"email":"[redacted]"}'],
])('a task’s body is shown: %s', async (_, body, shown) => {
  await dieTask({ kind: 'mail', key: 'a', body });
  expect(await letters().getDeadLetter({ id: 'sample/task/mail/a' })).toMatchObject({
    bodyJson: shown,
    deadLetter: { type: 'mail', key: 'a' },
  });
});

test('an event that is replayed is handled', async () => {
  await dieEvent('a');
  const id = await idOf('a');
  broken = false;
  await letters().replayDeadLetter({ requestId: 'request-1', id });
  while (handled.length === 0) await new Promise(setImmediate);
  expect(handled).toEqual(['a']);
  expect((await letters().listDeadLetters({})).deadLetters).toEqual([]);
});

test('a task that is replayed is done, its attempts begun anew', async () => {
  await dieTask({ kind: 'mail', key: 'a', body: { to: 'b' } });
  await letters().replayDeadLetter({ requestId: 'request-1', id: 'sample/task/mail/a' });
  const seen: unknown[] = [];
  await runDueTasks({ database, handlers: { mail: { run: async (task) => void seen.push(task) } } });
  expect(seen).toEqual([{ kind: 'mail', key: 'a', body: { to: 'b' }, attempts: 1 }]);
});

test('what is dropped is gone', async () => {
  await dieTask({ kind: 'mail', key: 'a' });
  await dieEvent('b');
  for (const id of [await idOf('a'), await idOf('b')])
    await letters().dropDeadLetter({ requestId: `drop ${id}`.slice(0, 64), id });
  expect((await letters().listDeadLetters({})).deadLetters).toEqual([]);
  expect(await runDueTasks({ database, handlers: { mail: doomed } })).toEqual({ runs: 0, errors: [] });
});

test('a repeated request gets the first answer and changes nothing more', async () => {
  await dieTask({ kind: 'mail', key: 'a' });
  const request = { requestId: 'request-1', id: 'sample/task/mail/a' };
  await letters().replayDeadLetter(request);
  await runDueTasks({ database, handlers: { mail: doomed } }); // it dies again
  await letters().replayDeadLetter(request);
  expect(await idOf('a')).toBe(request.id);
});

test('a reused request_id with another dead letter is refused', async () => {
  await dieTask({ kind: 'mail', key: 'a' });
  await dieTask({ kind: 'mail', key: 'b' });
  await letters().dropDeadLetter({ requestId: 'request-1', id: 'sample/task/mail/a' });
  const [refusal] = await refusalsOf([letters().dropDeadLetter({ requestId: 'request-1', id: 'sample/task/mail/b' })]);
  expect(refusal?.code).toBe(Code.AlreadyExists);
  expect(await idOf('b')).toBe('sample/task/mail/b');
});

test.each([
  'sample/task/mail/alive',
  'sample/task/mail/none',
  'sample/task/mail',
  'sample/event/user/evt_1',
  'sample/letter/mail/a',
  'user/task/mail/a',
  'a',
])('there is no dead letter %s', async (id) => {
  await dieTask({ kind: 'mail', key: 'a' });
  await database.transaction((tx) => schedule(tx, { kind: 'mail', key: 'alive' }));
  const requestId = 'request-1';
  const refusals = await refusalsOf([
    letters().getDeadLetter({ id }),
    letters().replayDeadLetter({ requestId, id }),
    letters().dropDeadLetter({ requestId, id }),
  ]);
  for (const { code, message } of refusals) {
    expect(code).toBe(Code.NotFound);
    expect(message).toContain(`There is no dead letter ${id}`);
  }
});

test('bad requests are refused', async () => {
  const refusals = await refusalsOf([
    letters().listDeadLetters({ pageSize: 101 }),
    letters().listDeadLetters({ pageSize: -1 }),
    letters().listDeadLetters({ pageToken: 'é' }),
    letters().listDeadLetters({ pageToken: Buffer.from('user/task/mail/a').toString('base64url') }),
    letters().getDeadLetter({ id: '' }),
    letters().replayDeadLetter({ requestId: 'short', id: 'sample/task/mail/a' }),
    letters().dropDeadLetter({ id: 'sample/task/mail/a' }),
  ]);
  expect(refusals.map(({ code }) => code)).toEqual(refusals.map(() => Code.InvalidArgument));
});

test.each(['gateway', 'order', ''])('nobody but an operator may ask: not %p', async (caller) => {
  const id = 'sample/task/mail/a';
  const requestId = 'request-1';
  const refusals = await refusalsOf([
    letters(caller).listDeadLetters({}),
    letters(caller).getDeadLetter({ id }),
    letters(caller).replayDeadLetter({ requestId, id }),
    letters(caller).dropDeadLetter({ requestId, id }),
  ]);
  expect(refusals.map(({ code }) => code)).toEqual(refusals.map(() => Code.PermissionDenied));
});
