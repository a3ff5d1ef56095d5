import type { CassandraConnection } from './connection.cassandra.ts';
import { spanAt, usualRoom } from './message-log-bucket.ts';
import { entryTimeMs } from './message-log-id.ts';
import { readEntries } from './message-log-read.cassandra.ts';
import { createLogStatements, type LogStatements } from './message-log-statements.cassandra.ts';
import { createPlaces, type Places } from './message-log-places.cassandra.ts';
import {
  checkBody,
  checkEntry,
  checkKind,
  checkLimit,
  checkPlace,
  clocksDifferMs,
  expiryMs,
  type LogKind,
  type MessageLog,
  type MessageLogs,
} from './message-log.ts';

export type CassandraLogOptions = {
  readonly now?: () => Date;
  /** How many entries a span takes before those that follow go a level finer. */
  readonly room?: number;
};

/**
 * Logs in Cassandra 4.1 or 5. Every write says its own time: an append the entry's, an edit the edit's, a removal a minute ahead of the
 * clock. So the same write again changes nothing, in whatever order they arrive, and may be tried on another node at any time.
 */
export function createCassandraMessageLogs(
  cassandra: Pick<CassandraConnection, 'ask' | 'keyspace'>,
  { now = () => new Date(), room = usualRoom }: CassandraLogOptions = {},
): MessageLogs {
  return {
    of(kind) {
      checkKind(kind);
      const statements = createLogStatements(cassandra, kind);
      return createLog(kind, statements, createPlaces(statements, room), now);
    },
  };
}

const levels = [0, 1, 2] as const;

function createLog(kind: LogKind, statements: LogStatements, places: Places, now: () => Date): MessageLog {
  const removalMicros = (fromMs: number): number => (fromMs + clocksDifferMs) * 1_000;

  async function find(thread: string, id: string) {
    const found = await Promise.all(
      levels.map(async (level) => {
        const span = spanAt(level, entryTimeMs(id));
        return { span, entry: await statements.get(thread, span, id) };
      }),
    );
    return found.flatMap(({ span, entry }) => (entry === undefined ? [] : [{ span, entry }]));
  }

  return {
    async append(thread, entry) {
      const nowMs = now().getTime();
      checkEntry(kind, thread, entry, nowMs);
      const seconds = secondsLeft(kind, entry.id, nowMs);
      if (seconds === undefined) return;
      const { span, ready } = places.choose(thread, entryTimeMs(entry.id));
      const written = statements.append(thread, span, entry, seconds);
      // Told where to look and written at once: who asks meanwhile was not promised that it is there.
      await (ready === undefined ? written : Promise.all([written, ready]));
      places.wrote(thread, span);
    },

    async get(thread, id) {
      checkPlace(kind, thread, id);
      const week = await statements.get(thread, spanAt(0, entryTimeMs(id)), id);
      return week ?? (await find(thread, id))[0]?.entry;
    },

    async newestFirst(thread, { before, limit }) {
      checkPlace(kind, thread, before);
      checkLimit(limit);
      return readEntries({ statements, thread, limit, order: 'newest', cursor: before, nowMs: now().getTime() });
    },

    async oldestFirst(thread, { after, limit }) {
      checkPlace(kind, thread, after);
      checkLimit(limit);
      return readEntries({ statements, thread, limit, order: 'oldest', cursor: after, nowMs: now().getTime() });
    },

    async edit(thread, id, { body, time }) {
      checkPlace(kind, thread, id);
      checkBody(body);
      const seconds = secondsLeft(kind, id, now().getTime());
      const found = seconds === undefined ? [] : await find(thread, id);
      const micros = Math.max(time.getTime(), entryTimeMs(id) + 1) * 1_000; // after what was appended
      await Promise.all(
        found.map(({ span }) => statements.edit(thread, span, id, { body, time, micros, seconds: seconds ?? 0 })),
      );
      return found.length > 0;
    },

    async remove(thread, id) {
      checkPlace(kind, thread, id);
      const ms = entryTimeMs(id);
      const micros = removalMicros(Math.max(ms, now().getTime()));
      await Promise.all(levels.map((level) => statements.remove(thread, spanAt(level, ms), id, micros)));
    },

    async removeThread(thread) {
      checkPlace(kind, thread);
      const micros = removalMicros(now().getTime());
      for await (const span of statements.spans(thread)) await statements.removeSpan(thread, span, micros);
    },
  };
}

/** How long Cassandra is to keep an entry: 0 for ever, undefined for one that has expired. */
function secondsLeft(kind: LogKind, id: string, nowMs: number): number | undefined {
  const expires = expiryMs(kind, id);
  if (expires === undefined) return 0;
  const seconds = Math.ceil((expires - nowMs) / 1_000);
  return seconds > 0 ? seconds : undefined;
}
