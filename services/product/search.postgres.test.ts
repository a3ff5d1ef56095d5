import { describeProductSearch } from './search.contract.ts';
import { createPostgresSearch } from './search.postgres.ts';
import { openSearchDatabase } from './search-database.testing.ts';

describeProductSearch('the search in PostgreSQL', async () => {
  const shop = await openSearchDatabase();
  return { ...shop, search: createPostgresSearch(shop.database), close: () => shop.database.close() };
});
