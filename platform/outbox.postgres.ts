import {
  createRegistry,
  toBinary,
  type DescMessage,
  type Message,
  type MessageShape,
  fromBinary,
} from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { Logger } from 'pino';
import { contractFiles } from '#gen/contracts.ts';
import { runInBackground, type TraceWork } from './background-call.ts';
import type { Database } from './pool.postgres.ts';
import type { Sql } from './statement.postgres.ts';
import type { EventBus, EventMessage } from './event-bus.ts';
import { assertMayTell } from './event-policy.ts';
import { newId } from './ids.ts';
import { currentCall } from './rpc/call.ts';
import { afterCommit } from './transaction.postgres.ts';

const registry = createRegistry(...contractFiles);
const relayBatch = 200;
const relayEveryMs = 5_000; // a commit wakes the relay at once; this finds what another process left when it was killed
const timeoutMs = 25_000; // what the bus gives a handler
const inboxDays = 14; // longer than an event is tried
const tidyBatch = 1_000;

/**
 * Tells events, messages of the contracts, in the transaction that made them happen: others hear of them if and only if that
 * is committed. An event's first field says what it is about, and events about the same come in order, as long as the
 * transaction changed (and so locked) that before. Any number of them is one statement. Throws when the contract names another publisher.
 */
export async function publish(tx: Sql, ...events: readonly Message[]): Promise<void> {
  if (events.length === 0) return;
  await tx.query(publishing, eventValues(tx, events));
  afterCommit(tx, outboxMark);
}

/** What listeners of `onCommit` call a transaction that told something. */
export const outboxMark = 'outbox';

/** The statement that tells events, from `$first` on, where the condition is true: for one that does more at once. */
export function eventInsertion(first: number, condition: string): string {
  const [id, topic, key, body, traceparent] = [0, 1, 2, 3, 4].map((place) => `$${first + place}`);
  return `INSERT INTO outbox (id, topic, key, body, traceparent)
     SELECT id, topic, key, body, ${traceparent}
     FROM unnest(${id}::text[], ${topic}::text[], ${key}::text[], ${body}::bytea[]) WITH ORDINALITY AS event (id, topic, key, body, place)
     WHERE ${condition} ORDER BY place`;
}

const publishing = eventInsertion(1, 'true');

/** The five values of `eventInsertion`. `sql` is asked with them: whose it is tells what they may be. */
export function eventValues(sql: Sql, events: readonly Message[]): readonly unknown[] {
  assertMayTell(sql, events);
  const rows = events.map((event) => {
    const schema = registry.getMessage(event.$typeName);
    if (schema === undefined) throw new Error(`${event.$typeName} is not in the contracts`);
    return { id: newId('evt'), topic: event.$typeName, key: keyOf(schema, event), body: toBinary(schema, event) };
  });
  return [
    rows.map(({ id }) => id),
    rows.map(({ topic }) => topic),
    rows.map(({ key }) => key),
    rows.map(({ body }) => Buffer.from(body)),
    currentCall()?.traceparent ?? '',
  ];
}

function keyOf(schema: DescMessage, event: Message): string {
  const [first] = schema.fields;
  if (first?.fieldKind !== 'scalar')
    throw new Error(`The first field of ${schema.typeName} must be the id of what it is about`);
  return String(reflect(schema, event).get(first));
}

export type RelayOptions = { readonly database: Database; readonly bus: EventBus; readonly log: Logger };

/**
 * Hands the events of the service's own outbox to the bus, in order. Each goes there at least once: what two processes hand in at the
 * same time, or one again that was killed, the bus knows by its id. Close it before the database and the bus.
 */
export function startRelay({ database, bus, log }: RelayOptions): { close(): Promise<void> } {
  let closed = false;
  let wake: () => void = () => undefined;
  let woken = true;
  const nudge = (): void => {
    woken = true;
    wake();
  };
  const forget = database.onCommit(outboxMark, nudge);

  async function work(): Promise<void> {
    while (!closed) {
      woken = false;
      const handed = await relayOnce(database, bus).catch((error: unknown) => {
        log.warn({ err: error }, 'events can’t be handed to the event bus; trying again');
        return 0;
      });
      if (handed < relayBatch && !closed && !woken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(done, relayEveryMs);
          function done(): void {
            clearTimeout(timer);
            resolve();
          }
          wake = done;
        });
      }
    }
    await relayOnce(database, bus).catch(() => 0); // what was told last need not wait for the next start
  }

  const worker = work();
  return {
    async close() {
      closed = true;
      forget();
      nudge();
      await worker;
    },
  };
}

