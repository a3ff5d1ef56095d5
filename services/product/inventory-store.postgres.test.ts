import { expect, test } from '@jest/globals';
import { newId } from '#platform/ids.ts';
import type { Database } from '#platform/database.postgres.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { describeOrderStock } from './inventory-order.contract.ts';
import { describeSagas } from './inventory-saga.contract.ts';
import { describeInventoryStore } from './inventory-store.contract.ts';
import { createPostgresInventory, moveStocks } from './inventory-store.postgres.ts';
import { end, later, reserveIn, time, type InventoryUnderTest } from './inventory-store.testing.ts';
import { OutOfStock } from './inventory.ts';
import { deleteProduct, writeProducts } from './product-write.postgres.ts';
import { sampleContent, sampleVariant } from './product.samples.ts';
import { createProduct, type Product } from './product.ts';

const migrations = new URL('./migrations/', import.meta.url);

const makeAt = { now: time, newVariantId: () => newId('var'), cleanHtml: (html: string) => html };

async function open(): Promise<InventoryUnderTest> {
  return underTest(await openTestDatabase('product', migrations));
}

function underTest(database: TestDatabase): InventoryUnderTest {
  const products = new Map<string, Product>();
  return {
    store: createPostgresInventory(database),
    async addProduct(...variants) {
      const id = newId('prd');
      const content = sampleContent({
        handle: id.replace('_', '-'),
        options: [{ name: 'Size', values: [] }],
        variants: variants.map(({ tracked = true, backorderAllowed = false }, index) =>
          sampleVariant({ optionValues: [String(index)], stockTracked: tracked, backorderAllowed }),
        ),
      });
      const product = createProduct(content, { ...makeAt, id, vendorId: 'usr_v' });
      const variantIds = product.variants.map((variant) => variant.id);
      for (const variantId of variantIds) products.set(variantId, product);
      const ledger = { kind: 'imported', reference: 'r', reason: '', actor: 'usr_v', time } as const;
      const movements = variantIds.map((variantId, index) => ({
        ...ledger,
        variantId,
        delta: variants[index]?.onHand ?? 0,
      }));
      await database.transaction((tx) =>
        writeProducts(tx, [product], () =>
          moveStocks(
            tx,
            movements.filter(({ delta }) => delta !== 0),
          ),
        ),
      );
      return variantIds;
    },
    async deleteProductOf(variantId) {
      const product = products.get(variantId);
      if (product !== undefined) await database.transaction((tx) => deleteProduct(tx, product, time));
    },
    async ledgerOf(variantId) {
      const [row] = await database.query<{ sum: number }>(
        'select coalesce(sum(delta), 0)::integer as sum from stock_movement where variant_id = $1',
        [variantId],
      );
      return row?.sum ?? Number.NaN;
    },
    async searchSays(variantId) {
      const [row] = await database.query<{ in_stock: boolean }>(
        'select in_stock from search_document where product_id = (select product_id from variant where id = $1)',
        [variantId],
      );
      return row?.in_stock ?? false;
    },
    close: () => database.close(),
  };
}

describeInventoryStore('inventory in PostgreSQL', open);
describeOrderStock('the stock of orders in PostgreSQL', open);
describeSagas('sagas in PostgreSQL', open);

test('the ledger can’t be rewritten', async () => {
  const database = await openTestDatabase('product', migrations);
  try {
    await expect(database.query('update stock_movement set delta = 1')).rejects.toThrow('is a ledger');
    await expect(database.query('delete from stock_movement')).rejects.toThrow('is a ledger');
  } finally {
    await database.close();
  }
});

test('pieces are held and sold by one statement each, and only the last of a variant takes a transaction', async () => {
  const database = await openTestDatabase('product', migrations);
  try {
    const asked: string[] = [];
    const counting: Database = {
      ...database,
      query(text, values) {
        asked.push('statement');
        return database.query(text, values);
      },
      transaction(work, options) {
        asked.push('transaction');
        return database.transaction(work, options);
      },
    };
    const [variantId = ''] = await underTest(database).addProduct({ onHand: 3 });
    const store = createPostgresInventory(counting);
    const { id } = await reserveIn(store, [{ variantId, quantity: 2 }]);
    await end(store, id, 'commit');
    expect(asked.splice(0)).toEqual(['statement', 'statement']);
    await reserveIn(store, [{ variantId, quantity: 1 }]);
    expect(asked.splice(0)).toEqual(['statement', 'transaction']);
    await expect(reserveIn(store, [{ variantId, quantity: 1 }])).rejects.toThrow(OutOfStock);
    expect(asked).toEqual(['statement']);
  } finally {
    await database.close();
  }
});

test('a forgotten reservation leaves none of its items', async () => {
  const database = await openTestDatabase('product', migrations);
  try {
    const { store, addProduct } = underTest(database);
    const [variantId = ''] = await addProduct({ onHand: 3 });
    const { id } = await reserveIn(store, [{ variantId, quantity: 1 }]);
    await reserveIn(store, [{ variantId, quantity: 1 }]);
    await end(store, id, 'release');
    expect(await store.forget({ before: later(1), limit: 10 })).toBe(1);
    const left = await database.query<{ reservation_id: string }>('select reservation_id from reservation_item');
    expect(left.map((row) => row.reservation_id)).not.toContain(id);
    expect(left).toHaveLength(1);
  } finally {
    await database.close();
  }
});
