import { expect, test } from '@jest/globals';
import { openTestDatabase } from '#platform/testing/database.ts';
import { describeInventoryStore, type InventoryUnderTest } from './inventory-store.contract.ts';
import { createPostgresInventory, moveStocks } from './inventory-store.postgres.ts';
import { writeProducts } from './product-write.postgres.ts';
import type { Product } from './product.ts';

const time = new Date('2026-05-01T10:00:00Z');

function productOf(number: number, tracked: boolean, backorderAllowed: boolean): Product {
  const name = String(number).padStart(6, '0');
  return {
    id: `prd_${name}`,
    handle: `thing-${name}`,
    vendorId: 'usr_v',
    title: 'Thing',
    descriptionHtml: '',
    brand: '',
    productType: '',
    categoryId: '',
    tags: [],
    status: 'published',
    options: [],
    variants: [
      {
        id: `var_${name}`,
        sku: '',
        optionValues: [],
        price: { minorUnits: 49900n, currency: 'INR' },
        compareAtPrice: undefined,
        barcode: '',
        weightGrams: 0,
        requiresShipping: true,
        taxable: true,
        stockTracked: tracked,
        backorderAllowed,
        imageUrl: '',
      },
    ],
    images: [],
    seo: { title: '', description: '' },
    version: 1,
    createTime: time,
    updateTime: time,
  };
}

async function open(): Promise<InventoryUnderTest> {
  const database = await openTestDatabase('product', new URL('./migrations/', import.meta.url));
  let products = 0;
  return {
    store: createPostgresInventory(database),
    async addVariant({ onHand = 0, tracked = true, backorderAllowed = false }) {
      const product = productOf(products++, tracked, backorderAllowed);
      const variantId = product.variants[0]?.id ?? '';
      await database.transaction(async (tx) => {
        await writeProducts(tx, [product]);
        if (onHand === 0) return;
        const ledger = { kind: 'imported', reference: 'r', reason: '', actor: 'usr_v', time } as const;
        await moveStocks(tx, [{ variantId, delta: onHand, ...ledger }]);
      });
      return variantId;
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

test('the ledger can’t be rewritten', async () => {
  const database = await openTestDatabase('product', new URL('./migrations/', import.meta.url));
  try {
    await expect(database.query('update stock_movement set delta = 1')).rejects.toThrow('is a ledger');
    await expect(database.query('delete from stock_movement')).rejects.toThrow('is a ledger');
  } finally {
    await database.close();
  }
});
