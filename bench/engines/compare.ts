/** One way of doing a thing: `call` counts its calls, so that each can have a key of its own. */
export type Work = (call: number) => unknown;

export type CompareOptions = {
  /** How many calls at a time, each measured by itself: 1 and 16 unless told. */
  readonly inFlight?: readonly number[];
  /** How many operations a call is: 1 unless told. */
  readonly each?: number;
};

/** Measures ways of doing the same thing and prints a row of each; the others are compared with the first, which is the bare driver where there is one. */
export type Compare = (what: string, ways: Readonly<Record<string, Work>>, options?: CompareOptions) => Promise<void>;

type Side = { readonly name: string; readonly work: Work; count: number; ms: number; micros: number; tookMs: number[] };

const sliceMs = 50; // short beside what disturbs a machine that others work on, and long beside one call
const warmCalls = 300; // each statement is prepared on each connection, and the code is compiled

/**
 * The ways take turns of one short slice within one run, forwards and backwards, so that what else the machine does hits all alike.
 * Processor time is that of this process alone, which a busy machine changes little: the driver's and the adapter's, not the engine's.
 */
export function createCompare(seconds: number, print: (row: string) => void, stopping: AbortSignal): Compare {
  return async (what, ways, { inFlight = [1, 16], each = 1 } = {}) => {
    const sides = Object.entries(ways).map(([name, work]): Side => ({ name, work, ...nothing() }));
    for (const side of sides) for (let call = 0; call < warmCalls / each; call++) await side.work(side.count++);
    for (const atOnce of inFlight) {
      for (const side of sides) await slice(side, atOnce, stopping);
      for (const side of sides) Object.assign(side, { ...nothing(), count: side.count });
      const before = new Map(sides.map((side) => [side, side.count]));
      for (let round = 0; round < (seconds * 1_000) / sliceMs; round++)
        for (const side of round % 2 === 0 ? sides : sides.toReversed()) await slice(side, atOnce, stopping);
      const rows = sides.map((side) => figuresOf(side, (side.count - (before.get(side) ?? 0)) * each));
      for (const [place, { name }] of sides.entries()) {
        const [own, first] = [rows[place], rows[0]];
        if (own !== undefined && first !== undefined) print(`| ${what} | ${atOnce} | ${name} | ${cells(own, first)} |`);
      }
    }
  };
}

export const compareHeader = `| operation | in flight | through | a second | p50 ms | p99 ms | our CPU µs | p50 of the first | CPU of the first |
|---|---:|---|---:|---:|---:|---:|---:|---:|`;

const nothing = () => ({ count: 0, ms: 0, micros: 0, tookMs: [] });

async function slice(side: Side, atOnce: number, stopping: AbortSignal): Promise<void> {
  stopping.throwIfAborted();
  const beganMs = performance.now();
  const before = process.cpuUsage();
  async function one(): Promise<void> {
    for (let at = beganMs; at - beganMs < sliceMs;) {
      await side.work(side.count++);
      const doneMs = performance.now();
      side.tookMs.push(doneMs - at);
      at = doneMs;
    }
  }
  await Promise.all(Array.from({ length: atOnce }, one));
  side.ms += performance.now() - beganMs;
  const { user, system } = process.cpuUsage(before);
  side.micros += user + system;
}

type Figures = { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number; readonly micros: number };

function figuresOf({ ms, micros, tookMs }: Side, operations: number): Figures {
  const sorted = Float64Array.from(tookMs).sort();
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? NaN;
  return { perSecond: (operations / ms) * 1_000, p50Ms: at(0.5), p99Ms: at(0.99), micros: micros / operations };
}

function cells({ perSecond, p50Ms, p99Ms, micros }: Figures, first: Figures): string {
  const percent = (own: number, of: number): string => `${Math.round((own / of) * 100)}%`;
  return [
    Math.round(perSecond).toLocaleString('en'),
    ...[p50Ms, p99Ms].map((ms) => ms.toFixed(3)),
    micros.toFixed(1),
    percent(p50Ms, first.p50Ms),
    percent(micros, first.micros),
  ].join(' | ');
}
