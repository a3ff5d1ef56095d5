import { beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { compile } from '../compile.ts';
import { createModel, type MeshModel } from '../model.ts';
import { renderRabbitmq } from './rabbitmq.ts';
import { settings } from '../shop-settings.ts';

const pattern = { configure: z.string(), write: z.string(), read: z.string() };
const definitionsSchema = z.object({
  permissions: z.array(z.object({ user: z.string(), ...pattern })),
  topic_permissions: z.array(z.object({ user: z.string(), exchange: z.string(), write: z.string(), read: z.string() })),
  exchanges: z.array(
    z.object({ name: z.string(), type: z.enum(['topic', 'direct', 'fanout']), internal: z.boolean() }),
  ),
  queues: z.array(z.object({ name: z.string(), durable: z.boolean(), arguments: z.record(z.string(), z.unknown()) })),
  bindings: z.array(z.object({ source: z.string(), destination: z.string(), routing_key: z.string() })),
});
type Definitions = z.infer<typeof definitionsSchema>;

let model: MeshModel;
let files: ReadonlyMap<string, string>;
let definitions: Definitions;

beforeAll(() => {
  // One more event, of a publisher that hears its own, for a group whose name another's begins with.
  const shoe = `syntax = "proto3";
package only2u.shoe.v1;
import "only2u/mesh/v1/policy.proto";
service ShoeService { option (only2u.mesh.v1.service) = {workload: "cartel"}; }
message ShoeWorn {
  option (only2u.mesh.v1.event) = {publisher: "cartel" subscribers: ["cartel", "order"]};
  string shoe_id = 1;
}
message ShoeWornOut {
  option (only2u.mesh.v1.event) = {publisher: "cartel"};
  string shoe_id = 1;
}`;
  model = createModel(compile({ 'only2u/shoe/v1/shoe.proto': shoe }));
  files = new Map(renderRabbitmq(model, settings).map(({ path, text }) => [path, text]));
  definitions = read(files.get('rabbitmq/definitions.json'));
});

function read(text: string | undefined): Definitions {
  return definitionsSchema.parse(JSON.parse(text ?? ''));
}

/** A broker of nothing but these definitions, by RabbitMQ's rules: a pattern fits a name when it is found anywhere in it. */
function createBroker({ permissions, topic_permissions, exchanges, bindings, queues }: Definitions) {
  const allows = (user: string, what: 'read' | 'write', name: string) =>
    permissions.some((each) => each.user === user && new RegExp(each[what]).test(name));
  // Where no topic permission stands for an exchange, every key is allowed.
  const allowsKey = (user: string, exchange: string, key: string) =>
    topic_permissions
      .filter((each) => each.user === user && each.exchange === exchange)
      .every(({ write }) => new RegExp(write).test(key));
  const mayPublish = (user: string, exchange: Definitions['exchanges'][number], key: string) =>
    !exchange.internal &&
    allows(user, 'write', exchange.name) &&
    (exchange.type !== 'topic' || allowsKey(user, exchange.name, key));
  const route = ({ name, type }: Definitions['exchanges'][number], key: string) =>
    bindings
      .filter(({ source, routing_key }) => source === name && (type === 'fanout' || routing_key === key))
      .map(({ destination }) => destination);
  // Every broker has these too; the nameless one leads to any queue by its name.
  const builtIn = ['amq.default', 'amq.topic', 'amq.direct', 'amq.fanout', 'amq.headers'];
  return {
    /** The queues, other than the user's own, that what a user sends with this key can come to. */
    reachedBy(user: string, key: string): string[] {
      const reached = exchanges.flatMap((exchange) => (mayPublish(user, exchange, key) ? route(exchange, key) : []));
      const direct = builtIn.some((name) => allows(user, 'write', name)) ? queues.map(({ name }) => name) : [];
      return [...new Set([...reached, ...direct])].sort();
    },
    mayTell: (user: string, key: string) =>
      exchanges.some((exchange) => exchange.name.startsWith('events.') && mayPublish(user, exchange, key)),
    /** Whether a queue that the user may read is given what the publisher tells. */
    hears: (user: string, topic: string, publisher: string) =>
      bindings.some(
        ({ source, destination, routing_key }) =>
          source === `events.${publisher}` && routing_key === topic && allows(user, 'read', destination),
      ),
    readableBy: (user: string) => queues.map(({ name }) => name).filter((name) => allows(user, 'read', name)),
  };
}

/** Every service × every event × told and heard: where the broker says another thing than the contract. */
function differences(given: Definitions): string[] {
  const broker = createBroker(given);
  return model.workloads.flatMap(({ name: user }) =>
    model.events.flatMap(({ topic, publisher, subscribers }) => {
      const tells = user === publisher;
      const reached = broker.reachedBy(user, topic).filter((queue) => queue !== user);
      const heardByOthers = tells ? subscribers.filter((each) => each !== user) : [];
      return [
        ...(broker.mayTell(user, topic) === tells ? [] : [`${user} tells ${topic}`]),
        ...(String(reached) === String(heardByOthers) ? [] : [`${user} reaches ${reached.join(', ')} with ${topic}`]),
        ...(broker.hears(user, topic, publisher) === subscribers.includes(user) ? [] : [`${user} hears ${topic}`]),
      ];
    }),
  );
}

test('what each service may tell and hear at the broker is what the contract says', () => {
  expect(differences(definitions)).toEqual([]);
  expect(model.events.length * model.workloads.length).toBeGreaterThan(70);
});

test('a rule that somebody changes by hand is found', () => {
  const text = files.get('rabbitmq/definitions.json') ?? '';
  const changed = (from: string, to: string): string[] => {
    expect(text).toContain(from);
    return differences(read(text.replace(from, to)));
  };
  expect(changed('"^(events\\\\.payment)$"', '"events"')).toContain('payment tells only2u.order.v1.OrderConfirmed');
  expect(changed('"^(events\\\\.payment)$"', '".*"').length).toBeGreaterThan(0);
  expect(changed('"^(cart|cart\\\\.dead)$"', '"^cart"')).toEqual(['cart hears only2u.shoe.v1.ShoeWorn']);
  expect(changed('"^(cart|cart\\\\.dead)$"', '"^$"')).toContain('cart hears only2u.order.v1.OrderConfirmed');
  expect(changed('"^(only2u\\\\.payment\\\\.v1\\\\.PaymentChanged)$"', '"^$"')).toContain(
    'payment tells only2u.payment.v1.PaymentChanged',
  );
  expect(changed('"routing_key": "only2u.payment.v1.PaymentChanged"', '"routing_key": "payment"')).toContain(
    'order hears only2u.payment.v1.PaymentChanged',
  );
  expect(changed('"^(cart\\\\.replay)$"', '"^(cart\\\\.replay|amq\\\\.default)$"').length).toBeGreaterThan(0);
});

test('a publisher sends only its own events, whatever it writes on them', () => {
  const broker = createBroker(definitions);
  expect(broker.mayTell('order', 'only2u.user.v1.UserDeleted')).toBe(false);
  expect(broker.mayTell('order', 'only2u.order.v1.OrderConfirmed.and.more')).toBe(false);
  expect(broker.mayTell('order', 'only2uxorder.v1.OrderConfirmed')).toBe(false);
  expect(broker.reachedBy('order', 'cart')).toEqual(['order']); // its own queue, through its replays
});

test('nobody makes, changes or binds anything, and nobody reads another’s queue', () => {
  const broker = createBroker(definitions);
  for (const { user, configure, write } of definitions.permissions) {
    expect(configure).toBe('^$');
    expect(broker.readableBy(user).every((queue) => queue === user || queue === `${user}.dead`)).toBe(true);
    expect(definitions.queues.filter(({ name }) => new RegExp(write).test(name))).toEqual([]); // binding asks for that
  }
});

test('whoever tells and hears nothing has no user, and no user has a password', () => {
  const users: unknown = JSON.parse(files.get('rabbitmq/users.json') ?? '');
  const names = ['cart', 'cartel', 'order', 'payment', 'product', 'user'];
  expect(users).toEqual({
    users: names.map((name) => ({
      name,
      password_hash: '',
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: [],
    })),
  });
  expect(definitions.permissions.map(({ user }) => user)).toEqual(names);
  expect(files.get('rabbitmq/definitions.json')).not.toContain('password');
});

test('what a group gives up goes to its own dead letters, and back to it alone', () => {
  for (const name of ['cart', 'cartel', 'order']) {
    const queue = definitions.queues.find((each) => each.name === name);
    expect(queue?.arguments).toMatchObject({
      'x-queue-type': 'quorum',
      'x-delivery-limit': 50,
      'x-dead-letter-exchange': 'dead',
      'x-dead-letter-routing-key': name,
    });
    const from = (source: string) => definitions.bindings.filter((each) => each.source === source);
    expect(from('dead').filter((each) => each.routing_key === name)).toMatchObject([{ destination: `${name}.dead` }]);
    expect(from(`${name}.replay`)).toMatchObject([{ destination: name }]);
  }
});

test('the page names the place of the contract for each event', () => {
  expect(files.get('rabbitmq/README.md')).toMatch(
    /`only2u\.user\.v1\.UserDeleted` \| `user` → `events\.user` \| `cart`, `order` \| proto\/only2u\/user\/v1\/events\.proto:\d+ \|/,
  );
});
