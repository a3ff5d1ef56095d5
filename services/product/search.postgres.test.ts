import { openSearchDatabase } from './search-database.testing.ts';
import { describeSearchRelevance } from './search-relevance.contract.ts';
import { describeProductSearch, type SearchUnderTest } from './search.contract.ts';
import { createPostgresSearch } from './search.postgres.ts';

async function open(): Promise<SearchUnderTest> {
  const shop = await openSearchDatabase();
  return { ...shop, search: createPostgresSearch(shop.database), close: () => shop.database.close() };
}

describeProductSearch('the search in PostgreSQL', open);
describeSearchRelevance('the search in PostgreSQL', open);
