import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { dial } from '#platform/connection.amqp.ts';
import { openRabbitEventBus } from '#platform/event-bus.amqp.ts';
import type { EventFailures } from '#platform/event-bus-failures.postgres.ts';
import { openKafkaEventBus } from '#platform/event-bus.kafka.ts';
import { rabbitNames } from '#platform/event-bus-names.ts';
import { openPostgresEventBus } from '#platform/event-bus.postgres.ts';
import type { EventBus, EventMessage } from '#platform/event-bus.ts';
import { newId } from '#platform/ids.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { engineVariable, engineVariables } from '#platform/testing/engines.ts';
import { definitionsOf } from '../../mesh/planes/rabbitmq.ts';
import { openTestVhost } from '../../test/rabbitmq/vhost.ts';

// Events through each engine that runs, and through bare amqplib with the same settings: node bench/engines/event-bus.ts
// BENCH_SECONDS (3) is how long each line is measured. Adapter and driver take turns, so that both meet the same machine.

const seconds = Number(process.env['BENCH_SECONDS'] ?? 3);
const turnMs = 200;
const body = randomBytes(200);
const policies = { made: { publisher: 'bench', subscribers: ['bench'], at: 'bench' } };
const log = silentLog();

type Tell = (messages: readonly EventMessage[]) => Promise<void>;
type Way = { readonly name: string; readonly tell: Tell };
type Side = { readonly way: Way; count: number; ms: number; readonly tookMs: number[] };

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

function events(count: number): EventMessage[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ id: newId('evt'), topic: 'made', key: `key ${index % 100}`, body, traceparent: '', time: new Date() },
  }));
}

