import { openTestDatabase } from '#platform/testing/database.ts';
import { describeCatalogStore } from './store.contract.ts';
import { createPostgresStore, migrations } from './store.postgres.ts';

describeCatalogStore('the catalog in PostgreSQL', async () => {
  const database = await openTestDatabase('product', migrations);
  return {
    store: createPostgresStore(database),
    async told() {
      const rows = await database.query<{ topic: string; key: string }>('select topic, key from outbox order by seq');
      return rows.map(({ topic, key }) => [topic, key] as const);
    },
    close: () => database.close(),
  };
});
