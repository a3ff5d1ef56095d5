import { finerLevel, type Span, spanAt, timesOf, whole } from './message-log-bucket.ts';
import { entryIdAt, entryTimeMs } from './message-log-id.ts';
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

/** Some entries, and where known, an id that no later entry of the stream comes before. */
type Chunk = { readonly entries: readonly Entry[]; readonly floor?: string };

/** Some entries of a thread in order. Mostly one question: the span in which the cursor lies has enough of them. */
export async function readEntries(reading: Reading): Promise<Entry[]> {
  const { order, cursor, limit } = reading;
  const range: Range = order === 'newest' ? { below: cursor } : { above: cursor };
  const entries: Entry[] = [];
  for await (const chunk of finerEntries(reading, whole, range)) {
    for (const entry of chunk.entries) if (entries.at(-1)?.id !== entry.id) entries.push(entry);
    if (entries.length >= limit) break;
  }
  return entries.slice(0, limit);
}

/** The entries of a span with those of its finer ones, in chunks. */
async function* entriesOf(reading: Reading, span: Span, range: Range): AsyncGenerator<Chunk> {
  const { statements, thread, order, limit } = reading;
  const finer = finerLevel(span);
  async function* rest(from: string | undefined): AsyncGenerator<Chunk> {
    for (let next = from; next !== undefined;) {
      const further: Range = order === 'newest' ? { ...range, below: next } : { ...range, above: next };
      const more = await statements.read(thread, span, further, order, limit);
      yield { entries: more.entries };
      next = more.next;
    }
  }
  if (finer !== undefined && order === 'newest' && statements.finerKnown(thread, span)) {
    // A busy time: what is wanted lies in the finer span of the cursor. Asked at once, beside what the coarser one has of that time.
    const { fromMs } = timesOf(firstFiner(reading, span, range, finer));
    // No entry has that id itself: its random part is zero.
    const floor = entryIdAt(statements.prefix, new Date(fromMs));
    async function* busy(): AsyncGenerator<Chunk> {
      const near = await statements.read(thread, span, { ...range, above: floor }, order, limit);
      if (near.next !== undefined) {
        yield { entries: near.entries };
        yield* rest(near.next);
        return;
      }
      yield { entries: near.entries, floor };
      yield* rest(floor);
    }
    yield* merged(busy(), finerEntries(reading, span, range), order);
    return;
  }
  const first = await statements.read(thread, span, range, order, limit);
  // Where no entry says whether there are finer spans, they are looked for.
  if (first.isFiner === false || finer === undefined) {
    yield { entries: first.entries };
    yield* rest(first.next);
    return;
  }
  async function* own(): AsyncGenerator<Chunk> {
    yield { entries: first.entries };
    yield* rest(first.next);
  }
  yield* merged(own(), finerEntries(reading, span, range, first.isFiner === true), order);
}

/** The finer span of a span in which newest entries are looked for first. */
function firstFiner({ nowMs }: Reading, span: Span, { below }: Range, level: 0 | 1 | 2): Span {
  const latestMs = Math.min(timesOf(span).toMs - 1, nowMs + clocksDifferMs);
  return spanAt(level, Math.min(below === undefined ? latestMs : entryTimeMs(below), latestMs));
}

/** The entries of the finer spans of a span, one span after the other. */
async function* finerEntries(reading: Reading, span: Span, range: Range, isThere = true): AsyncGenerator<Chunk> {
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
    const guess = newest ? firstFiner(reading, span, range, level) : spanAt(level, atMs ?? fromMs);
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
async function* merged(one: AsyncGenerator<Chunk>, other: AsyncGenerator<Chunk>, order: Order): AsyncGenerator<Chunk> {
  const [a, b] = [createHead(one), createHead(other)];
  const isFirst = (x: string, y: string): boolean => (order === 'newest' ? x >= y : x <= y);
  for (;;) {
    await Promise.all([a, b].filter((head) => !head.isReady()).map((head) => head.pull()));
    const entries: Entry[] = [];
    let reached: Head | undefined; // the one that has to read before anything else can be said
    while (a.isReady() && b.isReady() && reached === undefined) {
      const [x, y] = [a.at(), b.at()];
      if (x === undefined && y === undefined) break;
      const first = y === undefined || (x !== undefined && isFirst(x, y)) ? a : b;
      const entry = first.take();
      if (entry === undefined) reached = first;
      else entries.push(entry);
    }
    yield { entries }; // before more is read: it may be enough
    await reached?.pull();
    if (a.isOver() && b.isOver()) return;
  }
}

type Head = ReturnType<typeof createHead>;

function createHead(stream: AsyncGenerator<Chunk>) {
  let chunk: Chunk = { entries: [] };
  let index = 0;
  let over = false;
  const isEmpty = (): boolean => index >= chunk.entries.length;
  return {
    /** Whether it is known what comes next, or what it can't come before. */
    isReady: () => !isEmpty() || chunk.floor !== undefined || over,
    isOver: () => over && isEmpty(),
    /** The id of what comes next, or one that nothing of it comes before; undefined at the end. */
    at: () => chunk.entries[index]?.id ?? chunk.floor,
    take(): Entry | undefined {
      const entry = chunk.entries[index];
      if (entry !== undefined) index++;
      return entry;
    },
    /** Reads on until there is an entry, a floor, or the end. */
    async pull(): Promise<void> {
      do {
        const next = await stream.next();
        over = next.done === true;
        chunk = next.done === true ? { entries: [] } : next.value;
        index = 0;
      } while (isEmpty() && chunk.floor === undefined && !over);
    },
  };
}
