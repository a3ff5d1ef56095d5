import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { openEventFailures } from '#platform/event-bus-failures.postgres.ts';
import { openRabbitEventBus } from '#platform/event-bus.amqp.ts';
import type { EngineEventBus } from '#platform/event-bus-engine.ts';
import type { EventMessage } from '#platform/event-bus.ts';
import { Fault } from '#platform/fault.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { definitionsOf } from '../../mesh/planes/rabbitmq.ts';
import { type Broker, openBroker } from './broker.ts';
import { createEffects, numberedEvents } from './counting.ts';
import { openWire } from './cut.ts';

/** These faults take the whole broker, so they have one of their own. */
const policies = {
  made: { publisher: 'shop', subscribers: ['cart'], at: 'made.proto:1' },
  cut: { publisher: 'shop', subscribers: ['order'], at: 'made.proto:2' },
};
const [user, password] = ['suite', 'a 100% secret / word'];
const log = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' });

let broker: Broker;
let database: TestDatabase;

beforeAll(async () => {
  [broker, database] = await Promise.all([
    openBroker(),
    openTestDatabase('event_bus', new URL('../../platform/event-bus-migrations/', import.meta.url)),
  ]);
  const events = Object.entries(policies).map(([topic, policy]) => ({ topic, ...policy }));
  const { vhosts, exchanges, queues, bindings } = definitionsOf(events);
  const folder = await mkdtemp(join(tmpdir(), 'only2u-definitions-'));
  const file = join(folder, 'definitions.json');
  await writeFile(file, JSON.stringify({ vhosts, exchanges, queues, bindings }));
  await broker.ctl('import_definitions', file);
  await rm(folder, { recursive: true });
  await broker.ctl('add_user', user, password);
  await broker.ctl('set_permissions', '--vhost', 'only2u', user, '^$', '.*', '.*');
});

const opened = new Set<{ close(): Promise<void> }>();

// Also what a test that failed has left: it would hear the next one's events.
afterEach(async () => {
  await Promise.all([...opened].map((each) => each.close()));
  opened.clear();
});

afterAll(async () => {
  await broker.close();
  await database.close();
});

async function open(port = broker.port): Promise<EngineEventBus> {
  const failures = await openEventFailures({ url: database.url, ca: undefined, log });
  const RABBITMQ_URL = `amqp://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/only2u`;
  const bus = await openRabbitEventBus({ config: { RABBITMQ_URL }, policies, service: 'nobody', failures, log });
  opened.add(bus);
  return bus;
}

/** Tells events as the relay does: in order, each batch until it is safe. */
async function relay(
  bus: EngineEventBus,
  events: readonly EventMessage[],
  each: (told: number) => void,
): Promise<void> {
  for (let first = 0; first < events.length; first += 200) {
    const batch = events.slice(first, first + 200);
    for (;;) {
      const telling = bus.publish(batch);
      each(first);
      const error: unknown = await telling.then(
        () => undefined,
        (cause: unknown) => cause,
      );
      if (error === undefined) break;
      expect(error).toBeInstanceOf(Fault);
      expect(error).toMatchObject({ kind: 'unavailable' });
      await sleep(50); // so does the relay, for longer
    }
  }
}

test('a broker that is killed in the middle of 10,000 events loses none, and all goes on within 10 s of its return', async () => {
  const [teller, listener] = await Promise.all([open(), open()]);
  const events = numberedEvents('made', 10_000, 100);
  const effects = createEffects(events);
  await listener.subscribe({
    group: 'cart',
    topics: ['made'],
    async handle(message) {
      effects.take(message);
    },
  });
  let fault: Promise<number> | undefined;
  async function killAndRestart(): Promise<number> {
    await broker.kill();
    await broker.restart();
    const back = performance.now();
    const before = effects.effects();
    while (effects.effects() === before) await sleep(20);
    return performance.now() - back;
  }
  await relay(teller, events, (told) => {
    if (told === 4_000) fault ??= killAndRestart();
  });
  await effects.all;
  expect(effects.outOfOrder).toEqual([]);
  expect(effects.effects()).toBe(10_000);
  const recoveryMs = (await fault) ?? Infinity;
  expect(recoveryMs).toBeLessThan(10_000);
  process.stderr.write(
    `killed and restarted: ${effects.deliveries()} deliveries of 10,000 events, handled again ${Math.round(recoveryMs)} ms after the broker’s return\n`,
  );
  await Promise.all([teller.close(), listener.close()]);
});

