import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { engineAway } from './engine.ts';
import { createPostgresLocks } from './lock.postgres.ts';
import { startSweeping } from './sweeping.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());

const everyMs = 40;

/** Counts rounds until there were so many, and how long that took. */
function countTo(most: number) {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const begunMs = performance.now();
  let rounds = 0;
  return {
    async sweep(): Promise<number> {
      if (++rounds === most) resolve();
      return 0;
    },
    async all(): Promise<{ readonly rounds: number; readonly tookMs: number }> {
      await reached;
      return { rounds, tookMs: performance.now() - begunMs };
    },
  };
}

test('of several processes that take turns one does a round', async () => {
  const counting = countTo(5);
  const failures: unknown[] = [];
  const processes = Array.from({ length: 4 }, () =>
    startSweeping({
      everyMs,
      batch: 10,
      sweeps: [() => counting.sweep()],
      turn: { locks: createPostgresLocks(database), name: 'rounds' },
      onError: (error) => failures.push(error),
    }),
  );
  const { rounds, tookMs } = await counting.all();
  await Promise.all(processes.map((one) => one.close()));
  expect(failures).toEqual([]);
  expect(rounds).toBeLessThanOrEqual(tookMs / (0.9 * everyMs) + 1);
});

test('while the engine of the locks is away each process does its rounds', async () => {
  const counting = countTo(3);
  const away = () => Promise.reject(engineAway('Redis', new Error('gone')));
  const sweeping = startSweeping({
    everyMs,
    batch: 10,
    sweeps: [() => counting.sweep()],
    turn: { locks: { hold: away, tryHold: away }, name: 'rounds' },
    onError: (error) => {
      throw error;
    },
  });
  expect((await counting.all()).rounds).toBe(3);
  await sweeping.close();
});
