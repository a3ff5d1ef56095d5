import type { MeshEvent, MeshModel } from '../model.ts';
import type { Renderer, RenderSettings } from '../render.ts';
import { sourceText } from '../source.ts';

/**
 * The names that an adapter of the event bus and these definitions agree on. A group is a subscriber's name: its queue is called so.
 * A routing key is an event's full name, such as "only2u.order.v1.OrderConfirmed"; a message says it as its `type` too, since a dead
 * one has its group's name as key.
 */
export const rabbitNames = {
  vhost: 'only2u',
  /** Where a publisher tells its events: a topic exchange that nobody else may write to. */
  eventsOf: (publisher: string) => `events.${publisher}`,
  /** Where the broker puts what a group gave up, by the group's name. Nobody may write to it. */
  dead: 'dead',
  /** What a group gave up, until somebody replays or drops it. */
  deadOf: (group: string) => `${group}.dead`,
  /** Where a group puts a dead event back: it leads to the group's own queue alone. */
  replayOf: (group: string) => `${group}.replay`,
} as const;

/** A message that came back so often is dead: it is handled once more than that, ten times in all. */
const deliveryLimit = 9;

const nothing = '^$';

/**
 * The plane of the broker: all that it must know, as `rabbitmqctl import_definitions` takes it, and a page that says why. The users
 * stand in a file of their own, since importing one takes their passwords away.
 */
export const renderRabbitmq: Renderer = ({ events }, settings) => [
  { path: 'rabbitmq/definitions.json', text: json(definitionsOf(events)) },
  { path: 'rabbitmq/users.json', text: json({ users: usersOf(events).map(withoutPassword) }) },
  { path: 'rabbitmq/README.md', text: readmeOf(events, settings) },
];

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Somebody whom no password lets in, only a certificate. */
function withoutPassword(name: string) {
  return { name, password_hash: '', hashing_algorithm: 'rabbit_password_hashing_sha256', tags: [] };
}

function definitionsOf(events: MeshModel['events']) {
  const { vhost, eventsOf, dead, deadOf, replayOf } = rabbitNames;
  const publishers = publishersOf(events);
  const groups = groupsOf(events);
  const exchange = (name: string, type: string, internal = false) => {
    return { name, vhost, type, durable: true, auto_delete: false, internal, arguments: {} };
  };
  const queue = (name: string, more: Readonly<Record<string, unknown>>) => {
    return { name, vhost, durable: true, auto_delete: false, arguments: { 'x-queue-type': 'quorum', ...more } };
  };
  const binding = (source: string, destination: string, key: string) => {
    return { source, vhost, destination, destination_type: 'queue', routing_key: key, arguments: {} };
  };
  return {
    vhosts: [{ name: vhost }],
    permissions: usersOf(events).map((user) => ({ user, vhost, ...permissionOf(user, events) })),
    topic_permissions: publishers.map((user) => ({
      user,
      vhost,
      exchange: eventsOf(user),
      write: anyOf(toldBy(user, events)),
      read: nothing,
    })),
    exchanges: [
      ...publishers.map((publisher) => exchange(eventsOf(publisher), 'topic')),
      ...groups.map((group) => exchange(replayOf(group), 'fanout')),
      exchange(dead, 'direct', true),
    ],
    queues: groups.flatMap((group) => [
      queue(group, {
        'x-single-active-consumer': true, // events of one key come in order: one process of a group handles them at a time
        'x-delivery-limit': deliveryLimit,
        'x-dead-letter-exchange': dead,
        'x-dead-letter-routing-key': group,
        'x-dead-letter-strategy': 'at-least-once', // a dead event is never lost either
        'x-overflow': 'reject-publish', // which that strategy asks for
      }),
      queue(deadOf(group), {}),
    ]),
    bindings: [
      ...groups.flatMap((group) =>
        heardBy(group, events).map(({ publisher, topic }) => binding(eventsOf(publisher), group, topic)),
      ),
      ...groups.flatMap((group) => [binding(replayOf(group), group, ''), binding(dead, deadOf(group), group)]),
    ],
  };
}