test('connections that are cut while events are told and handled lose nothing and keep the order of each key', async () => {
  const wire = await openWire('127.0.0.1', broker.port);
  const [teller, listener] = await Promise.all([open(wire.port), open(wire.port)]);
  const events = numberedEvents('cut', 2_000, 40);
  const effects = createEffects(events);
  let cuts = 0;
  await listener.subscribe({
    group: 'order',
    topics: ['cut'],
    async handle(message, signal) {
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) throw new Error('too late: another may have the event');
      effects.take(message);
      if (effects.deliveries() === 400 * (cuts + 1)) {
        cuts++;
        wire.cut();
      }
    },
  });
  let cutTelling = false;
  await relay(teller, events, (told) => {
    if (told === 1_000 && !cutTelling) {
      cutTelling = true;
      setImmediate(() => wire.cut());
    }
  });
  await effects.all;
  expect(effects.outOfOrder).toEqual([]);
  expect(effects.effects()).toBe(2_000);
  expect(cuts).toBeGreaterThan(2);
  await Promise.all([teller.close(), listener.close()]);
  await wire.close();
});

test('a broker without memory takes no events, which is said at once, and goes on to hand out those it has', async () => {
  const [teller, listener] = await Promise.all([open(), open()]);
  const events = numberedEvents('made', 400, 10);
  const effects = createEffects(events);
  await teller.publish(events.slice(0, 200));
  await broker.ctl('set_vm_memory_high_watermark', 'absolute', '1');
  const first: unknown = await teller.publish(events.slice(200)).catch((cause: unknown) => cause);
  expect(first).toMatchObject({ kind: 'unavailable' }); // not confirmed in time
  const begun = performance.now();
  await expect(teller.publish(events.slice(200))).rejects.toMatchObject({ kind: 'unavailable' });
  expect(performance.now() - begun).toBeLessThan(1_000);
  await listener.subscribe({
    group: 'cart',
    topics: ['made'],
    async handle(message) {
      effects.take(message);
    },
  });
  while (effects.effects() < 200) await sleep(20);
  await broker.ctl('set_vm_memory_high_watermark', 'absolute', '512MB');
  await relay(teller, events.slice(200), () => undefined);
  await effects.all;
  expect(effects.outOfOrder).toEqual([]);
  await Promise.all([teller.close(), listener.close()]);
});

test.each([
  ['that listens afterwards', false],
  ['that waits already', true],
])('a consumer that closes after many events leaves the rest, in order, to one %s', async (_when, waits) => {
  const [teller, listener, next] = await Promise.all([open(), open(), open()]);
  const events = numberedEvents('made', 2_000, 50);
  await teller.publish(events);
  const effects = createEffects(events);
  const handle = async (message: EventMessage): Promise<void> => effects.take(message);
  const half = await listener.subscribe({ group: 'cart', topics: ['made'], handle });
  const takeOver = (): Promise<unknown> => next.subscribe({ group: 'cart', topics: ['made'], handle });
  if (waits) await takeOver();
  while (effects.effects() < 1_000) await sleep(1);
  await half.close();
  if (!waits) await takeOver();
  await effects.all;
  expect(effects.outOfOrder).toEqual([]);
  expect(effects.deliveries()).toBe(2_000);
  await Promise.all([teller.close(), listener.close(), next.close()]);
});

test('what ends each process that begins it becomes a dead event, and what waited beside it does not', async () => {
  const [teller, survivor] = await Promise.all([open(), open()]);
  const events = numberedEvents('made', 20, 20);
  const [deadly] = events;
  await teller.publish(events);
  const fatal = deadly?.id ?? '';
  // A process that ends in the middle says nothing: its wire is cut, and it is not heard of again.
  const end = Promise.withResolvers<void>();
  opened.add({ close: async () => end.resolve() }); // or what hangs would never close
  const gone: EngineEventBus[] = [];
  for (let lives = 0; lives < 4; lives++) {
    const wire = await openWire('127.0.0.1', broker.port);
    const dying = await open(wire.port);
    gone.push(dying);
    const begun = Promise.withResolvers<void>();
    await dying.subscribe({
      group: 'cart',
      topics: ['made'],
      concurrency: 1,
      attempts: 3,
      handle: ({ id }) => {
        if (id === fatal) begun.resolve();
        return end.promise;
      },
    });
    await begun.promise;
    await wire.close();
  }
  const rest = createEffects(events.slice(1));
  await survivor.subscribe({
    group: 'cart',
    topics: ['made'],
    attempts: 3,
    async handle(message) {
      rest.take({ ...message, key: message.id, body: Buffer.from('0') });
    },
  });
  await rest.all;
  while ((await survivor.countDeadEvents('cart', 10)) === 0) await sleep(20);
  const dead = await survivor.deadEvents({ service: 'cart', limit: 10 });
  expect(dead).toEqual([expect.objectContaining({ id: fatal, error: expect.stringContaining('never said') })]);
  end.resolve();
  await Promise.all([teller, survivor, ...gone].map((bus) => bus.close()));
});
