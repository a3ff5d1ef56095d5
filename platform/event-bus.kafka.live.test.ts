import { randomBytes } from 'node:crypto';
import { afterAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { EngineEventBus } from './event-bus-engine.ts';
import { openEventFailures } from './event-bus-failures.postgres.ts';
import { eventBusContract } from './event-bus.contract.ts';
import { openKafkaEventBus } from './event-bus.kafka.ts';
import type { EventPolicies } from './event-policy.ts';
import { newId } from './ids.ts';
import { openTestDatabase } from './testing/database.ts';
import { engineVariable, engineVariables } from './testing/engines.ts';

const log = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' });
const closes: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closes.map((close) => close())));

const groups = ['a', 'shop', 'shop-mail', 'shopping', 'user'];
const topics = ['made', 'gone', ...groups.map((group) => `for ${group}`)];
const policies: EventPolicies = Object.fromEntries(
  topics.map((topic) => [topic, { publisher: 'suite', subscribers: ['a', 'b', 'c', ...groups], at: 'suite.proto:1' }]),
);

/** What the engine that runs asks for: it may be without TLS and passwords. */
function config() {
  const isGiven = (name: string): boolean => name in engineVariables() || `${name}_FILE` in engineVariables();
  return {
    KAFKA_BROKERS: engineVariable('KAFKA_BROKERS'),
    ...(isGiven('KAFKA_CA') && { KAFKA_CA: engineVariable('KAFKA_CA') }),
    ...(isGiven('KAFKA_USERNAME') && {
      KAFKA_USERNAME: engineVariable('KAFKA_USERNAME'),
      KAFKA_PASSWORD: engineVariable('KAFKA_PASSWORD'),
    }),
  };
}

async function openWorld(): Promise<(service?: string) => Promise<EngineEventBus>> {
  const prefix = `test-${randomBytes(6).toString('hex')}.`;
  const database = await openTestDatabase('event_bus', new URL('./event-bus-migrations/', import.meta.url));
  closes.push(() => database.close());
  return async (service = 'nobody') => {
    const failures = await openEventFailures({ url: database.url, ca: undefined, log });
    return openKafkaEventBus({ config: config(), policies, service, failures, log, prefix });
  };
}

eventBusContract(async () => (await openWorld())());

test('a member that leaves in the middle hands its partitions on: nothing is lost, and each key keeps its order', async () => {
  const open = await openWorld();
  const [teller, first, second] = await Promise.all([open('suite'), open(), open()]);
  const events = Array.from({ length: 2_000 }, (_, index) => ({
    ...{ id: newId('evt'), topic: 'made', key: `key ${index % 20}`, traceparent: '', time: new Date() },
    body: Buffer.from(String(index)),
  }));
  const seen = new Map<string, number>();
  const last = new Map<string, number>();
  const outOfOrder: string[] = [];
  const [half, all] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  async function handle({ id, key, body }: { id: string; key: string; body: Uint8Array }): Promise<void> {
    const number = Number(Buffer.from(body).toString());
    if (!seen.has(id)) {
      if (number < (last.get(key) ?? -1)) outOfOrder.push(`${key}: ${number}`);
      last.set(key, number);
    }
    seen.set(id, (seen.get(id) ?? 0) + 1);
    if (seen.size === 1_000) half.resolve();
    if (seen.size === 2_000) all.resolve();
  }
  const leaving = await first.subscribe({ group: 'a', topics: ['made'], handle });
  await teller.publish(events);
  await half.promise;
  await Promise.all([second.subscribe({ group: 'a', topics: ['made'], handle }), leaving.close()]);
  await all.promise;
  expect(outOfOrder).toEqual([]);
  await Promise.all([teller, first, second].map((bus) => bus.close()));
});

test('while Kafka is away a bus opens, and refuses events meanwhile', async () => {
  const database = await openTestDatabase('event_bus', new URL('./event-bus-migrations/', import.meta.url));
  closes.push(() => database.close());
  const failures = await openEventFailures({ url: database.url, ca: undefined, log });
  const away = { ...config(), KAFKA_BROKERS: '127.0.0.1:1' };
  const bus = await openKafkaEventBus({ config: away, policies, service: 'suite', failures, log });
  await expect(bus.engines[0]?.check()).rejects.toMatchObject({ kind: 'unavailable' });
  const event = { id: newId('evt'), topic: 'made', key: '', body: Buffer.from('x'), traceparent: '', time: new Date() };
  await expect(bus.publish([event])).rejects.toMatchObject({ kind: 'unavailable', reason: 'KAFKA_UNAVAILABLE' });
  await bus.close();
});