/** Exactly what a user's events need: nobody makes or binds anything, since all that there is stands here. */
function permissionOf(user: string, events: MeshModel['events']) {
  const { eventsOf, deadOf, replayOf } = rabbitNames;
  const listens = groupsOf(events).includes(user);
  return {
    configure: nothing,
    write: anyOf([
      ...(publishersOf(events).includes(user) ? [eventsOf(user)] : []),
      ...(listens ? [replayOf(user)] : []),
    ]),
    read: anyOf(listens ? [user, deadOf(user)] : []),
  };
}

/** A pattern for these names and no others: RabbitMQ looks for it anywhere in a name. */
function anyOf(names: readonly string[]): string {
  return names.length === 0 ? nothing : `^(${names.map((name) => name.replaceAll('.', '\\.')).join('|')})$`;
}

function publishersOf(events: readonly MeshEvent[]): readonly string[] {
  return [...new Set(events.map(({ publisher }) => publisher))].sort();
}

function groupsOf(events: readonly MeshEvent[]): readonly string[] {
  return [...new Set(events.flatMap(({ subscribers }) => subscribers))].sort();
}

function usersOf(events: readonly MeshEvent[]): readonly string[] {
  return [...new Set([...publishersOf(events), ...groupsOf(events)])].sort();
}

function toldBy(publisher: string, events: readonly MeshEvent[]): readonly string[] {
  return events.filter((event) => event.publisher === publisher).map(({ topic }) => topic);
}

function heardBy(group: string, events: readonly MeshEvent[]): readonly MeshEvent[] {
  return events.filter(({ subscribers }) => subscribers.includes(group));
}

function readmeOf(events: MeshModel['events'], { protoRoot }: RenderSettings): string {
  const { vhost, eventsOf, dead, deadOf, replayOf } = rabbitNames;
  const lines = events.map(
    ({ topic, publisher, subscribers, source }) =>
      `| \`${topic}\` | \`${publisher}\` → \`${eventsOf(publisher)}\` | ${
        subscribers.map((group) => `\`${group}\``).join(', ') || 'nobody'
      } | ${sourceText(source, protoRoot)} |\n`,
  );
  const users = usersOf(events).map((user) => {
    const { write, read } = permissionOf(user, events);
    return `| \`${user}\` | ${cell(write)} | ${cell(read)} |\n`;
  });
  return `<!-- @generated by mesh/planes/rabbitmq.ts from the contracts. \`npm run generate\` writes it again. -->
# RabbitMQ, as the contracts have it
For RabbitMQ 3.12 and 4. First the users, each with a password from your secrets:

    echo "$ORDER_PASSWORD" | rabbitmqctl add_user order

or without one, when they sign in by their certificates of the mesh, whose common name is the workload's (plugin
\`rabbitmq_auth_mechanism_ssl\`, \`auth_mechanisms.1 = EXTERNAL\`, \`ssl_cert_login_from = common_name\`):

    rabbitmqctl import_definitions users.json

Then, and again after each change of the contracts, all else:

    rabbitmqctl import_definitions definitions.json

That is refused while a user is missing. What a contract no longer grants is gone from the permissions at once; a queue, a binding or a
user that stands here no longer is deleted by hand.

| event, which is its routing key | told by, through the exchange | heard by the queue | contract |
|---|---|---|---|
${lines.join('')}
| user | may write to | may read from |
|---|---|---|
${users.join('')}
Nobody may configure anything. Whoever tells and hears nothing has no user. All is in the vhost \`${vhost}\`.

A queue has one active consumer, so that events of one key come in order. What was delivered ${deliveryLimit + 1} times without success goes by the
exchange \`${dead}\` to the group's queue of dead letters (such as \`${deadOf('order')}\`), and from there back through the group's own
exchange (\`${replayOf('order')}\`) when somebody replays it.
`;
}

function cell(pattern: string): string {
  return pattern === nothing ? 'nothing' : `\`${pattern.replaceAll('|', '\\|')}\``;
}
