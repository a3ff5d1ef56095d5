import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { UserCreatedSchema, UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { changeWith, onChange } from './change.postgres.ts';
import type { EventMessage } from './event-bus.ts';
import { newId } from './ids.ts';
import type { EventHandler } from './outbox.postgres.ts';
import { schedule } from './tasks.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());
afterEach(async () => {
  for (const table of ['counters', 'outbox', 'task']) await database.query(`DELETE FROM ${table}`);
});

const addition = {
  text: 'INSERT INTO counters (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING name',
  values: ['a', 1],
};
const events = [create(UserCreatedSchema, { userId: 'usr_1' }), create(UserDeletedSchema, { userId: 'usr_1' })];

const told = async () =>
  (await database.query<{ topic: string }>('SELECT topic FROM outbox ORDER BY seq')).map(({ topic }) => topic);
const planned = async () =>
  (await database.query<{ key: string }>('SELECT key FROM task ORDER BY key')).map(({ key }) => key);

test('a change is made together with what it tells, plans and takes back', async () => {
  await schedule(database, { kind: 'mail', key: 'old' });
  const tasks = [{ kind: 'mail', key: 'new', body: { to: 'x' } }];
  const unschedule = { kind: 'mail', key: 'old' };
  expect(await changeWith(database, { ...addition, events, tasks, unschedule })).toBe(true);
  expect(await told()).toEqual(['only2u.user.v1.UserCreated', 'only2u.user.v1.UserDeleted']);
  expect(await planned()).toEqual(['new']);
});

test('where nothing is changed nothing is told, planned or taken back', async () => {
  await changeWith(database, addition);
  await schedule(database, { kind: 'mail', key: 'old' });
  const tasks = [{ kind: 'mail', key: 'new' }];
  const unschedule = { kind: 'mail', key: 'old' };
  expect(await changeWith(database, { ...addition, events, tasks, unschedule })).toBe(false);
  expect(await told()).toEqual([]);
  expect(await planned()).toEqual(['old']);
});

test('what fails leaves nothing of it', async () => {
  const broken = { ...addition, values: ['a', null] };
  await expect(changeWith(database, { ...broken, events, tasks: [{ kind: 'mail', key: 'new' }] })).rejects.toThrow();
  expect(await told()).toEqual([]);
  expect(await planned()).toEqual([]);
});

test('who hands events on and who does tasks are woken by a change, and only by one', async () => {
  const woken: string[] = [];
  const stops = ['outbox', 'task'].map((name) => database.onCommit(name, () => woken.push(name)));
  const tasks = [{ kind: 'mail', key: 'new' }];
  await changeWith(database, { ...addition, events, tasks });
  await changeWith(database, { ...addition, events, tasks });
  await changeWith(database, { ...addition, values: ['b', 1] });
  expect(woken).toEqual(['outbox', 'task']);
  for (const stop of stops) stop();
});

test('what goes along sees what the change returned', async () => {
  const also = `INSERT INTO counters (name, value) SELECT name || ' too', 2 FROM changed`;
  const text = `${addition.text} /* and another */`;
  await changeWith(database, { ...addition, text, also });
  const rows = await database.query<{ name: string }>('SELECT name FROM counters ORDER BY name');
  expect(rows.map(({ name }) => name)).toEqual(['a', 'a too']);
});

test('several may go along, and a transaction may hold it all', async () => {
  const also = ['too', 'as well'].map(
    (more) => `INSERT INTO counters (name, value) SELECT name || ' ${more}', 2 FROM changed`,
  );
  const text = `${addition.text} /* and two others */`;
  const woken: string[] = [];
  const stop = database.onCommit('outbox', () => woken.push('outbox'));
  const failing = database.transaction(async (tx) => {
    expect(await changeWith(tx, { ...addition, text, also, events })).toBe(true);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect([await told(), woken]).toEqual([[], []]);
  await database.transaction((tx) => changeWith(tx, { ...addition, text, also, events }));
  const rows = await database.query<{ name: string }>('SELECT name FROM counters ORDER BY name');
  expect(rows.map(({ name }) => name)).toEqual(['a', 'a as well', 'a too']);
  expect(woken).toEqual(['outbox']);
  stop();
});

describe('an event that is handled by one statement', () => {
  const message = (userId: string): EventMessage => ({
    id: newId('evt'),
    topic: UserDeletedSchema.typeName,
    key: userId,
    body: toBinary(UserDeletedSchema, create(UserDeletedSchema, { userId })),
    traceparent: '',
    time: new Date(),
  });
  const { signal } = new AbortController();
  const deliver = (handler: EventHandler, each: EventMessage, late = signal) =>
    handler.handle(fromBinary(UserDeletedSchema, each.body), { message: each, group: 'test', database, signal: late });
  const valueOf = async (name: string) =>
    (await database.query<{ value: bigint }>('SELECT value FROM counters WHERE name = $1', [name]))[0]?.value;
  const counting = onChange(UserDeletedSchema, async (sql, { userId }) => {
    const [row] = await sql.query<{ value: bigint }>('SELECT value FROM counters WHERE name = $1', [userId]);
    if (row === undefined) return undefined;
    return {
      text: 'UPDATE counters SET value = $3 WHERE name = $1 AND value = $2 RETURNING name',
      values: [userId, row.value, row.value + 1n],
      events: [create(UserCreatedSchema, { userId })],
    };
  });

  test('counts once, however often and at once it comes, and so do others at the same time', async () => {
    await changeWith(database, addition);
    const [first, second] = [message('a'), message('a')];
    const deliveries = [first, first, first, second].map((each) => deliver(counting, each));
    await Promise.all(deliveries);
    await deliver(counting, first);
    expect(await valueOf('a')).toBe(3n);
    expect(await told()).toHaveLength(2);
  });

  test('is remembered when it changes nothing', async () => {
    const early = message('b');
    await deliver(counting, early);
    await changeWith(database, { ...addition, values: ['b', 1] });
    await deliver(counting, early);
    expect(await valueOf('b')).toBe(1n);
  });

  test('changes nothing when another may have it', async () => {
    await changeWith(database, addition);
    const late = message('a');
    await expect(deliver(counting, late, AbortSignal.abort())).rejects.toThrow('too late');
    expect(await valueOf('a')).toBe(1n);
    await deliver(counting, late);
    expect(await valueOf('a')).toBe(2n);
  });

  test('fails when others are always faster, and is not remembered', async () => {
    await changeWith(database, addition);
    let looks = 0;
    const losing = onChange(UserDeletedSchema, async () => {
      looks++;
      return { text: 'UPDATE counters SET value = 0 WHERE name = $1 AND value < 0 RETURNING name', values: ['a'] };
    });
    const each = message('a');
    await expect(deliver(losing, each)).rejects.toMatchObject({ reason: 'CONCURRENT_CHANGE' });
    expect(looks).toBe(5);
    await deliver(counting, each);
    expect(await valueOf('a')).toBe(2n);
  });
});
