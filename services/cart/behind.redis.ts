import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import type { Database } from '#platform/database.postgres.ts';
import { writeCarts } from './behind.postgres.ts';
import type { Keeper } from './keeper.redis.ts';

export type WriteBehindOptions = {
  readonly keeper: Keeper;
  readonly database: Database;
  /** Under which the service remembers events: those in a cart are remembered together with it. */
  readonly group: string;
  /** Tells this writer from others. */
  readonly writer: string;
  readonly log: Logger;
  readonly metrics?: Registry;
};

export type WriteBehind = {
  /** Something was saved: soon it is written. */
  wake(): void;
  /** Resolves when all that was saved before is written; rejects when PostgreSQL or Redis is away, or others take too long. */
  drain(): Promise<void>;
  /** Writes what it can in some seconds, then ends. The rest stays in Redis, for other processes or the next start. */
  close(): Promise<void>;
};

const gatherMs = 20; // so long a cart waits for others that go in the same statement
const everyMs = 1_000; // finds what a process that was killed has left
const othersMs = 50; // between two looks whether another writer is done
const drainMs = 20_000; // outlasts the turn of a writer that was killed
const closeMs = 5_000;

/**
 * Tells PostgreSQL what carts have become. Redis notes what is to be told in the very step that changes it, so that whoever is killed leaves nothing
 * untold; every process writes, one at a time.
 */
export function startWriteBehind(options: WriteBehindOptions): WriteBehind {
  const { keeper, database, group, writer, log } = options;
  const closed = new AbortController();
  let rounds: Promise<void> = Promise.resolve();
  let soon: NodeJS.Timeout | undefined;

  /** Writes batch after batch until there is no more. False when another writer has its turn. */
  async function round(): Promise<boolean> {
    for (;;) {
      const taken = await keeper.take(writer);
      if (taken === undefined) return false;
      try {
        if (taken.carts.length > 0) await writeCarts(database, group, taken.carts);
      } catch (error) {
        await keeper.clean(writer, { ...taken, carts: [] }).catch(() => undefined); // gives the turn to another
        throw error;
      }
      await keeper.clean(writer, taken);
      if (taken.carts.length === 0) return true;
    }
  }

  /** One round after the other. */
  function next(): Promise<boolean> {
    const mine = rounds.then(round);
    rounds = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  }

  function plan(ms: number): void {
    if (closed.signal.aborted) return;
    soon ??= setTimeout(() => {
      soon = undefined;
      next().then(
        (done) => {
          if (!done) plan(othersMs);
        },
        (error: unknown) =>
          log.warn({ err: error }, 'carts wait in Redis to be written behind; the next round catches up'),
      );
    }, ms);
  }

  async function drain(limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!(await next())) {
      if (performance.now() > endMs) throw new Error('another process has been writing carts behind for too long');
      await new Promise((resolve) => setTimeout(resolve, othersMs));
    }
  }

  const timer = setInterval(() => plan(0), everyMs);
  timer.unref();
  if (options.metrics !== undefined) registerGauges(options.metrics, keeper);
  return {
    wake: () => plan(gatherMs),
    drain: () => drain(drainMs),
    async close() {
      closed.abort();
      clearInterval(timer);
      clearTimeout(soon);
      await drain(closeMs).catch((error: unknown) =>
        log.warn({ err: error }, 'carts are left in Redis to be written behind by others, or after the next start'),
      );
    },
  };
}

function registerGauges(registry: Registry, keeper: Keeper): void {
  const none = { carts: Number.NaN, waitedMs: Number.NaN }; // while Redis is away nobody knows
  const ask = () => keeper.unwritten().catch(() => none);
  new Gauge({
    name: 'cart_unwritten',
    help: 'Carts in Redis that PostgreSQL has yet to be told of.',
    registers: [registry],
    async collect() {
      this.set((await ask()).carts);
    },
  });
  new Gauge({
    name: 'cart_unwritten_seconds',
    help: 'How long the first of them has waited.',
    registers: [registry],
    async collect() {
      this.set((await ask()).waitedMs / 1_000);
    },
  });
}
