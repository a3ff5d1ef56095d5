import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createTaskQueue, type TakenTask } from './tasks-queue.postgres.ts';
import { schedule, unschedule } from './tasks.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());
afterEach(async () => {
  await database.query('DELETE FROM task');
});

const leaseMs = 10_000;
const keys = ['a', 'b'] as const; // few, so that much happens to each
const startMs = Date.UTC(2026, 2, 1);

type Key = (typeof keys)[number];

/** What may happen, in any order. `who` picks one of the runs that have not said yet how they ended; a run that is never picked was killed. */
type Step =
  | { readonly do: 'schedule'; readonly key: Key; readonly inMs: number }
  | { readonly do: 'unschedule'; readonly key: Key }
  | { readonly do: 'take'; readonly places: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'end'; readonly who: number; readonly how: 'done' | 'again' | 'fail' | 'bury' };

const key = fc.constantFrom(...keys);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('schedule'), key, inMs: fc.constantFrom(-1, 0, 3_000, 20_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unschedule'), key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('take'), places: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(1_000, 4_000, leaseMs + 1) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('end'),
      who: fc.nat({ max: 5 }),
      how: fc.constantFrom('done', 'again', 'fail', 'bury'),
    }),
  },
);

/** What is true of a key: what was asked for last, and who is believed to be doing it. */
type Wish = {
  body: number;
  dueMs: number;
  state: 'waiting' | 'settled' | 'dead';
  holder: TakenTask | undefined;
  leaseEndMs: number;
};

test('whatever happens, nobody else has a task under lease, and what was scheduled last is done, is dead or still waits', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      await database.query('DELETE FROM task');
      let clockMs = startMs;
      let body = 0;
      const queue = createTaskQueue({ sql: database, leaseMs, now: () => new Date(clockMs) });
      const wishes = new Map<string, Wish>();
      const runs: TakenTask[] = [];

      const take = async (places: number): Promise<TakenTask[]> => {
        const { tasks: taken } = await queue.take(new Map([['mail', places]]));
        for (const task of taken) {
          const wish = wishes.get(task.key);
          if (wish === undefined) throw new Error(`${task.key} was taken back`);
          expect(wish.state).toBe('waiting');
          expect(wish.dueMs).toBeLessThanOrEqual(clockMs);
          expect(wish.leaseEndMs).toBeLessThanOrEqual(clockMs); // nobody else has it
          expect(task.body).toBe(wish.body);
          Object.assign(wish, { holder: task, leaseEndMs: clockMs + leaseMs });
        }
        return [...taken];
      };

      const end = async (task: TakenTask, how: 'done' | 'again' | 'fail' | 'bury'): Promise<void> => {
        const wish = wishes.get(task.key);
        const speaks = wish?.holder?.claim === task.claim;
        const current = speaks && wish.body === task.body;
        if (how === 'done') await queue.done(task, undefined);
        if (how === 'again') await queue.done(task, new Date(clockMs + 5_000));
        if (how === 'fail') await queue.release(task, { waitMs: 2_000, error: 'x', counted: true });
        if (how === 'bury') expect(await queue.bury(task, 'x')).toBe(current);
        if (!speaks) return; // too late: the task is another's, or nobody's
        Object.assign(wish, { holder: undefined, leaseEndMs: 0 });
        if (!current) return; // it was scheduled again meanwhile
        if (how === 'done') wish.state = 'settled';
        if (how === 'again') wish.dueMs = clockMs + 5_000;
        if (how === 'fail') wish.dueMs = clockMs + 2_000;
        if (how === 'bury') wish.state = 'dead';
      };

      for (const each of steps) {
        switch (each.do) {
          case 'schedule': {
            const dueTime = each.inMs < 0 ? undefined : new Date(clockMs + each.inMs);
            body++;
            await database.transaction((tx) => schedule(tx, { kind: 'mail', key: each.key, body, dueTime }));
            const before = wishes.get(each.key);
            const held = before?.state === 'waiting' && before.holder !== undefined;
            wishes.set(each.key, {
              body,
              dueMs: dueTime?.getTime() ?? 0,
              state: 'waiting',
              holder: held ? before.holder : undefined,
              leaseEndMs: held ? before.leaseEndMs : 0,
            });
            break;
          }
          case 'unschedule':
            await database.transaction((tx) => unschedule(tx, 'mail', each.key));
            wishes.delete(each.key);
            break;
          case 'take':
            runs.push(...(await take(each.places)));
            break;
          case 'pass':
            clockMs += each.ms;
            break;
          case 'end': {
            const [task] = runs.splice(each.who % Math.max(1, runs.length), 1);
            if (task !== undefined) await end(task, each.how);
          }
        }
      }
      // Everybody who still had one was killed, and time goes on until nothing is left.
      clockMs += 60_000;
      for (let taken = await take(3); taken.length > 0; taken = await take(3))
        for (const task of taken) await end(task, 'done');
      const left = await database.query<{ key: string }>('SELECT key FROM task WHERE dead_time IS NULL');
      expect(left).toEqual([]);
      const dead = await database.query<{ key: string }>('SELECT key FROM task ORDER BY key');
      expect([...wishes.values()].filter(({ state }) => state === 'waiting')).toEqual([]);
      expect(dead.map(({ key }) => key)).toEqual(keys.filter((key) => wishes.get(key)?.state === 'dead'));
    }),
    { numRuns: 80 },
  );
}, 60_000);
