import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import type { Product } from './product.ts';
import { deleteProduct, writeProducts } from './product-write.postgres.ts';
import { migrations } from './store.postgres.ts';

export type SearchDatabase = {
  readonly database: TestDatabase;
  write(products: readonly Product[]): Promise<void>;
  remove(product: Product): Promise<void>;
};

/** A database with the categories that the search's contract names. */
export async function openSearchDatabase(): Promise<SearchDatabase> {
  const database = await openTestDatabase('product', migrations);
  const categories = ['cat_shirts', 'cat_trousers', 'cat_jackets', 'cat_shoes'];
  await database.query(
    `insert into category (id, slug, title, path, version, create_time, update_time)
     select id, id, id, id, 1, now(), now() from unnest($1::text[]) as id`,
    [categories],
  );
  return {
    database,
    write: (products) => database.transaction((tx) => writeProducts(tx, products)),
    remove: (product) => database.transaction((tx) => deleteProduct(tx, product, new Date('2026-05-01T10:00:00Z'))),
  };
}
