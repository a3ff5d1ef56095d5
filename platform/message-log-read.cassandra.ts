import { finerLevel, type Span, spanAt, timesOf, whole } from './message-log-bucket.ts';
import { entryTimeMs } from './message-log-id.ts';
import type { LogStatements, Order, Range } from './message-log-statements.cassandra.ts';
import { clocksDifferMs, type Entry } from './message-log.ts';

export type Reading = {
  readonly statements: LogStatements;
  readonly thread: string;
  readonly order: Order;
  /** Where to begin: the id of an entry, which is not among the answers. */
  readonly cursor: string | undefined;
  readonly limit: number;
  readonly nowMs: number;
};

const spansAtOnce = 20;

/** Some entries of a thread in order. Mostly one question: the span in which the cursor lies has enough of them. */
export async function readEntries(reading: Reading): Promise<Entry[]> {
  const { order, cursor, limit } = reading;
  const range: Range = order === 'newest' ? { below: cursor } : { above: cursor };
  const entries: Entry[] = [];
  for await (const chunk of finerEntries(reading, whole, range)) {
    for (const entry of chunk) if (entries.at(-1)?.id !== entry.id) entries.push(entry);
    if (entries.length >= limit) break;
  }
  return entries.slice(0, limit);
}

/** The entries of a span with those of its finer ones, in chunks. */
async function* entriesOf(reading: Reading, span: Span, range: Range): AsyncGenerator<Entry[]> {
  const { statements, thread, order, limit } = reading;
  const first = await statements.read(thread, span, range, order, limit);
  const finer = finerLevel(span);
  // Where no entry says whether there are finer spans, they are looked for.
  if (first.isFiner === false || finer === undefined) {
    yield first.entries;
    yield* rest(first.next);
    return;
  }
  async function* own(): AsyncGenerator<Entry[]> {
    yield first.entries;
    yield* rest(first.next);
  }
  async function* rest(from: string | undefined): AsyncGenerator<Entry[]> {
    for (let next = from; next !== undefined;) {
      const further: Range = order === 'newest' ? { ...range, below: next } : { ...range, above: next };
      const more = await statements.read(thread, span, further, order, limit);
      yield more.entries;
      next = more.next;
    }
  }
  yield* merged(own(), finerEntries(reading, span, range, first.isFiner === true), order);
}

/** The entries of the finer spans of a span, one span after the other. */
async function* finerEntries(reading: Reading, span: Span, range: Range, isThere = true): AsyncGenerator<Entry[]> {
  const { statements, thread, order, nowMs } = reading;
  const level = finerLevel(span);
  if (level === undefined) return;
  const { fromMs, toMs } = timesOf(span);
  const newest = order === 'newest';
  // Entries lie at most so far ahead.
  const latestMs = Math.min(toMs - 1, nowMs + clocksDifferMs);
  const cursor = newest ? range.below : range.above;
  const atMs = cursor === undefined ? undefined : entryTimeMs(cursor);
  let beyond: number;
  if (newest ? isThere : isThere && atMs !== undefined && atMs >= fromMs) {
    // The span of the cursor is the likeliest to have what is wanted: it is read before anybody is asked which there are.
    const guess = spanAt(level, newest ? Math.min(atMs ?? latestMs, latestMs) : (atMs ?? fromMs));
    yield* entriesOf(reading, guess, range);
    beyond = guess.slot;
  } else {
    beyond = newest ? spanAt(level, Math.min(atMs ?? latestMs, latestMs)).slot + 1 : startSlot(level, fromMs, atMs) - 1;
  }
  // Nothing comes after the span of now.
  const last = spanAt(level, latestMs).slot;
  for (;;) {
    if (!newest && beyond >= last) return;
    const found = await statements.children(thread, span, order, beyond, spansAtOnce);
    for (const child of found) {
      yield* entriesOf(reading, child, range);
      beyond = child.slot;
    }
    if (found.length < spansAtOnce) return;
  }
}

function startSlot(level: 0 | 1 | 2, fromMs: number, atMs: number | undefined): number {
  return spanAt(level, Math.max(fromMs, atMs ?? 0, 0)).slot;
}

/** Two streams in order as one. */
async function* merged(
  one: AsyncGenerator<Entry[]>,
  other: AsyncGenerator<Entry[]>,
  order: Order,
): AsyncGenerator<Entry[]> {
  const streams = [createHead(one), createHead(other)] as const;
  for (;;) {
    const [a, b] = await Promise.all([streams[0].peek(), streams[1].peek()]);
    if (a === undefined && b === undefined) return;
    if (a === undefined || b === undefined) {
      yield (a === undefined ? streams[1] : streams[0]).takeAll();
      continue;
    }
    const chunk: Entry[] = [];
    // As far as both are known.
    for (let x = streams[0].now(), y = streams[1].now(); x !== undefined && y !== undefined;) {
      const takesFirst = order === 'newest' ? x.id >= y.id : x.id <= y.id;
      chunk.push(takesFirst ? x : y);
      streams[takesFirst ? 0 : 1].drop();
      x = streams[0].now();
      y = streams[1].now();
    }
    yield chunk;
  }
}

function createHead(stream: AsyncGenerator<Entry[]>) {
  let chunk: Entry[] = [];
  let index = 0;
  let isOver = false;
  return {
    now: () => chunk[index],
    drop: () => void index++,
    async peek() {
      while (index >= chunk.length && !isOver) {
        const next = await stream.next();
        isOver = next.done === true;
        chunk = next.done === true ? [] : next.value;
        index = 0;
      }
      return chunk[index];
    },
    takeAll() {
      const rest = chunk.slice(index);
      index = chunk.length;
      return rest;
    },
  };
}
