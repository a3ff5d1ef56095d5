import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { UserCreatedSchema, UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { createMemoryEventBus } from './event-bus.memory.ts';
import type { EventMessage } from './event-bus.ts';
import { newId } from './ids.ts';
import { consume, on, publish, startRelay } from './outbox.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

const log = pino({ level: 'silent' });
let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());

test('what is told in a transaction is handed on once that is committed, in order, and not if it is rolled back', async () => {
  const bus = createMemoryEventBus();
  const got: EventMessage[] = [];
  const { promise: last, resolve } = Promise.withResolvers<void>();
  await bus.subscribe({
    group: 'test',
    topics: ['only2u.user.v1.UserCreated', 'only2u.user.v1.UserDeleted'],
    async handle(message) {
      got.push(message);
      if (message.topic.endsWith('UserDeleted')) resolve();
    },
  });
  const relay = startRelay({ database, bus, log });
  const failing = database.transaction(async (tx) => {
    await publish(tx, create(UserCreatedSchema, { userId: 'usr_never' }));
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  await database.transaction((tx) => publish(tx, create(UserCreatedSchema, { userId: 'usr_1' })));
  await database.transaction((tx) => publish(tx, create(UserDeletedSchema, { userId: 'usr_1' })));
  await last;
  expect(got.map(({ topic, key }) => [topic, key])).toEqual([
    ['only2u.user.v1.UserCreated', 'usr_1'],
    ['only2u.user.v1.UserDeleted', 'usr_1'],
  ]);
  await relay.close();
  await bus.close();
  expect(await database.query('SELECT * FROM outbox')).toEqual([]);
});

test('two processes that hand on the same events bring each once, in order', async () => {
  const bus = createMemoryEventBus();
  const got: string[] = [];
  const { promise: last, resolve } = Promise.withResolvers<void>();
  const names = Array.from({ length: 50 }, (_, number) => `usr_${number}`);
  await bus.subscribe({
    group: 'test',
    topics: ['only2u.user.v1.UserCreated'],
    concurrency: 1,
    async handle({ key }) {
      got.push(key);
      if (key === names.at(-1)) resolve();
    },
  });
  const relays = [startRelay({ database, bus, log }), startRelay({ database, bus, log })];
  for (const userId of names) await database.transaction((tx) => publish(tx, create(UserCreatedSchema, { userId })));
  await last;
  for (const relay of relays) await relay.close();
  await bus.close();
  expect(got).toEqual(names);
  expect(await database.query('SELECT * FROM outbox')).toEqual([]);
});

test('an event that the bus does not take stays', async () => {
  const bus = { ...createMemoryEventBus(), publish: () => Promise.reject(new Error('down')) };
  const relay = startRelay({ database, bus, log });
  await database.transaction((tx) => publish(tx, create(UserCreatedSchema, { userId: 'usr_2' })));
  await relay.close();
  expect(await database.query('DELETE FROM outbox RETURNING key')).toEqual([{ key: 'usr_2' }]);
});

test('an event that comes twice is handled once', async () => {
  const handlers = [
    on(UserDeletedSchema, async (tx, { userId }) => {
      await tx.query(
        'INSERT INTO counters (name, value) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = counters.value + 1',
        [userId],
      );
    }),
  ];
  let deliver: ((message: EventMessage, signal: AbortSignal) => Promise<void>) | undefined;
  const bus = createMemoryEventBus();
  await consume({
    database,
    group: 'test',
    handlers,
    bus: {
      ...bus,
      subscribe(subscribing) {
        deliver = subscribing.handle;
        return bus.subscribe(subscribing);
      },
    },
  });
  const message = {
    id: newId('evt'),
    topic: UserDeletedSchema.typeName,
    key: 'usr_3',
    body: toBinary(UserDeletedSchema, create(UserDeletedSchema, { userId: 'usr_3' })),
    traceparent: '',
    time: new Date(),
  };
  const { signal } = new AbortController();
  await Promise.all([deliver?.(message, signal), deliver?.(message, signal)]);
  await deliver?.(message, signal);
  expect(await database.query('SELECT value FROM counters WHERE name = $1', ['usr_3'])).toEqual([{ value: 1n }]);
  await expect(deliver?.({ ...message, id: newId('evt') }, AbortSignal.abort())).rejects.toThrow('too late');
  expect(await database.query('SELECT value FROM counters WHERE name = $1', ['usr_3'])).toEqual([{ value: 1n }]);
  await bus.close();
});

test('a message that no contract knows is a bug', async () => {
  const stranger = { $typeName: 'other.v1.Thing' as const };
  await expect(database.transaction((tx) => publish(tx, stranger))).rejects.toThrow('not in the contracts');
});
