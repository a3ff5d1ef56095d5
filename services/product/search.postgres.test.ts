import { openTestDatabase } from '#platform/testing/database.ts';
import { deleteProduct, writeProducts } from './product-write.postgres.ts';
import { describeProductSearch } from './search.contract.ts';
import { createPostgresSearch } from './search.postgres.ts';
import { migrations } from './store.postgres.ts';

describeProductSearch('the search in PostgreSQL', async () => {
  const database = await openTestDatabase('product', migrations);
  const categories = ['cat_shirts', 'cat_trousers', 'cat_jackets', 'cat_shoes'];
  await database.query(
    `insert into category (id, slug, title, path, version, create_time, update_time)
     select id, id, id, id, 1, now(), now() from unnest($1::text[]) as id`,
    [categories],
  );
  return {
    search: createPostgresSearch(database),
    write: (products) => database.transaction((tx) => writeProducts(tx, products)),
    remove: (product) => database.transaction((tx) => deleteProduct(tx, product, new Date('2026-05-01T10:00:00Z'))),
    close: () => database.close(),
  };
});
