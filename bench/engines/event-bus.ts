import { randomBytes } from 'node:crypto';
import { dial } from '#platform/connection.amqp.ts';
import { openRabbitEventBus } from '#platform/event-bus.amqp.ts';
import type { EventFailures } from '#platform/event-bus-failures.postgres.ts';
import { openKafkaEventBus } from '#platform/event-bus.kafka.ts';
import { rabbitNames } from '#platform/event-bus-names.ts';
import { openPostgresEventBus } from '#platform/event-bus.postgres.ts';
import type { EventBus, EventMessage } from '#platform/event-bus.ts';
import { newId } from '#platform/ids.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { engineVariable } from '#platform/testing/engines.ts';
import { definitionsOf } from '../../mesh/planes/rabbitmq.ts';
import { openTestVhost } from '../../test/rabbitmq/vhost.ts';
import { runs, type World } from './world.ts';

const body = randomBytes(200);
const policies = { made: { publisher: 'bench', subscribers: ['bench'], at: 'bench' } };
const log = silentLog();
const batch = 200; // what the relay of an outbox hands in at a time

type Tell = (messages: readonly EventMessage[]) => Promise<void>;
type Hear = (take: (id: string) => void) => Promise<() => Promise<unknown>>;
type Way = { readonly tell: Tell; readonly hear: Hear };

const noFailures: EventFailures = {
  deadEvents: () => Promise.resolve([]),
  countDeadEvents: () => Promise.resolve(0),
  deadEvent: () => Promise.resolve(undefined),
  drop: () => Promise.resolve(false),
  attempts: () => Promise.resolve(undefined),
  keepAttempts: () => Promise.resolve(),
  forgetAttempts: () => Promise.resolve(),
  bury: () => Promise.resolve(),
  replayed: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** Events told and confirmed, and told and handled, by each engine that runs. */
export async function benchEventBus(world: World): Promise<void> {
  const ways: Record<string, Way> = {};
  if (runs('RABBITMQ_MANAGEMENT_URL')) Object.assign(ways, await rabbit(world));
  if (runs('KAFKA_BROKERS')) ways['Kafka'] = await kafka(world);
  ways['PostgreSQL (embedded)'] = await postgres(world);
  const many = { inFlight: [1], each: batch };

  // First what is heard, so that nothing lies in the queues.
  const listening = Object.entries(ways).map(async ([name, way]) => [name, await endToEnd(way)] as const);
  const heard = Object.fromEntries(await Promise.all(listening));
  const handled = (count: number) =>
    Object.fromEntries(Object.entries(heard).map(([name, { send }]) => [name, () => send(count)] as const));
  await world.compare('tell one event until it is handled', handled(1));
  await world.compare(`tell ${batch} events until they are handled`, handled(batch), { ...many, inFlight: [1, 5] });
  await Promise.all(Object.values(heard).map(({ stop }) => stop()));

  const told = (count: number) =>
    Object.fromEntries(Object.entries(ways).map(([name, { tell }]) => [name, () => tell(events(count))] as const));
  await world.compare('tell one event', told(1));
  await world.compare(`tell ${batch} events`, told(batch), many);
}

function events(count: number): EventMessage[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ id: newId('evt'), topic: 'made', key: `key ${index % 100}`, body, traceparent: '', time: new Date() },
  }));
}

/** `send` resolves when all that it told are handled. */
async function endToEnd({ tell, hear }: Way) {
  const waiting = new Map<string, () => void>();
  const stop = await hear((id) => {
    waiting.get(id)?.();
    waiting.delete(id);
  });
  async function send(count: number): Promise<void> {
    const messages = events(count);
    const handled = new Promise<void>((resolve) => {
      let left = count;
      for (const { id } of messages) waiting.set(id, () => (--left === 0 ? resolve() : undefined));
    });
    await tell(messages);
    await handled;
  }
  return { send, stop };
}

async function heardBy(bus: EventBus, take: (id: string) => void): Promise<() => Promise<void>> {
  const { close } = await bus.subscribe({
    ...{ group: 'bench', topics: ['made'] },
    handle: async ({ id }) => {
      take(id);
    },
  });
  return close;
}

/** A queue for each side, or one would hear what the other told. */
async function openVhost(world: World) {
  const vhost = await openTestVhost((name) => {
    const { exchanges, queues, bindings } = definitionsOf([{ topic: 'made', ...policies.made }], name);
    return { exchanges, queues, bindings };
  });
  world.atEnd(() => vhost.close());
  return vhost;
}

async function rabbit(world: World): Promise<Record<string, Way>> {
  const [own, other] = [await openVhost(world), await openVhost(world)];
  const bus = await openRabbitEventBus({ config: own.config, policies, service: 'bench', failures: noFailures, log });
  world.atEnd(() => bus.close());
  const [teller, hearer] = [await dial(other.config), await dial(other.config)];
  world.atEnd(() => Promise.all([teller.close(), hearer.close()]));
  const channel = await teller.createConfirmChannel();
  const tell: Tell = async (messages) => {
    // The same properties; a confirm for each, of which it waits for all.
    for (const { id, topic, key, body: content, traceparent, time } of messages)
      channel.publish(rabbitNames.eventsOf('bench'), topic, Buffer.from(content), {
        ...{ messageId: id, type: topic, contentType: 'application/x-protobuf', persistent: true, mandatory: true },
        headers: { key, traceparent, time: time.toISOString() },
      });
    await channel.waitForConfirms();
  };
  // Nothing that keeps the order of a key, tries again, gives up or has a deadline.
  const hear: Hear = async (take) => {
    const listening = await hearer.createChannel();
    await listening.prefetch(256);
    await listening.consume('bench', (message) => {
      if (message === null) return;
      take(String(message.properties.messageId));
      listening.ack(message);
    });
    return () => listening.close();
  };
  return {
    'bare amqplib': { tell, hear },
    RabbitMQ: { tell: bus.publish, hear: (take) => heardBy(bus, take) },
  };
}

async function kafka(world: World): Promise<Way> {
  const variables = ['KAFKA_BROKERS', 'KAFKA_CA', 'KAFKA_USERNAME', 'KAFKA_PASSWORD'].filter(runs);
  const config = Object.fromEntries(variables.map((name) => [name, engineVariable(name)]));
  const prefix = `bench-${randomBytes(4).toString('hex')}.`;
  const bus = await openKafkaEventBus({ config, policies, service: 'bench', failures: noFailures, log, prefix });
  world.atEnd(() => bus.close());
  return { tell: bus.publish, hear: (take) => heardBy(bus, take) };
}

async function postgres(world: World): Promise<Way> {
  const bus = await openPostgresEventBus({ url: await world.embeddedUrl(), log });
  world.atEnd(() => bus.close());
  // What nobody hears is not kept: this group is known from now on.
  await (await bus.subscribe({ group: 'bench', topics: ['made'], handle: () => Promise.resolve() })).close();
  return { tell: bus.publish, hear: (take) => heardBy(bus, take) };
}
