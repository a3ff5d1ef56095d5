import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());

test('numbers of 64 bits come back exact', async () => {
  expect(await database.query('SELECT 9007199254740993::int8 AS big, ARRAY[1, NULL]::int8[] AS list')).toEqual([
    { big: 9007199254740993n, list: [1n, null] },
  ]);
});

test('a text that PostgreSQL can’t hold is the caller’s fault', async () => {
  await expect(database.query('SELECT $1::text AS text', ['a\u0000b'])).rejects.toMatchObject({
    kind: 'invalid-argument',
    reason: 'CHARACTER_NOT_ALLOWED',
  });
});
