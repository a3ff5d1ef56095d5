import { afterAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { eventBusContract } from './event-bus.contract.ts';
import { newId } from './ids.ts';
import { openPool } from './pool.postgres.ts';
import { openPostgresEventBus } from './event-bus.postgres.ts';
import { openTestDatabase } from './testing/database.ts';

const databases: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(databases.map((database) => database.close())));

const log = pino({ level: 'silent' });

async function newDatabase(): Promise<string> {
  const database = await openTestDatabase('event_bus', new URL('./event-bus-migrations/', import.meta.url));
  databases.push(database);
  return database.url;
}

eventBusContract(async () => openPostgresEventBus({ url: await newDatabase(), log }));

test('an event that is handed in twice, and two processes that listen for one group, make one delivery', async () => {
  const url = await newDatabase();
  const [one, two] = await Promise.all([openPostgresEventBus({ url, log }), openPostgresEventBus({ url, log })]);
  const got: string[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  for (const bus of [one, two]) {
    await bus.subscribe({
      group: 'a',
      topics: ['made'],
      handle({ key }) {
        got.push(key);
        if (key === 'last') resolve();
        return Promise.resolve();
      },
    });
  }
  const event = (key: string) => ({
    id: newId('evt'),
    topic: 'made',
    key,
    body: Buffer.from(key),
    traceparent: '',
    time: new Date(),
  });
  const first = event('first');
  await Promise.all([one.publish([first]), two.publish([first])]);
  await two.publish([first, event('last')]);
  await done;
  await Promise.all([one.close(), two.close()]);
  expect(got.toSorted()).toEqual(['first', 'last']);
});

test('what was handed to a process that died comes to another once its time is over', async () => {
  const url = await newDatabase();
  const [dying, next] = await Promise.all([openPostgresEventBus({ url, log }), openPostgresEventBus({ url, log })]);
  const taken = Promise.withResolvers<void>();
  const never = Promise.withResolvers<void>();
  await dying.subscribe({
    group: 'a',
    topics: ['made'],
    handle() {
      taken.resolve();
      return never.promise;
    },
  });
  await dying.publish([
    { id: newId('evt'), topic: 'made', key: 'x', body: Buffer.from('x'), traceparent: '', time: new Date() },
  ]);
  await taken.promise;
  const pool = openPool({ url, schema: 'event_bus' });
  await pool.query('UPDATE delivery SET due_time = now()'); // as if half a minute had passed
  await pool.close();
  const again = Promise.withResolvers<string>();
  await next.subscribe({
    group: 'a',
    topics: ['made'],
    handle({ key }) {
      again.resolve(key);
      return Promise.resolve();
    },
  });
  expect(await again.promise).toBe('x');
  never.resolve(); // too late: it no longer speaks for the event
  await Promise.all([dying.close(), next.close()]);
});

test('an event whose handlers never said how they ended is dead in the end', async () => {
  const url = await newDatabase();
  const bus = await openPostgresEventBus({ url, log });
  const first = await bus.subscribe({ group: 'a', topics: ['made'], handle: () => Promise.resolve() });
  await first.close();
  const event = {
    id: newId('evt'),
    topic: 'made',
    key: 'x',
    body: Buffer.from('x'),
    traceparent: '',
    time: new Date(),
  };
  await bus.publish([event]);
  const pool = openPool({ url, schema: 'event_bus' });
  await pool.query('UPDATE delivery SET attempts = 3'); // as after three processes that ended in the middle of it
  await pool.close();
  const handled: string[] = [];
  const next = Promise.withResolvers<void>();
  await bus.subscribe({
    group: 'a',
    topics: ['made'],
    attempts: 3,
    handle({ id }) {
      handled.push(id);
      next.resolve();
      return Promise.resolve();
    },
  });
  const later = { ...event, id: newId('evt') };
  await bus.publish([later]);
  await next.promise;
  expect(handled).toEqual([later.id]);
  expect(await bus.deadEvents({ service: 'a', limit: 10 })).toEqual([
    expect.objectContaining({ id: event.id, error: expect.stringContaining('never said') }),
  ]);
  await bus.close();
});
