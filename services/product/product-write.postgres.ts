import { brokenUnique, type Sql } from '#platform/database.postgres.ts';
import { Fault, invalidField } from '#platform/fault.ts';
import { publish } from '#platform/outbox.postgres.ts';
import { uniqueHandle } from './handle.ts';
import type { Product } from './product.ts';
import { productChanged, productDeleted } from './messages.ts';
import { statusNumbers, toStored } from './product-rows.postgres.ts';
import { forgetProducts, indexProducts } from './search-index.postgres.ts';
import { cardOf } from './variant-store.postgres.ts';

/**
 * Makes the products of version 1 and changes the others, any number in four statements; the caller holds the rows it
 * changes. A handle that another product has is refused: HANDLE_TAKEN. `countStock` is done before the search looks at what
 * there is of them.
 */
export async function writeProducts(
  tx: Sql,
  products: readonly Product[],
  countStock?: () => Promise<void>,
): Promise<void> {
  if (products.length === 0) return countStock?.();
  await writeRows(tx, products);
  const known = products.filter((product) => product.version > 1);
  if (known.length > 0) {
    await tx.query('delete from variant where product_id = any($1) and id <> all($2)', [
      known.map((product) => product.id),
      known.flatMap((product) => product.variants.map((variant) => variant.id)),
    ]);
  }
  const variants = products.flatMap((product) =>
    product.variants.map((variant, position) => ({
      id: variant.id,
      product_id: product.id,
      position,
      sku: variant.sku,
      stock_tracked: variant.stockTracked,
      backorder_allowed: variant.backorderAllowed,
      card: cardOf(product, variant),
    })),
  );
  await tx.query(
    `insert into variant as old (id, product_id, position, sku, stock_tracked, backorder_allowed, card)
     select * from json_to_recordset($1::json) as new (id text, product_id text, position smallint, sku text,
       stock_tracked boolean, backorder_allowed boolean, card text)
     on conflict (id) do update set position = excluded.position, sku = excluded.sku,
       stock_tracked = excluded.stock_tracked, backorder_allowed = excluded.backorder_allowed, card = excluded.card
     where (old.position, old.sku, old.stock_tracked, old.backorder_allowed, old.card)
       is distinct from (excluded.position, excluded.sku, excluded.stock_tracked, excluded.backorder_allowed, excluded.card)`,
    [JSON.stringify(variants)],
  );
  await countStock?.();
  await indexProducts(tx, products);
  await publish(tx, ...products.map(productChanged));
}

/** Removes a product with its variants, their stock and what is searched of it. */
export async function deleteProduct(tx: Sql, product: Product, now: Date): Promise<void> {
  // In everybody's order: the stocks by id, then what is searched. What goes with the product goes in no order.
  await tx.query('select 1 from stock where product_id = $1 order by variant_id for update', [product.id]);
  await forgetProducts(tx, [product.id]);
  await tx.query('delete from product where id = $1', [product.id]);
  await publish(tx, productDeleted(product, now));
}

async function writeRows(tx: Sql, products: readonly Product[]): Promise<void> {
  const rows = products.map((product) => ({
    id: product.id,
    handle: product.handle,
    vendor_id: product.vendorId,
    category_id: product.categoryId === '' ? null : product.categoryId,
    status: statusNumbers[product.status],
    version: product.version,
    create_time: product.createTime,
    update_time: product.updateTime,
    content: toStored(product),
  }));
  let written: { id: string }[];
  try {
    written = await tx.query<{ id: string }>(
      `insert into product as old (id, handle, vendor_id, category_id, status, version, create_time, update_time, content)
       select id, handle, vendor_id, category_id, status, version, create_time, update_time, content
       from json_to_recordset($1::json) as new (id text, handle text, vendor_id text, category_id text, status smallint,
         version integer, create_time timestamptz, update_time timestamptz, content json)
       on conflict (id) do update set handle = excluded.handle, category_id = excluded.category_id, status = excluded.status,
         version = excluded.version, update_time = excluded.update_time, content = excluded.content
       where old.version = excluded.version - 1
       returning id`,
      [JSON.stringify(rows)],
    );
  } catch (error) {
    throw refusal(error, products) ?? error;
  }
  if (written.length !== products.length) {
    throw new Fault('aborted', 'CONCURRENT_CHANGE', 'The product was changed at the same time; read it again.');
  }
}

/** Whether a write was refused because another product has the handle. */
export function isHandleTaken(error: unknown): boolean {
  return error instanceof Fault && error.reason === 'HANDLE_TAKEN';
}

// The driver's errors name the constraint; which of several products broke it, they don't say.
function refusal(error: unknown, products: readonly Product[]): Fault | undefined {
  const [only] = products;
  if (brokenUnique(error) === 'product_handle_key') {
    const handle = products.length === 1 && only !== undefined ? only.handle : '';
    return new Fault('already-exists', 'HANDLE_TAKEN', `Another product has the handle "${handle}"; choose another.`, {
      metadata: { handle },
      fields: [{ field: 'product.handle', reason: 'HANDLE_TAKEN', description: 'is taken' }],
      cause: error,
    });
  }
  if (error instanceof Error && 'constraint' in error && error.constraint === 'product_category_id_fkey') {
    return invalidField('product.category_id', 'CATEGORY_NOT_FOUND', 'is no category');
  }
  return undefined;
}

/** The base, or the base with the first number that is free. Whoever asks for the same base waits for the transaction's end. */
export async function freeHandle(tx: Sql, base: string): Promise<string> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`product handle ${base}`]);
  const [same] = await tx.query('select 1 from product where handle = $1', [base]);
  if (same === undefined) return base;
  const taken = await tx.query<{ handle: string }>(
    `select handle from product where handle >= $1 || '-' and handle < $1 || '.' and handle ~ ('^' || $1 || '-[0-9]+$')`,
    [base],
  );
  return uniqueHandle(base, new Set([base, ...taken.map(({ handle }) => handle)]));
}
