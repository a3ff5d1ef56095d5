import { expect, test } from '@jest/globals';
import { newId } from '#platform/ids.ts';
import { openTestDatabase } from '#platform/testing/database.ts';
import { describeInventoryStore, type InventoryUnderTest } from './inventory-store.contract.ts';
import { createPostgresInventory, moveStocks } from './inventory-store.postgres.ts';
import { writeProducts } from './product-write.postgres.ts';
import { sampleContent, sampleVariant } from './product.samples.ts';
import { createProduct } from './product.ts';

const time = new Date('2026-05-01T10:00:00Z');

const makeAt = { now: time, newVariantId: () => newId('var'), cleanHtml: (html: string) => html };

async function open(): Promise<InventoryUnderTest> {
  const database = await openTestDatabase('product', new URL('./migrations/', import.meta.url));
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
