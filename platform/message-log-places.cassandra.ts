import { finerLevel, nextCountAfter, parentOf, type Span, spanAt } from './message-log-bucket.ts';
import type { LogStatements } from './message-log-statements.cassandra.ts';

/** Where entries are to be written. */
export type Places = {
  /** The span for an entry of that time, and what must be done before the entry counts as written: undefined when nothing. */
  choose(thread: string, ms: number): { readonly span: Span; readonly ready: Promise<void> | undefined };
  /** An entry was added there. */
  wrote(thread: string, span: Span): void;
};

type Known = {
  /** Whether readers find the span: undefined until that is written. */
  ready: Promise<void> | undefined;
  isReady: boolean;
  isFull: boolean;
  /** Entries that this process may still add before it counts again. */
  left: number;
};

const remembered = 20_000; // spans; some 200 bytes each

/**
 * Remembers of the spans that this process writes whether readers know them, and whether they are full. What is forgotten is written
 * or counted again, so nothing is wrong after a restart.
 */
export function createPlaces(statements: Pick<LogStatements, 'addSpan' | 'count'>, room: number): Places {
  const known = new Map<string, Known>();

  function knownOf(thread: string, { level, slot }: Span): Known {
    const key = `${level} ${slot} ${thread}`;
    const found = known.get(key) ?? {
      ready: undefined,
      isReady: false,
      isFull: false,
      left: nextCountAfter(undefined, room),
    };
    known.delete(key); // the one asked for last stands at the end
    known.set(key, found);
    for (const oldest of known.keys()) {
      if (known.size <= remembered) break;
      known.delete(oldest);
    }
    return found;
  }

  /** Has readers told of a span, and of those that hold it. */
  function introduce(thread: string, span: Span): Promise<void> | undefined {
    const about = knownOf(thread, span);
    if (about.isReady) return undefined;
    about.ready ??= (async () => {
      const parent = parentOf(span);
      try {
        await Promise.all([
          statements.addSpan(thread, parent, span),
          parent.level === -1 ? undefined : introduce(thread, parent),
        ]);
        about.isReady = true;
      } finally {
        about.ready = undefined; // tried again with the next entry when it failed
      }
    })();
    return about.ready;
  }

  return {
    choose(thread, ms) {
      let span = spanAt(0, ms);
      for (;;) {
        const finer = knownOf(thread, span).isFull ? finerLevel(span) : undefined;
        if (finer === undefined) return { span, ready: introduce(thread, span) };
        span = spanAt(finer, ms);
      }
    },

    wrote(thread, span) {
      if (finerLevel(span) === undefined) return;
      const about = knownOf(thread, span);
      about.left--;
      if (about.left !== 0) return;
      statements.count(thread, span).then(
        (count) => {
          about.isFull = count >= room;
          about.left = nextCountAfter(count, room);
        },
        () => {
          about.left = nextCountAfter(undefined, room);
        },
      );
    },
  };
}
