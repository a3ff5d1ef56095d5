import { create, type Message } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { UserCreatedSchema, UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { changeWith } from './change.postgres.ts';
import { openDatabase } from './database.postgres.ts';
import { createMemoryEventBus } from './event-bus.memory.ts';
import { eventBusOf } from './event-bus.ts';
import { newId } from './ids.ts';
import { consume, on, publish } from './outbox.postgres.ts';
import type { Database } from './pool.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

const migrations = new URL('./testing/migrations/', import.meta.url);
const log = pino({ level: 'silent' });
const bus = createMemoryEventBus();
const deleted = create(UserDeletedSchema, { userId: 'usr_1' });

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', migrations);
});
afterAll(async () => {
  await bus.close();
  await database.close();
});

/** What a service of this name, or one that has no bus, says to a piece of work on its database. */
async function as(service: string | undefined, work: (own: Database) => Promise<unknown>): Promise<unknown> {
  const events = service === undefined ? {} : { events: eventBusOf(service, bus) };
  const own = await openDatabase({ url: database.url, schema: 'sample', migrations, log, ...events });
  try {
    return await work(own).then(
      () => 'done',
      (error: unknown) => (error instanceof Error ? error.message : error),
    );
  } finally {
    await own.close();
  }
}

const telling =
  (...events: readonly Message[]) =>
  (own: Database) =>
    own.transaction((tx) => publish(tx, ...events));

const addition = {
  text: 'INSERT INTO counters (name, value) VALUES ($1, 1) ON CONFLICT DO NOTHING RETURNING name',
  values: ['told'],
};
const refused =
  /^order may not tell only2u\.user\.v1\.UserDeleted: proto\/only2u\/user\/v1\/events\.proto:\d+ says that "user" does\./;

test('a service tells its own events', async () => {
  expect(await as('user', telling(create(UserCreatedSchema, { userId: 'usr_1' }), deleted))).toBe('done');
});

test('an event of another’s is refused where it is told, with the line that names who tells it, and nothing is told', async () => {
  const before = await database.query('SELECT * FROM outbox');
  expect(await as('order', telling(deleted))).toMatch(refused);
  expect(await database.query('SELECT * FROM outbox')).toEqual(before);
});

test('a change that tells another’s event is not made', async () => {
  const change = { ...addition, events: [deleted] };
  expect(await as('order', (own) => changeWith(own, change))).toMatch(refused);
  expect(await as('order', (own) => own.transaction((tx) => changeWith(tx, change)))).toMatch(refused);
  expect(await database.query('SELECT * FROM counters')).toEqual([]);
  expect(await as('user', (own) => changeWith(own, change))).toBe('done');
});

test('a database without a bus tells nothing: it would stay there', async () => {
  expect(await as(undefined, telling(deleted))).toMatch('would stay in this database: give openDatabase');
});

test('whoever is no subscriber may not listen, and is told where to become one', async () => {
  const handlers = [on(UserDeletedSchema, () => Promise.resolve())];
  const listen = (service: string) =>
    consume({ bus: eventBusOf(service, bus), database, group: service, handlers }).then((each) => each.close());
  await expect(listen('payment')).rejects.toThrow(
    /^payment may not hear of only2u\.user\.v1\.UserDeleted: add "payment" to its subscribers at proto\/only2u\/user\/v1\/events\.proto:\d+\.$/,
  );
  await listen('order');
});

test('what is told past the outbox is held to the contracts too', async () => {
  const { typeName: topic } = UserDeletedSchema;
  const message = { id: newId('evt'), topic, key: '', body: Buffer.from(''), traceparent: '', time: new Date() };
  await expect(eventBusOf('order', bus).publish([message])).rejects.toThrow(refused);
  await eventBusOf('user', bus).publish([message]);
});

test('a message that no contract makes an event is neither told nor heard', async () => {
  const message = {
    id: newId('evt'),
    topic: 'made',
    key: '',
    body: Buffer.from(''),
    traceparent: '',
    time: new Date(),
  };
  await expect(eventBusOf('user', bus).publish([message])).rejects.toThrow('which no contract makes an event');
  const subscribing = { group: 'user', topics: ['made'], handle: () => Promise.resolve() };
  await expect(eventBusOf('user', bus).subscribe(subscribing)).rejects.toThrow('which no contract makes an event');
});
