import { createHash } from 'node:crypto';
import { providerAway, type Provider } from './provider.ts';

/** How badly the test provider behaves: chances from 0 to 1. */
export type Faults = {
  readonly seed: number;
  /** A call fails before anything was done. */
  readonly fail: number;
  /** A call fails after it was done. */
  readonly loseAnswer: number;
  /** The bank declines. */
  readonly decline: number;
  /** Answers and events are late. */
  readonly delay: number;
  /** An event comes twice. */
  readonly repeat: number;
  /** An event comes after those that follow it. */
  readonly reorder: number;
  readonly maxDelayMs: number;
};

const none: Faults = {
  seed: 1,
  fail: 0,
  loseAnswer: 0,
  decline: 0,
  delay: 0,
  repeat: 0,
  reorder: 0,
  maxDelayMs: 1_000,
};
const chances: ReadonlyMap<string, keyof Faults> = new Map([
  ['fail', 'fail'],
  ['lose-answer', 'loseAnswer'],
  ['decline', 'decline'],
  ['delay', 'delay'],
  ['repeat', 'repeat'],
  ['reorder', 'reorder'],
]);
const wholes: ReadonlyMap<string, keyof Faults> = new Map([
  ['seed', 'seed'],
  ['max-delay', 'maxDelayMs'],
]);
const maxDelayMs = 60_000;
const maxCounted = 100_000; // calls whose number is remembered

/** Reads "seed=7,fail=0.1,delay=0.3,max-delay=2000"; undefined when it can't be read. */
export function parseFaults(text: string): Faults | undefined {
  let faults = none;
  const seen = new Set<string>();
  for (const part of text.split(',').filter((one) => one.trim() !== '')) {
    const [, name = '', value = ''] = /^\s*([a-z-]+)=(\d+(?:\.\d+)?)\s*$/.exec(part) ?? [];
    const field = chances.get(name) ?? wholes.get(name);
    const number = Number(value);
    if (field === undefined || seen.has(name)) return undefined;
    if (chances.has(name) ? number > 1 : !Number.isSafeInteger(number)) return undefined;
    if (name === 'max-delay' && number > maxDelayMs) return undefined;
    seen.add(name);
    faults = { ...faults, [field]: number };
  }
  return faults;
}

/** A number from 0 to below 1 that depends on the seed and the name alone, so that a seed tells the same run again. */
export function draw(seed: number, name: string): number {
  return createHash('sha256').update(`${seed} ${name}`).digest().readUInt32BE() / 2 ** 32;
}

/** When the event comes, in milliseconds from now: once, or more often. */
export function arrivals({ seed, delay, repeat, reorder, maxDelayMs: most }: Faults, eventId: string): number[] {
  const late = draw(seed, `delay ${eventId}`) < delay ? draw(seed, `by ${eventId}`) * most : 0;
  const later = draw(seed, `reorder ${eventId}`) < reorder ? most * (0.5 + draw(seed, `after ${eventId}`) / 2) : 0;
  const first = Math.round(late + later);
  return draw(seed, `repeat ${eventId}`) < repeat
    ? [first, first + Math.round(draw(seed, `again ${eventId}`) * most)]
    : [first];
}

/** The provider, with faults in its calls. What is drawn depends on what is called, and the how manieth time. */
export function withFaults(provider: Provider, faults: Faults): Provider {
  const counts = new Map<string, number>();

  async function call<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const count = (counts.get(name) ?? 0) + 1;
    counts.delete(name);
    counts.set(name, count);
    for (const [oldest] of counts) {
      if (counts.size <= maxCounted) break;
      counts.delete(oldest);
    }
    const id = `${name} ${count}`;
    const chance = (fault: string): number => draw(faults.seed, `${fault} ${id}`);
    if (chance('delay') < faults.delay) await wait(chance('by') * faults.maxDelayMs, signal);
    if (chance('fail') < faults.fail) throw providerAway(new Error(`${id} was made to fail`));
    const answer = await work();
    if (chance('lose-answer') < faults.loseAnswer) throw providerAway(new Error(`the answer of ${id} was lost`));
    return answer;
  }

  return {
    ...provider,
    createOrder: (order, signal) =>
      call(`createOrder ${order.receipt}`, signal, () => provider.createOrder(order, signal)),
    listCharges: (orderId, signal) =>
      call(`listCharges ${orderId}`, signal, () => provider.listCharges(orderId, signal)),
    findCharge: (id, signal) => call(`findCharge ${id}`, signal, () => provider.findCharge(id, signal)),
    capture: (id, amount, signal) => call(`capture ${id}`, signal, () => provider.capture(id, amount, signal)),
    refund: (refund, signal) => call(`refund ${refund.refundId}`, signal, () => provider.refund(refund, signal)),
  };
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(providerAway(signal.reason));
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', late, { once: true });
    function done(): void {
      signal.removeEventListener('abort', late);
      resolve();
    }
    function late(): void {
      clearTimeout(timer);
      reject(providerAway(signal.reason));
    }
  });
}