function line(name: string, perSecond: number, tookMs: number[]): void {
  const sorted = tookMs.sort((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(2);
  console.log(`| ${name} | ${Math.round(perSecond).toLocaleString('en')} | ${at(0.5)} | ${at(0.99)} |`);
}

/** One batch after another, the ways by turns. */
async function compare(what: string, batch: number, ways: readonly Way[]): Promise<void> {
  const sides: Side[] = ways.map((way) => ({ way, count: 0, ms: 0, tookMs: [] }));
  for (const { tell } of ways) for (let warm = 0; warm < 20; warm++) await tell(events(batch));
  for (let round = 0; round < (seconds * 1_000) / turnMs; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const beganMs = performance.now();
      for (let at = beganMs; at - beganMs < turnMs;) {
        await side.way.tell(events(batch));
        side.tookMs.push(performance.now() - at);
        at = performance.now();
        side.count += batch;
      }
      side.ms += performance.now() - beganMs;
    }
  }
  for (const { way, count, ms, tookMs } of sides) line(`${way.name}: ${what}`, (count / ms) * 1_000, tookMs);
}

/** From telling to handling: as many as come through, then how long each takes while few are on the way. */
async function endToEnd(
  name: string,
  tell: Tell,
  hear: (take: (id: string) => void) => Promise<() => Promise<void>>,
): Promise<void> {
  const told = new Map<string, number>();
  const tookMs: number[] = [];
  let arrived = 0;
  const stop = await hear((id) => {
    const at = told.get(id);
    if (at === undefined) return;
    tookMs.push(performance.now() - at);
    told.delete(id);
    arrived++;
  });
  async function send(batch: readonly EventMessage[]): Promise<void> {
    const now = performance.now();
    for (const { id } of batch) told.set(id, now);
    await tell(batch);
  }
  await send(events(200));
  while (told.size > 0) await sleep(1);
  arrived = 0;
  const beganMs = performance.now();
  while (performance.now() - beganMs < seconds * 1_000) {
    await send(events(200));
    while (told.size > 1_000) await sleep(1);
  }
  while (told.size > 0) await sleep(1);
  const perSecond = (arrived / (performance.now() - beganMs)) * 1_000;
  tookMs.length = 0;
  for (let one = 0; one < 200; one++) {
    await send(events(1));
    while (told.size > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  line(`${name}: told and handled`, perSecond, tookMs);
  await stop();
}

async function heardBy(bus: EventBus, take: (id: string) => void): Promise<() => Promise<void>> {
  const { close } = await bus.subscribe({
    group: 'bench',
    topics: ['made'],
    handle: ({ id }) => {
      take(id);
      return Promise.resolve();
    },
  });
  return close;
}

async function rabbit(): Promise<void> {
  const vhost = await openTestVhost((name) => {
    const { exchanges, queues, bindings } = definitionsOf([{ topic: 'made', ...policies.made }], name);
    return { exchanges, queues, bindings };
  });
  const bus = await openRabbitEventBus({ config: vhost.config, policies, service: 'bench', failures: noFailures, log });
  const [teller, hearer] = [await dial(vhost.config), await dial(vhost.config)];
  const channel = await teller.createConfirmChannel();
  const bare: Tell = async (messages) => {
    for (const { id, topic, key, body: content } of messages)
      channel.publish(rabbitNames.eventsOf('bench'), topic, Buffer.from(content), {
        messageId: id,
        type: topic,
        persistent: true,
        mandatory: true,
        headers: { key },
      });
    await channel.waitForConfirms();
  };
  const ways = [
    { name: 'RabbitMQ, our adapter', tell: bus.publish },
    { name: 'RabbitMQ, bare amqplib', tell: bare },
  ];
  const empty = () => vhost.manage('DELETE', `/api/queues/${vhost.name}/bench/contents`);
  await compare('one told and confirmed', 1, ways);
  await empty();
  await compare('200 told and confirmed', 200, ways);
  await empty();
  await endToEnd('RabbitMQ, our adapter', bus.publish, (take) => heardBy(bus, take));
  await endToEnd('RabbitMQ, bare amqplib', bare, async (take) => {
    const listening = await hearer.createChannel();
    await listening.prefetch(256);
    await listening.consume('bench', (message) => {
      if (message === null) return;
      take(String(message.properties.messageId));
      listening.ack(message);
    });
    return () => listening.close();
  });
  await bus.close();
  await Promise.all([teller.close(), hearer.close()]);
  await vhost.close();
}

async function postgres(): Promise<void> {
  const bus = await openPostgresEventBus({
    url: engineVariable('DATABASE_ADMIN_URL'),
    ca: engineVariable('DATABASE_CA'),
    log,
  });
  await (await bus.subscribe({ group: 'bench', topics: ['made'], handle: () => Promise.resolve() })).close();
  await compare('one told', 1, [{ name: 'PostgreSQL', tell: bus.publish }]);
  await compare('200 told', 200, [{ name: 'PostgreSQL', tell: bus.publish }]);
  await endToEnd('PostgreSQL', bus.publish, (take) => heardBy(bus, take));
  await bus.close();
}

async function kafka(): Promise<void> {
  const given = (name: string): boolean => name in engineVariables() || `${name}_FILE` in engineVariables();
  const variables = ['KAFKA_BROKERS', 'KAFKA_CA', 'KAFKA_USERNAME', 'KAFKA_PASSWORD'].filter(given);
  const config = Object.fromEntries(variables.map((name) => [name, engineVariable(name)]));
  const prefix = `bench-${randomBytes(4).toString('hex')}.`;
  const bus = await openKafkaEventBus({ config, policies, service: 'bench', failures: noFailures, log, prefix });
  await compare('one told', 1, [{ name: 'Kafka', tell: bus.publish }]);
  await compare('200 told', 200, [{ name: 'Kafka', tell: bus.publish }]);
  await endToEnd('Kafka', bus.publish, (take) => heardBy(bus, take));
  await bus.close();
}

console.log('| way | events a second | p50 ms | p99 ms |\n|---|---:|---:|---:|');
const runs = { RABBITMQ_MANAGEMENT_URL: rabbit, DATABASE_ADMIN_URL: postgres, KAFKA_BROKERS: kafka };
for (const [variable, run] of Object.entries(runs)) {
  if (variable in engineVariables() || `${variable}_FILE` in engineVariables()) await run();
}
