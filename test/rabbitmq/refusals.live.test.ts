import { rootCertificates } from 'node:tls';
import { afterAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { openAmqp } from '#platform/connection.amqp.ts';
import { Fault } from '#platform/fault.ts';
import { newId } from '#platform/ids.ts';
import { StartError } from '#platform/start-error.ts';
import { closeAll, openTestBus } from './suite-bus.ts';

afterAll(closeAll);

const policies = { made: { publisher: 'shop', subscribers: ['shop', 'cart'], at: 'made.proto:1' } };
const log = pino({ level: 'silent' });

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(StartError);
  return error instanceof StartError ? error.message : '';
}

test('wrong passwords, authorities and virtual hosts and plain text are refused, each with what to correct', async () => {
  const { vhost } = await openTestBus(policies);
  const { RABBITMQ_URL, RABBITMQ_CA } = vhost.config;
  const changed = (change: (url: URL) => void): { RABBITMQ_URL: string; RABBITMQ_CA: string } => {
    const url = new URL(RABBITMQ_URL);
    change(url);
    return { RABBITMQ_URL: url.href, RABBITMQ_CA };
  };
  expect(
    await refusal(
      openAmqp(
        changed((url) => (url.password = 'another')),
        log,
      ),
    ),
  ).toBe('RabbitMQ refuses us: user or password is wrong. Correct RABBITMQ_URL.');
  expect(
    await refusal(
      openAmqp(
        changed((url) => (url.pathname = '/another')),
        log,
      ),
    ),
  ).toContain('no such virtual host');
  expect(await refusal(openAmqp({ RABBITMQ_URL, RABBITMQ_CA: rootCertificates[0] ?? '' }, log))).toContain(
    'RABBITMQ_CA',
  );
  const plain = changed((url) => (url.href = url.href.replace('amqps:', 'amqp:')));
  expect(await refusal(openAmqp(plain, log))).toContain('speaks TLS there, not plain text');
});

test('a queue, an exchange or a right that is missing is named at the start', async () => {
  const bus = await openTestBus(policies);
  const { name, manage } = bus.vhost;
  const subscribing = { group: 'shop', topics: ['made'], handle: () => Promise.resolve() };
  const one = await bus.open();
  await manage('DELETE', `/api/queues/${name}/shop.dead`);
  expect(await refusal(one.subscribe(subscribing))).toContain('Import gen/mesh/rabbitmq/definitions.json');
  expect(await refusal(one.subscribe({ ...subscribing, group: 'shop-mail' }))).toContain('shop-mail');
  await manage('PUT', `/api/permissions/${name}/${name}`, { configure: '^$', write: '.*', read: '^cart' });
  expect(await refusal(one.subscribe(subscribing))).toContain('not let this user');
  await manage('DELETE', `/api/exchanges/${name}/events.shop`);
  expect(await refusal(bus.open({ service: 'shop' }))).toContain('events.shop');
});

test('an event that a contract gives a subscriber, but the definitions no queue, waits in the outbox', async () => {
  const bus = await openTestBus(policies);
  const one = await bus.open({ service: 'shop' });
  for (const group of ['shop', 'cart']) await bus.vhost.manage('DELETE', `/api/queues/${bus.vhost.name}/${group}`);
  const event = { id: newId('evt'), topic: 'made', key: '', body: Buffer.from('x'), traceparent: '', time: new Date() };
  const error: unknown = await one.publish([event]).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(Fault);
  expect(error).toMatchObject({ kind: 'unavailable', reason: 'EVENT_UNROUTABLE' });
});

test('while RabbitMQ is away a bus opens, listens later, and refuses events meanwhile', async () => {
  const bus = await openTestBus(policies);
  const away = await bus.open({ port: 1, service: 'shop' }); // nobody listens there
  const [engine] = away.engines;
  expect(engine).toMatchObject({ name: 'RabbitMQ', needed: false });
  await expect(engine?.check()).rejects.toMatchObject({ kind: 'unavailable' });
  const event = { id: newId('evt'), topic: 'made', key: '', body: Buffer.from('x'), traceparent: '', time: new Date() };
  await expect(away.publish([event])).rejects.toMatchObject({ kind: 'unavailable', reason: 'RABBITMQ_UNAVAILABLE' });
  const subscription = await away.subscribe({ group: 'shop', topics: ['made'], handle: () => Promise.resolve() });
  await subscription.close();
});
