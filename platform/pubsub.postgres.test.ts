import { afterAll, beforeAll } from '@jest/globals';
import { openPool, type Database } from './pool.postgres.ts';
import { createPostgresPubSub } from './pubsub.postgres.ts';
import { testPubSub } from './pubsub.contract.ts';
import { createTestDatabase } from './testing/database.ts';

let made: Awaited<ReturnType<typeof createTestDatabase>>;
const pools: Database[] = [];
beforeAll(async () => {
  made = await createTestDatabase();
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  await made.close();
});

testPubSub(async () => {
  const pool = openPool({ url: made.url, schema: 'pubsub' });
  pools.push(pool);
  return createPostgresPubSub(pool);
});
