import type { Sql } from '#platform/database.postgres.ts';
import type { Product } from './product.ts';
import { facetsOf, facetTerm } from './search-facets.ts';
import { searchText, titleTails, vocabularyOf } from './search.ts';

/** Brings the search in step with products that were just written: published ones are found, others not. */
export async function indexProducts(tx: Sql, products: readonly Product[]): Promise<void> {
  const hidden = products.filter((product) => product.status !== 'published' && product.version > 1);
  if (hidden.length > 0) {
    await forgetProducts(
      tx,
      hidden.map((product) => product.id),
    );
  }
  const shown = products.filter((product) => product.status === 'published');
  if (shown.length === 0) return;
  const known = shown.filter((product) => product.version > 1).map((product) => product.id);
  if (known.length > 0) {
    // Whoever sells the last piece meanwhile is waited for, and seen by the next statement.
    await tx.query('select 1 from search_document where product_id = any($1) order by product_id for update', [known]);
  }
  const written = await writeDocuments(tx, shown);
  const changed = written.filter((row) => !row.fresh).map((row) => row.doc);
  if (changed.length > 0) {
    await tx.query('delete from search_posting where doc = any($1)', [changed]);
    await tx.query('delete from suggestion where doc = any($1)', [changed]);
  }
  if (written.length === 0) return;
  await tx.query(
    `insert into search_posting (term, tier, doc)
     select lexeme, case when weights is null then 0 when 'A' = any(weights) then 3 when 'B' = any(weights) then 2 else 1 end, doc
     from search_document, unnest(words)
     where doc = any($1) and (weights is null or not weights <@ array['D'])`,
    [written.map((row) => row.doc)],
  );
  await writeTails(tx, shown, new Map(written.map((row) => [row.product_id, row.doc])));
  await writeWords(tx, shown);
}

/** Takes products out of the search. */
export async function forgetProducts(tx: Sql, productIds: readonly string[]): Promise<void> {
  await tx.query(
    `with gone as (delete from search_document where product_id = any($1) returning doc),
       postings as (delete from search_posting where doc in (select doc from gone))
     delete from suggestion where doc in (select doc from gone)`,
    [productIds],
  );
}

/** Brings "in stock" in step after the stock of these variants changed. Writes only where it turned. */
export async function noteStock(tx: Sql, variantIds: readonly string[]): Promise<void> {
  await tx.query(
    `update search_document d set in_stock = now.in_stock
     from (select p.product_id, ${inStock('p.product_id')} as in_stock
           from (select distinct product_id from variant where id = any($1)) p) now
     where d.product_id = now.product_id and d.in_stock is distinct from now.in_stock`,
    [variantIds],
  );
}

/** Takes a category that is no more out of the documents. */
export async function forgetCategory(tx: Sql, categoryId: string): Promise<void> {
  const term = facetTerm('category', categoryId);
  await tx.query(
    `update search_document set facets = array_remove(facets, $1), words = ts_delete(words, $1)
     where doc in (select doc from search_posting where term = $1)`,
    [term],
  );
  await tx.query('delete from search_posting where term = $1', [term]);
}

function inStock(productId: string): string {
  return `exists (select 1 from variant v join stock s on s.variant_id = v.id where v.product_id = ${productId}
    and (not v.stock_tracked or v.backorder_allowed or s.on_hand > s.reserved))`;
}

type Written = { readonly doc: number; readonly product_id: string; readonly fresh: boolean };

async function writeDocuments(tx: Sql, products: readonly Product[]): Promise<Written[]> {
  const rows = products.map((product) => {
    const prices = product.variants.map((variant) => variant.price.minorUnits);
    return {
      product_id: product.id,
      ...searchText(product),
      facets: facetsOf(product),
      currency: product.variants[0]?.price.currency ?? '',
      min_price: String(prices.reduce((a, b) => (a < b ? a : b), prices[0] ?? 0n)),
      max_price: String(prices.reduce((a, b) => (a > b ? a : b), prices[0] ?? 0n)),
    };
  });
  return tx.query<Written>(
    `with new as (
       select product_id, facets, currency, min_price, max_price, ${inStock('said.product_id')} as in_stock,
         setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', labels), 'B') ||
         setweight(to_tsvector('english', kinds), 'C') || setweight(to_tsvector('english', rest), 'D') ||
         array_to_tsvector(facets) as words
       from json_to_recordset($1::json) as said (product_id text, title text, labels text, kinds text, rest text, facets text[],
         currency text, min_price bigint, max_price bigint))
     insert into search_document as old (product_id, words, facets, currency, min_price, max_price, in_stock)
     select product_id, words, facets, currency, min_price, max_price, in_stock from new order by product_id
     on conflict (product_id) do update set words = excluded.words, facets = excluded.facets, currency = excluded.currency,
       min_price = excluded.min_price, max_price = excluded.max_price, in_stock = excluded.in_stock
     where (old.words, old.facets, old.currency, old.min_price, old.max_price, old.in_stock) is distinct from
       (excluded.words, excluded.facets, excluded.currency, excluded.min_price, excluded.max_price, excluded.in_stock)
     returning doc, product_id, xmax = 0 as fresh`,
    [JSON.stringify(rows)],
  );
}

async function writeTails(tx: Sql, products: readonly Product[], docs: ReadonlyMap<string, number>): Promise<void> {
  const tails = products.flatMap((product) =>
    docs.has(product.id)
      ? titleTails(product.title).map((tail, place) => ({ tail, place, doc: docs.get(product.id) }))
      : [],
  );
  await tx.query(
    `insert into suggestion (tail, place, doc) select tail, place, doc
     from json_to_recordset($1::json) as row (tail text, place smallint, doc integer) on conflict do nothing`,
    [JSON.stringify(tails)],
  );
}

// Sorted, so that two imports meet the same words in the same order and don't deadlock.
async function writeWords(tx: Sql, products: readonly Product[]): Promise<void> {
  const words = new Set(products.flatMap(vocabularyOf));
  await tx.query(
    `insert into search_word (word) select word from unnest($1::text[]) as new (word)
     where not exists (select 1 from search_word old where old.word = new.word) order by word on conflict do nothing`,
    [[...words].sort()],
  );
}
