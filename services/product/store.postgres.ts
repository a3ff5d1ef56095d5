import type { Database, Sql } from '#platform/database.postgres.ts';
import { once } from '#platform/request-id.postgres.ts';
import {
  deleteCategory,
  findCategory,
  heightOf,
  insertCategory,
  listCategories,
  lockCategories,
  updateCategory,
} from './category-rows.postgres.ts';
import { findProduct, findProducts, listProducts, lockProduct } from './product-rows.postgres.ts';
import { deleteProduct, freeHandle, writeProducts } from './product-write.postgres.ts';
import type { CatalogStore, CatalogTx } from './store.ts';

/** The schema's numbered changes, for `openDatabase`. */
export const migrations = new URL('./migrations/', import.meta.url);

/** The catalog in PostgreSQL. The database stays the caller's to close. */
export function createPostgresStore(database: Database): CatalogStore {
  return {
    findProduct: (key) => findProduct(database, key),
    findProducts: (ids) => findProducts(database, ids),
    // What everybody may see may be some seconds old; vendors look for what they have just changed.
    listProducts: (filter) =>
      listProducts(filter.status === 'published' && filter.vendorId === '' ? database.replica : database, filter),
    findCategory: (id) => findCategory(database, id),
    listCategories: (filter) => listCategories(database, filter),
    change: (repeat, work) => database.transaction((tx) => once(tx, repeat, () => work(catalogTx(tx)))),
  };
}

function catalogTx(tx: Sql): CatalogTx {
  return {
    lockProduct: (id) => lockProduct(tx, id),
    freeHandle: (base) => freeHandle(tx, base),
    writeProducts: (products) => writeProducts(tx, products),
    deleteProduct: (product, now) => deleteProduct(tx, product, now),
    async availableOf(product) {
      return (await findProduct(tx, { id: product.id }))?.available ?? [];
    },
    lockCategories: () => lockCategories(tx),
    findCategory: (id) => findCategory(tx, id),
    heightOf: (category) => heightOf(tx, category),
    insertCategory: (category) => insertCategory(tx, category),
    updateCategory: (category, before) => updateCategory(tx, category, before),
    deleteCategory: (category, now) => deleteCategory(tx, category, now),
  };
}
