/**
 * Where the entries of a thread lie: in spans of a week, and those of a busy time in finer ones, an hour or ten seconds. Each entry has
 * one place on each level, known from its time alone. A writer begins at the week, and goes a level finer once the span there is full;
 * readers merge the levels. So nothing depends on when one process hears of another, and a repeat on another level is the same entry.
 */
export type Span = {
  /** -1 is the thread as a whole, which holds no entries. */
  readonly level: -1 | 0 | 1 | 2;
  /** Of the spans of that width since 1970, which one. */
  readonly slot: number;
};

const widthMs = [604_800_000, 3_600_000, 10_000] as const;

/** The most entries that a writer finds in a span before it goes a level finer. The last level takes all. */
export const usualRoom = 60_000;

export const whole: Span = { level: -1, slot: 0 };

/** The span of a level that a time lies in. */
export function spanAt(level: 0 | 1 | 2, ms: number): Span {
  return { level, slot: Math.floor(ms / widthMs[level]) };
}

/** The level below; undefined for the finest. */
export function finerLevel({ level }: Span): 0 | 1 | 2 | undefined {
  if (level === 2) return undefined;
  return level === -1 ? 0 : level === 0 ? 1 : 2;
}

/** The span that holds this one. */
export function parentOf({ level, slot }: Span): Span {
  if (level === -1 || level === 0) return whole;
  return spanAt(level === 2 ? 1 : 0, slot * widthMs[level]);
}

/** When a span begins and ends, in Unix milliseconds; the whole has neither. */
export function timesOf({ level, slot }: Span): { readonly fromMs: number; readonly toMs: number } {
  if (level === -1) return { fromMs: -Infinity, toMs: Infinity };
  return { fromMs: slot * widthMs[level], toMs: (slot + 1) * widthMs[level] };
}

/**
 * How many entries a writer may add to a span before it counts again what is there: an eighth of the room that was left, so that ten
 * writers together don't go far beyond it.
 */
export function nextCountAfter(counted: number | undefined, room: number): number {
  if (counted === undefined) return Math.ceil(room / 300);
  return Math.ceil(Math.min(room / 12, Math.max(room / 120, (room - counted) / 8)));
}
