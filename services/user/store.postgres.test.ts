import { openTestDatabase } from '#platform/testing/database.ts';
import { testUserStore } from './store.contract.ts';
import { createPostgresStore } from './store.postgres.ts';

testUserStore(async () =>
  createPostgresStore(await openTestDatabase('user_service', new URL('./migrations/', import.meta.url))),
);
