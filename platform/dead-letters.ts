import { create, createRegistry, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { contractFiles } from '#gen/contracts.ts';
import {
  DeadLetter_Source,
  type DeadLetterSchema,
  DeadLetterService,
  DropDeadLetterResponseSchema,
  ReplayDeadLetterResponseSchema,
} from '#gen/only2u/operation/v1/dead_letter_pb.ts';
import type { DeadEvent, DeadEventId, EventBus } from './event-bus.ts';
import { Fault, invalidField } from './fault.ts';
import type { Database } from './pool.postgres.ts';
import type { Sql } from './statement.postgres.ts';
import { repeatable } from './repeatable.ts';
import { once } from './request-id.postgres.ts';
import { currentCall } from './rpc/call.ts';
import { handle, type Handlers } from './service.ts';
import {
  countDeadTasks,
  type DeadTask,
  deadTask,
  type DeadTaskId,
  deadTasks,
  dropTask,
  overdueTasks,
  replayTask,
} from './tasks-dead.postgres.ts';
import type { QueueLengths } from './telemetry/queue-metrics.ts';
import { redacted, redactedJson } from './telemetry/redaction.ts';

export type DeadLetterOptions = {
  /** Whose dead letters these are. */
  readonly service: string;
  readonly database: Database;
  readonly events: EventBus;
  now(): Date;
};

const registry = createRegistry(...contractFiles);
const defaultPageSize = 50;
const maxCount = 1_000; // beyond that it is too many, whatever the number
const maxBodyLength = 256 * 1024; // what a person reads, and far below what a message may hold

/** Answers operators for the dead letters of one service: of its groups on the bus, and of its tasks. */
export function handleDeadLetters({ service, database, events, now }: DeadLetterOptions): Handlers {
  const asked = () => ({ actor: currentCall()?.caller ?? '', now: now() });

  // The bus is asked inside of the transaction that remembers the request: it holds nothing that others wait for, and a repeat
  // waits for the answer.
  async function change(tx: Sql, id: string, name: 'replay' | 'drop'): Promise<void> {
    const { event, task } = read(service, id);
    const ofTasks = name === 'replay' ? replayTask : dropTask;
    const found = event ? await events[name](event) : task !== undefined && (await ofTasks(tx, task));
    if (!found) throw notFound(id);
  }

  return handle(DeadLetterService, {
    async listDeadLetters({ pageSize, pageToken }) {
      const limit = pageSize === 0 ? defaultPageSize : pageSize;
      const after = openToken(service, pageToken);
      // One more than asked for tells whether there is another page.
      const dead =
        after.task === undefined ? await events.deadEvents({ service, after: after.event, limit: limit + 1 }) : [];
      const tasks = dead.length > limit ? [] : await deadTasks(database, after.task, limit + 1 - dead.length);
      const letters = [
        ...dead.map((event) => encodeEvent(service, event)),
        ...tasks.map((task) => encodeTask(service, task)),
      ];
      const page = letters.slice(0, limit);
      const nextPageToken = letters.length > limit ? (page.at(-1)?.id ?? '') : '';
      return { deadLetters: page, nextPageToken: Buffer.from(nextPageToken).toString('base64url') };
    },

    async getDeadLetter({ id }) {
      const { event, task } = read(service, id);
      const foundEvent = event && (await events.deadEvent(event));
      if (foundEvent) return { deadLetter: encodeEvent(service, foundEvent), bodyJson: cut(eventJson(foundEvent)) };
      const foundTask = task && (await deadTask(database, task));
      if (foundTask === undefined) throw notFound(id);
      const bodyJson = foundTask.body === undefined ? '' : JSON.stringify(redactedJson(foundTask.body));
      return { deadLetter: encodeTask(service, foundTask), bodyJson: cut(bodyJson) };
    },

    replayDeadLetter: (request) =>
      database.transaction((tx) =>
        once(tx, repeatable(DeadLetterService.method.replayDeadLetter, request, asked()), async () => {
          await change(tx, request.id, 'replay');
          return create(ReplayDeadLetterResponseSchema);
        }),
      ),

    dropDeadLetter: (request) =>
      database.transaction((tx) =>
        once(tx, repeatable(DeadLetterService.method.dropDeadLetter, request, asked()), async () => {
          await change(tx, request.id, 'drop');
          return create(DropDeadLetterResponseSchema);
        }),
      ),
  });
}

/** How many there are and what is late, for the metrics. */
export async function queueLengths({
  service,
  database,
  events,
}: Omit<DeadLetterOptions, 'now'>): Promise<QueueLengths> {
  const [event, task, overdue] = await Promise.all([
    events.countDeadEvents(service, maxCount),
    countDeadTasks(database, maxCount),
    overdueTasks(database),
  ]);
  return { dead: { event, task }, overdue };
}

type LetterId = { readonly event?: DeadEventId | undefined; readonly task?: DeadTaskId | undefined };

/** "order/event/<group>/<id>" or "order/task/<kind>/<key>": a key may hold anything, slashes too. */
function read(service: string, id: string): LetterId {
  const [owner, source, handler, ...rest] = id.split('/');
  const own = rest.join('/');
  if (owner === service && handler !== undefined && rest.length > 0) {
    if (source === 'event') return { event: { group: handler, id: own } };
    if (source === 'task') return { task: { kind: unescapeKind(handler), key: own } };
  }
  throw notFound(id);
}

// A kind with a slash would be read as a kind and a piece of the key.
function escapeKind(kind: string): string {
  return kind.replaceAll('%', '%25').replaceAll('/', '%2F');
}

function unescapeKind(text: string): string {
  return text.replaceAll('%2F', '/').replaceAll('%25', '%');
}

/** A page's token is the id of the last letter of the page before. */
function openToken(service: string, token: string): LetterId {
  if (token === '') return {};
  const id = z.base64url().safeParse(token);
  const refused = invalidField('page_token', 'PAGE_TOKEN_INVALID', 'is not from an earlier answer; begin without one');
  if (!id.success) throw refused;
  try {
    return read(service, Buffer.from(token, 'base64url').toString());
  } catch {
    throw refused;
  }
}

function notFound(id: string): Fault {
  const text = `There is no dead letter ${id}: it was replayed or dropped already, or never was.`;
  return new Fault('not-found', 'DEAD_LETTER_NOT_FOUND', text, { metadata: { id } });
}

function encodeEvent(service: string, event: DeadEvent): MessageInitShape<typeof DeadLetterSchema> & { id: string } {
  return {
    id: `${service}/event/${event.group}/${event.id}`,
    source: DeadLetter_Source.EVENT,
    type: event.topic,
    key: event.key,
    attemptCount: event.attempts,
    error: event.error,
    createTime: timestampFromDate(event.time),
    deadTime: timestampFromDate(event.deadTime),
    traceparent: event.traceparent,
  };
}

function encodeTask(service: string, task: DeadTask): MessageInitShape<typeof DeadLetterSchema> & { id: string } {
  return {
    id: `${service}/task/${escapeKind(task.kind)}/${task.key}`,
    source: DeadLetter_Source.TASK,
    type: task.kind,
    key: task.key,
    attemptCount: task.attempts,
    error: task.error,
    createTime: timestampFromDate(task.scheduleTime),
    deadTime: timestampFromDate(task.deadTime),
    traceparent: task.traceparent,
  };
}

/** An event's content without what its contract hides; "" for what no contract of this version can read. */
function eventJson({ topic, body }: DeadEvent): string {
  const schema = registry.getMessage(topic);
  if (schema === undefined) return '';
  try {
    return JSON.stringify(redacted(schema, fromBinary(schema, body)));
  } catch {
    return '';
  }
}

function cut(text: string): string {
  return text.length <= maxBodyLength ? text : `${text.slice(0, maxBodyLength).toWellFormed()}…`;
}
