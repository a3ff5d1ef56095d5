import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTaskQueue } from './tasks-queue.postgres.ts';
import { at } from './tasks.testing.ts';
import { schedule } from './tasks.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());

test('who takes tasks hears how long until the next of each kind, of those that are left', async () => {
  const now = at('10:00:00');
  const queue = createTaskQueue({ sql: database, leaseMs: 30_000, now });
  const places = new Map([
    ['mail', 2],
    ['print', 1],
    ['idle', 1],
  ]);
  expect(await queue.take(places)).toEqual({ tasks: [], waitMs: new Map() });
  await schedule(
    database,
    ...['a', 'b'].map((key) => ({ kind: 'mail', key })),
    { kind: 'mail', key: 'later', dueTime: at('10:00:01.5')() },
    ...['a', 'b'].map((key) => ({ kind: 'print', key })),
  );
  const { tasks, waitMs } = await queue.take(places);
  expect(tasks.map(({ kind }) => kind).sort()).toEqual(['mail', 'mail', 'print']);
  expect(waitMs).toEqual(
    new Map([
      ['mail', 1_500],
      ['print', 0],
    ]),
  );
  await database.query('DELETE FROM task');
});
