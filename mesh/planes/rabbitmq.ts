import type { MeshEvent, MeshModel } from '../model.ts';
import type { Renderer, RenderSettings } from '../render.ts';
import { sourceText } from '../source.ts';
import { rabbitNames } from '#platform/event-bus-names.ts';

/**
 * A message that came back so often is dead. Groups count their failures themselves; this is the net below, for what ends a process
 * before it can count. RabbitMQ counts for all that a process held when its connection broke, so a low limit would take what merely
 * waited beside.
 */
const deliveryLimit = 50;

/** RabbitMQ 4 gives up after 20 unless told, also what is but put away: what no process could put away so often is not lost for that. */
const deadLimit = 1_000_000;

const nothing = '^$';

/** What the broker must know of an event. */
export type RabbitEvent = Pick<MeshEvent, 'topic' | 'publisher' | 'subscribers'>;

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

/** All but the users: for the virtual host of the shop, or another. */
export function definitionsOf(events: readonly RabbitEvent[], vhost: string = rabbitNames.vhost) {
  const { eventsOf, dead, deadOf, replayOf } = rabbitNames;
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
      queue(deadOf(group), { 'x-delivery-limit': deadLimit }),
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
function permissionOf(user: string, events: readonly RabbitEvent[]) {
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

function publishersOf(events: readonly RabbitEvent[]): readonly string[] {
  return [...new Set(events.map(({ publisher }) => publisher))].sort();
}

function groupsOf(events: readonly RabbitEvent[]): readonly string[] {
  return [...new Set(events.flatMap(({ subscribers }) => subscribers))].sort();
}

function usersOf(events: readonly RabbitEvent[]): readonly string[] {
  return [...new Set([...publishersOf(events), ...groupsOf(events)])].sort();
}

function toldBy(publisher: string, events: readonly RabbitEvent[]): readonly string[] {
  return events.filter((event) => event.publisher === publisher).map(({ topic }) => topic);
}

function heardBy(group: string, events: readonly RabbitEvent[]): readonly RabbitEvent[] {
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
user that stands here no longer is deleted by hand. A queue that is there keeps the arguments that it was made with.

| event, which is its routing key | told by, through the exchange | heard by the queue | contract |
|---|---|---|---|
${lines.join('')}
| user | may write to | may read from |
|---|---|---|
${users.join('')}
Nobody may configure anything. Whoever tells and hears nothing has no user. All is in the vhost \`${vhost}\`.

A queue has one active consumer, so that events of one key come in order. Groups count their failures themselves and keep what they gave up
in their database, with the error. What ended each process that began it, so that nobody counted, was delivered ${deliveryLimit + 1} times and goes by
the exchange \`${dead}\` to the group's queue (such as \`${deadOf('order')}\`), from which the group puts it away with its other dead events. What is
replayed (\`npm run dead-letters\`) comes back through the group's own exchange (\`${replayOf('order')}\`).
`;
}

function cell(pattern: string): string {
  return pattern === nothing ? 'nothing' : `\`${pattern.replaceAll('|', '\\|')}\``;
}
