import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { ConsumeMessage } from 'amqplib';
import { loadContracts } from '../../mesh/load.ts';
import { createModel } from '../../mesh/model.ts';
import { rabbitNames } from '#platform/event-bus-names.ts';
import { type Asking, askAs } from './asking.ts';
import { type Broker, openBroker } from './broker.ts';

const files = resolve(import.meta.dirname, '../../gen/mesh/rabbitmq');
const { eventsOf, deadOf, replayOf, dead, vhost } = rabbitNames;
const deliveries = 51;

const { events, workloads } = createModel(loadContracts('proto'));
const publishers = new Set(events.map(({ publisher }) => publisher));
const groups = new Set(events.flatMap(({ subscribers }) => subscribers));
const users = workloads.map(({ name }) => name).filter((name) => publishers.has(name) || groups.has(name));
const exchanges = [...[...publishers].map(eventsOf), ...[...groups].map(replayOf), dead, '', 'amq.topic', 'amq.fanout'];
const queues = [...groups].flatMap((group) => [group, deadOf(group)]);

/** Whether a user may do what it tries, at the broker and by the contracts, where they differ. */
async function differences(askers: ReadonlyMap<string, Asking>): Promise<{ asked: number; differ: string[] }> {
  const differ: string[] = [];
  let asked = 0;
  const expect = (what: string, wanted: boolean, got: boolean): void => {
    asked += 1;
    if (wanted !== got) differ.push(`${what}: ${got ? 'allowed' : 'refused'}`);
  };
  for (const [user, asker] of askers) {
    for (const exchange of exchanges) {
      for (const { topic, publisher } of events) {
        const wanted = groups.has(user) && exchange === replayOf(user);
        const tells = publisher === user && exchange === eventsOf(user);
        expect(`${user} sends ${topic} to "${exchange}"`, wanted || tells, await asker.publishes(exchange, topic));
      }
    }
    for (const queue of queues) {
      const own = groups.has(user) && (queue === user || queue === deadOf(user));
      expect(`${user} reads ${queue}`, own, await asker.reads(queue));
      for (const publisher of publishers)
        expect(`${user} binds ${queue}`, false, await asker.binds(queue, eventsOf(publisher), '#'));
    }
    expect(`${user} makes a queue`, false, await asker.makesQueue('another'));
  }
  return { asked, differ };
}

/** Tells an event as its publisher, and has one of its groups fail at it until it is dead, and another handle it; then it is replayed. */
async function follow(askers: ReadonlyMap<string, Asking>): Promise<void> {
  const event = events.find(({ subscribers }) => subscribers.length > 1);
  const [failing, handling] = event?.subscribers ?? [];
  const [publisher, failer, handler] = [event?.publisher, failing, handling].map((name) => askers.get(name ?? ''));
  if (!event || !failing || !handling || !publisher || !failer || !handler)
    throw new Error('no event has two subscribers');
  const [channel, reader, other] = await Promise.all([publisher.channel(), failer.channel(), handler.channel()]);
  await Promise.all([reader.purgeQueue(failing), other.purgeQueue(handling), reader.purgeQueue(deadOf(failing))]);
  const about = { messageId: randomUUID(), type: event.topic, persistent: true };

  let tries = 0;
  const { promise: died, resolve: die } = Promise.withResolvers<ConsumeMessage>();
  const { promise: handled, resolve: handle } = Promise.withResolvers<ConsumeMessage>();
  const { consumerTag } = await reader.consume(failing, (message) => {
    if (message === null) return;
    tries += 1;
    reader.nack(message);
  });
  await reader.consume(deadOf(failing), (message) => message && die(message));
  await other.consume(handling, (message) => message && handle(message), { noAck: true });
  channel.publish(eventsOf(event.publisher), event.topic, Buffer.from('told'), about);
  const [letter] = await Promise.all([died, handled]);
  if (tries !== deliveries) throw new Error(`it was dead after ${tries} tries, not ${deliveries}`);
  if (letter.properties.messageId !== about.messageId) throw new Error('another event died');

  await reader.cancel(consumerTag);
  const { promise: again, resolve: come } = Promise.withResolvers<ConsumeMessage>();
  await reader.consume(failing, (message) => message && come(message), { noAck: true });
  reader.publish(replayOf(failing), '', letter.content, letter.properties);
  const replayed = await again;
  if (replayed.properties.type !== event.topic) throw new Error('it came back without its name');
  reader.ack(letter);
}

async function check(broker: Broker): Promise<void> {
  const imported = (name: string) => broker.ctl('import_definitions', join(files, name));
  if (
    await imported('definitions.json').then(
      () => true,
      () => false,
    )
  )
    throw new Error('users are missing, and nobody says so');
  await imported('users.json');
  await imported('definitions.json');
  const password = randomUUID();
  for (const user of users) await broker.ctl('change_password', user, password);
  await imported('definitions.json'); // and takes no password away
  const blank = await askAs(users[0] ?? '', '', broker.port).then(
    () => true,
    () => false,
  );
  if (blank) throw new Error('somebody came in without a password');

  const askers = new Map<string, Asking>();
  for (const user of users) askers.set(user, await askAs(user, password, broker.port));
  const { asked, differ } = await differences(askers);
  await follow(askers);
  // A check that can't fail checks nothing.
  const [user = ''] = publishers;
  await broker.ctl('set_permissions', '--vhost', vhost, user, '^$', '.*', '^$');
  const { differ: found } = await differences(askers);
  for (const asker of askers.values()) await asker.close();
  const version = (await broker.ctl('version')).trim();
  console.log(
    `RabbitMQ ${version}: ${users.length} users asked ${asked} things; ${differ.length} answers differ from the contracts.`,
  );
  console.log(`One event: dead after ${deliveries} deliveries, heard by another group meanwhile, replayed by its own.`);
  console.log(`With a permission changed by hand ${found.length} differ.`);
  if (differ.length > 0) throw new Error(differ.join('\n'));
  if (found.length === 0) throw new Error('what was changed by hand was not found');
}

const broker = await openBroker();
try {
  await check(broker);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await broker.close();
}
