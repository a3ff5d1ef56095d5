import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { lockContract } from './lock.contract.ts';
import { createPostgresLeases, createPostgresLocks } from './lock.postgres.ts';
import { openPool, type Database } from './pool.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

let database: TestDatabase;
let another: Database;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
  another = openPool({ url: database.url, schema: 'sample' });
});
afterAll(async () => {
  await another.close();
  await database.close();
});

lockContract(() => {
  const [one, other] = [database, another].map((sql) => ({
    locks: createPostgresLocks(sql),
    leases: createPostgresLeases(sql),
  }));
  if (one === undefined || other === undefined) throw new Error('there are two');
  return Promise.resolve({
    one,
    other,
    async forget(name) {
      await database.query(`UPDATE lease SET expire_time = '-infinity' WHERE name = $1`, [name]);
    },
  });
});

test('tokens go on growing when the table was lost', async () => {
  const leases = createPostgresLeases(database);
  const before = await leases.take('lost', 60_000);
  await database.query('DELETE FROM lease WHERE name = $1', ['lost']);
  const after = await leases.take('lost', 60_000);
  expect('token' in after && after.token).toBeGreaterThan('token' in before ? before.token : 0n);
});
