import type { Database, Sql } from '#platform/database.postgres.ts';
import { once } from '#platform/request-id.postgres.ts';
import type { ImportedStock, KnownProduct, Writes } from './import-plan.ts';
import type { ImportStore } from './import-store.ts';
import { moveStocks } from './inventory-store.postgres.ts';
import { lockProductsByHandle } from './product-rows.postgres.ts';
import { isHandleTaken, writeProducts } from './product-write.postgres.ts';
import type { Product } from './product.ts';

const attempts = 3; // of a batch whose handles somebody else takes at the same time

export function createPostgresImport(database: Database): ImportStore {
  return {
    find: (handles) => database.transaction((tx) => findKnown(tx, handles)),

    async apply(handles, plan) {
      for (let attempt = 1; ; attempt++) {
        try {
          await database.transaction(async (tx) => write(tx, plan(await findKnown(tx, handles))));
          return;
        } catch (error) {
          // Somebody made a product of the same handle after we looked: now we find it.
          if (attempt === attempts || !isHandleTaken(error)) throw error;
        }
      }
    },

    async recall(repeat) {
      try {
        return await database.transaction((tx) =>
          once(tx, repeat, () => {
            throw new NotYet();
          }),
        );
      } catch (error) {
        if (error instanceof NotYet) return undefined;
        throw error;
      }
    },

    remember: (repeat, answer) => database.transaction((tx) => once(tx, repeat, () => Promise.resolve(answer))),
  };
}

class NotYet extends Error {}

async function findKnown(tx: Sql, handles: readonly string[]): Promise<KnownProduct[]> {
  const products = await lockProductsByHandle(tx, handles);
  if (products.length === 0) return [];
  const variantIds = products.flatMap((product) => product.variants.map((variant) => variant.id));
  const rows = await tx.query<StockRow>(
    `select variant_id, on_hand, reserved, imported from stock where variant_id = any($1) order by variant_id for update`,
    [variantIds],
  );
  const stocks = new Map(rows.map((row) => [row.variant_id, toStock(row)]));
  return products.map((product) => ({ product, stocks: stocksOf(product, stocks) }));
}

function stocksOf(product: Product, stocks: ReadonlyMap<string, ImportedStock>): ImportedStock[] {
  return product.variants.flatMap(({ id }) => stocks.get(id) ?? []);
}

type StockRow = {
  readonly variant_id: string;
  readonly on_hand: number;
  readonly reserved: number;
  readonly imported: number | null;
};

function toStock(row: StockRow): ImportedStock {
  return {
    variantId: row.variant_id,
    onHand: row.on_hand,
    reserved: row.reserved,
    imported: row.imported ?? undefined,
  };
}

async function write(tx: Sql, writes: readonly Writes[]): Promise<void> {
  const products = writes.flatMap(({ product }) => product ?? []);
  await writeProducts(tx, products, async () => {
    const imported = writes.flatMap((each) => each.imported);
    if (imported.length > 0) await rememberImported(tx, imported);
    const movements = writes.flatMap((each) => each.movements);
    if (movements.length > 0) await moveStocks(tx, movements);
  });
}

async function rememberImported(tx: Sql, imported: Writes['imported']): Promise<void> {
  await tx.query(
    `update stock s set imported = said.quantity from unnest($1::text[], $2::integer[]) as said (variant_id, quantity)
     where s.variant_id = said.variant_id`,
    [imported.map((each) => each.variantId), imported.map((each) => each.quantity)],
  );
}
