import { types } from 'cassandra-driver';
import type { CassandraConnection } from './connection.cassandra.ts';
import { finerLevel, type Span, whole } from './message-log-bucket.ts';
import { entryTimeMs, idOfUuid, uuidBounds, uuidOf } from './message-log-id.ts';
import type { Entry, LogKind, NewEntry } from './message-log.ts';

/** Between two ids, neither of them included; without one there is no bound. */
export type Range = { readonly above?: string | undefined; readonly below?: string | undefined };

export type Order = 'newest' | 'oldest';

/** What is asked of Cassandra for one log. */
export type LogStatements = ReturnType<typeof createLogStatements>;

type Edit = { readonly body: Uint8Array; readonly time: Date; readonly micros: number; readonly seconds: number };

const least = new types.TimeUuid(uuidBounds.least);
const greatest = new types.TimeUuid(uuidBounds.greatest);
const spansAtOnce = 100;
const remembered = 10_000;

/** The statements of a log: each may be done again, since each says its own time. */
export function createLogStatements({ ask, keyspace }: Pick<CassandraConnection, 'ask' | 'keyspace'>, kind: LogKind) {
  const { name: log, prefix, keepDays } = kind;
  const entries = `${keyspace}.${keepDays === undefined ? 'entry_kept' : 'entry_expiring'}`;
  const spans = `${keyspace}.span`;
  // A week is known for as long as the last of its entries is kept.
  const spanSeconds = keepDays === undefined ? 0 : (keepDays + 14) * 86_400;
  const here = 'log = ? AND thread = ? AND level = ? AND slot = ?';
  const columns = 'id, author, type, body, edited, finer';

  const text = {
    append: `INSERT INTO ${entries} (log, thread, level, slot, id, author, type, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?`,
    edit: `UPDATE ${entries} USING TIMESTAMP ? AND TTL ? SET body = ?, edited = ? WHERE ${here} AND id = ?`,
    get: `SELECT ${columns} FROM ${entries} WHERE ${here} AND id = ?`,
    newest: `SELECT ${columns} FROM ${entries} WHERE ${here} AND id > ? AND id < ? LIMIT ?`,
    oldest: `SELECT ${columns} FROM ${entries} WHERE ${here} AND id > ? AND id < ? ORDER BY id ASC LIMIT ?`,
    count: `SELECT count(*) FROM ${entries} WHERE ${here}`,
    remove: `DELETE FROM ${entries} USING TIMESTAMP ? WHERE ${here} AND id = ?`,
    // Not the whole partition: that would take the mark of finer spans with it, which writers believe is there.
    removeSpan: `DELETE FROM ${entries} USING TIMESTAMP ? WHERE ${here} AND id >= ? AND id <= ?`,
    markFiner: `UPDATE ${entries} USING TTL ? SET finer = true WHERE ${here}`,
    addSpan: `INSERT INTO ${spans} (log, thread, level, slot, child) VALUES (?, ?, ?, ?, ?) USING TTL ?`,
    newestSpans: `SELECT child FROM ${spans} WHERE ${here} AND child < ? LIMIT ?`,
    oldestSpans: `SELECT child FROM ${spans} WHERE ${here} AND child > ? ORDER BY child ASC LIMIT ?`,
  };

  function entryOf(row: types.Row): Entry | undefined {
    const author: unknown = row['author'];
    const id: unknown = row['id'];
    const edited: unknown = row['edited'];
    // An edit that came after a removal left a row without an author.
    if (!(id instanceof types.Uuid) || typeof author !== 'string') return undefined;
    return {
      id: idOfUuid(prefix, id.getBuffer()),
      author,
      type: String(row['type']),
      body: Buffer.isBuffer(row['body']) ? row['body'] : Buffer.alloc(0),
      ...(edited instanceof Date && { editTime: edited }),
    };
  }

  const busy = new Set<string>(); // spans that were seen to have finer ones: they have them for ever

  const place = (thread: string, { level, slot }: Span): [string, string, number, number] => [log, thread, level, slot];

  async function children(thread: string, span: Span, order: Order, beyond: number, limit: number): Promise<Span[]> {
    const level = finerLevel(span);
    if (level === undefined) return [];
    const statement = order === 'newest' ? text.newestSpans : text.oldestSpans;
    const { rows } = await ask(statement, [...place(thread, span), beyond, limit]);
    return rows.map((row) => ({ level, slot: Number(row['child']) }));
  }

  async function* below(thread: string, span: Span): AsyncIterable<Span> {
    let beyond = -1;
    for (;;) {
      const found = await children(thread, span, 'oldest', beyond, spansAtOnce);
      for (const child of found) {
        yield* below(thread, child);
        yield child;
        beyond = child.slot;
      }
      if (found.length < spansAtOnce) return;
    }
  }

  return {
    prefix,

    /** Whether this process has seen that a span has finer ones. Where it has not, there may be some all the same. */
    finerKnown: (thread: string, { level, slot }: Span): boolean => busy.has(`${level} ${slot} ${thread}`),

    async append(thread: string, span: Span, { id, author, type, body }: NewEntry, seconds: number): Promise<void> {
      const uuid = uuidOf(id);
      await ask(text.append, [
        ...place(thread, span),
        ...[new types.TimeUuid(uuid), author, type, asBuffer(body), longOf(entryTimeMs(id) * 1_000), seconds],
      ]);
    },

    async edit(thread: string, span: Span, id: string, { body, time, micros, seconds }: Edit): Promise<void> {
      await ask(text.edit, [
        ...[longOf(micros), seconds, asBuffer(body), time],
        ...[...place(thread, span), new types.TimeUuid(uuidOf(id))],
      ]);
    },

    async get(thread: string, span: Span, id: string): Promise<Entry | undefined> {
      const { rows } = await ask(text.get, [...place(thread, span), new types.TimeUuid(uuidOf(id))]);
      return rows.map(entryOf)[0];
    },

    /** Entries of one span, and whether there are more in finer ones; undefined when no entry was there to say it. */
    async read(thread: string, span: Span, { above, below }: Range, order: Order, limit: number) {
      const { rows } = await ask(text[order], [
        ...place(thread, span),
        above === undefined ? least : new types.TimeUuid(uuidOf(above)),
        below === undefined ? greatest : new types.TimeUuid(uuidOf(below)),
        limit,
      ]);
      const isFiner = rows.length === 0 ? undefined : rows[0]?.['finer'] === true;
      if (isFiner === true) busy.add(`${span.level} ${span.slot} ${thread}`);
      if (busy.size > remembered) busy.clear();
      const last: unknown = rows.at(-1)?.['id'];
      return {
        entries: rows.map(entryOf).filter((entry) => entry !== undefined),
        isFiner,
        /** Where to read on; undefined at the end. */
        next: rows.length < limit || !(last instanceof types.Uuid) ? undefined : idOfUuid(prefix, last.getBuffer()),
      };
    },

    async count(thread: string, span: Span): Promise<number> {
      const { rows } = await ask(text.count, place(thread, span));
      return Number(rows[0]?.['count'] ?? 0);
    },

    async remove(thread: string, span: Span, id: string, micros: number): Promise<void> {
      await ask(text.remove, [longOf(micros), ...[...place(thread, span), new types.TimeUuid(uuidOf(id))]]);
    },

    /** Erases the entries of a span. */
    async removeSpan(thread: string, span: Span, micros: number): Promise<void> {
      await ask(text.removeSpan, [longOf(micros), ...place(thread, span), least, greatest]);
    },

    /** Makes a span known to readers, and to its parent that it has finer ones. */
    async addSpan(thread: string, parent: Span, child: Span): Promise<void> {
      await Promise.all([
        ask(text.addSpan, [...place(thread, parent), child.slot, spanSeconds]),
        parent.level === -1 ? undefined : ask(text.markFiner, [spanSeconds, ...place(thread, parent)]),
      ]);
    },

    /** Those of the next level that hold entries, beyond a slot. */
    children,

    /** All that a thread has, finer ones before those that hold them. */
    spans: (thread: string) => below(thread, whole),
  };
}

// JavaScript's numbers are doubles to the driver.
function longOf(value: number): ReturnType<typeof types.Long.fromNumber> {
  return types.Long.fromNumber(value);
}

// The driver takes a Buffer for a blob, and no other bytes.
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