// No lock and no transaction. Whoever reads an event reads those before it too, unless the bus has them already, so they stay in order.
async function relayOnce(database: Database, bus: EventBus): Promise<number> {
  const rows = await database.query<EventMessage & { seq: bigint }>(
    'SELECT seq, id, topic, key, body, traceparent, time FROM outbox ORDER BY seq LIMIT $1',
    [relayBatch],
  );
  if (rows.length === 0) return 0;
  await bus.publish(rows);
  await database.query('DELETE FROM outbox WHERE seq = ANY ($1)', [rows.map(({ seq }) => seq)]);
  return rows.length;
}

/** An event that came, and where it is to be remembered that it was handled. */
export type Coming = {
  readonly message: EventMessage;
  readonly group: string;
  readonly database: Database;
  /** Aborted when another may have the event. */
  readonly signal: AbortSignal;
};

/** What a service does when an event comes. Made by `on` or `onChange`, so that the two fit. */
export type EventHandler = {
  readonly schema: DescMessage;
  handle(event: Message, coming: Coming): Promise<void>;
};

/** Handles an event in a transaction that also remembers it. What one statement changes is cheaper by `onChange`. */
export function on<S extends DescMessage>(
  schema: S,
  handle: (tx: Sql, event: MessageShape<S>, message: EventMessage) => Promise<void>,
): EventHandler {
  return {
    schema,
    handle: (event, coming) =>
      coming.database.transaction(async (tx) => {
        if (await remember(tx, coming)) await handle(tx, event as MessageShape<S>, coming.message);
        assertInTime(coming);
      }),
  };
}

/** Remembers that the group has handled the event. Answers whether that is new. */
export async function remember(sql: Sql, { group, message }: Coming): Promise<boolean> {
  const fresh = await sql.query(
    'INSERT INTO inbox (group_name, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1',
    [group, message.id],
  );
  return fresh.length > 0;
}

export function assertInTime({ signal }: Coming): void {
  if (signal.aborted) throw new Error('too late: another may have the event');
}

export type ConsumeOptions = {
  readonly bus: EventBus;
  readonly database: Database;
  /** The service's name, or "<service>-<what for>" for a part that keeps up at its own pace. */
  readonly group: string;
  readonly handlers: readonly EventHandler[];
  /** Makes each handling a span: `env.trace`. */
  readonly trace?: TraceWork | undefined;
  readonly attempts?: number;
  readonly retryMs?: (failures: number) => number;
};

/**
 * Handles events of others, each together with remembering it: one that comes twice counts once. What throws is
 * tried again, with longer and longer waits, then becomes a dead letter. What the handler publishes, schedules and calls carries on
 * the trace of the call that published the event.
 */
export function consume({
  bus,
  database,
  group,
  handlers,
  trace,
  ...retries
}: ConsumeOptions): Promise<{ close(): Promise<void> }> {
  const byTopic = new Map(handlers.map((handler) => [handler.schema.typeName, handler]));
  return bus.subscribe({
    ...retries,
    group,
    topics: [...byTopic.keys()],
    async handle(message, signal) {
      const handler = byTopic.get(message.topic);
      if (handler === undefined) return; // the group asked for it once, and no longer does
      const event = fromBinary(handler.schema, message.body);
      const { topic, traceparent } = message;
      const about = { name: `event ${topic}`, traceparent, requestId: message.id, signal, timeoutMs, trace };
      await runInBackground(about, () => handler.handle(event, { message, group, database, signal }));
    },
  });
}

/** Forgets some of the events that can't come again, a bounded number at a time. Returns how many. */
export async function forgetEvents(sql: Sql): Promise<number> {
  const gone = await sql.query(
    `DELETE FROM inbox WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM inbox WHERE time < now() - $1 * interval '1 day' ORDER BY time LIMIT $2))
     RETURNING 1`,
    [inboxDays, tidyBatch],
  );
  return gone.length;
}
