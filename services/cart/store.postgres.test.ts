import { openTestDatabase } from '#platform/testing/database.ts';
import { testCartStore } from './store.contract.ts';
import { createPostgresStore } from './store.postgres.ts';

testCartStore(async () => {
  const database = await openTestDatabase('cart', new URL('./migrations/', import.meta.url));
  return { store: createPostgresStore(database), close: () => database.close() };
});
