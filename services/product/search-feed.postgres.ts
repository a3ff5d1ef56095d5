import type { Database, Sql } from '#platform/database.postgres.ts';
import { type ProductRow, productColumns, toFound } from './product-rows.postgres.ts';
import { ownWords, type SearchChange, type SearchDocument } from './search-document.ts';
import type { SearchFeed, SearchIndex } from './search-index-engine.ts';

const leaseSeconds = 30; // far longer than a batch takes; what a killed process had taken is late by so much
const keptMinutes = 60; // an index that no process keeps for so long belongs to a version that is gone
const countedWaiting = 100_000;

/** The feed from the tables that search_document's triggers write. */
export function createPostgresSearchFeed(database: Database): SearchFeed {
  return {
    indexes: (mapping) =>
      database.query<SearchIndex>(
        `select name, state, filled_to as "filledTo", filled, total from search_index where mapping = $1 order by name`,
        [mapping],
      ),
    begin: (mapping, name) => beginIndex(database, mapping, name),
    async lease(name, owner) {
      const mine = await database.query(
        `update search_index set lease = $2, lease_time = now() + $3 * interval '1 second'
         where name = $1 and state = 'filling' and (lease = $2 or lease_time < now()) returning 1`,
        [name, owner, leaseSeconds],
      );
      return mine.length > 0;
    },
    async page(after, limit) {
      const rows = await documents(
        database,
        `select product_id from search_document where product_id > $1 order by product_id limit $2`,
        [after, limit],
      );
      return rows.flatMap((row) => (row.document === undefined ? [] : [row]));
    },
    async filled(name, owner, { to, more }) {
      const mine = await database.query(
        `update search_index set filled_to = $3, filled = filled + $4, lease_time = now() + $5 * interval '1 second'
         where name = $1 and lease = $2 and state = 'filling' returning 1`,
        [name, owner, to, more, leaseSeconds],
      );
      return mine.length > 0;
    },
    live: (mapping, name) =>
      database.transaction(async (tx) => {
        await tx.query(`update search_index set state = 'old' where mapping = $1 and state = 'live' and name <> $2`, [
          mapping,
          name,
        ]);
        await tx.query(`update search_index set state = 'live' where name = $1 and state = 'filling'`, [name]);
      }),
    async forget(name) {
      await database.query('delete from search_index where name = $1', [name]);
      await database.query('delete from search_change where index_name = $1', [name]);
    },
    take: (name, limit) => take(database, name, limit),
    async told(name, taken) {
      // Who changes a product again just now holds its row, and it is on the list for that change: nothing to wait for.
      await database.query(
        `delete from search_change where (index_name, product_id) in (
           select index_name, product_id from search_change join unnest($2::text[], $3::bigint[]) as told (id, number)
             on product_id = told.id and change = told.number
           where index_name = $1 for update of search_change skip locked)`,
        [name, taken.map(({ productId }) => productId), taken.map(({ noted }) => noted)],
      );
    },
    async release(name, taken) {
      await database.query(
        `update search_change set claim_time = '-infinity' where index_name = $1 and product_id = any ($2::text[])`,
        [name, taken.map(({ productId }) => productId)],
      );
    },
    async lag(name) {
      const [row] = await database.query<{ waiting: number; oldest: number | null }>(
        `select count(*)::integer as waiting, (extract(epoch from now() - min(change_time)) * 1000)::float as oldest
         from (select change_time from search_change where index_name = $1 limit ${countedWaiting}) waiting`,
        [name],
      );
      return { waiting: row?.waiting ?? 0, oldestMs: Math.max(0, Math.round(row?.oldest ?? 0)) };
    },
    async tidy(mapping) {
      await database.query(`update search_index set kept_time = now() where mapping = $1 and state <> 'old'`, [
        mapping,
      ]);
      await database.query(
        `update search_index set state = 'old' where state <> 'old' and kept_time < now() - $1 * interval '1 minute'`,
        [keptMinutes],
      );
      // A transaction that was under way when an index was forgotten may have noted something for it since.
      await database.query(
        `delete from search_change where index_name in (
           select distinct index_name from search_change except select name from search_index where state <> 'old')`,
      );
    },
    async old() {
      const rows = await database.query<{ name: string }>(`select name from search_index where state = 'old'`);
      return rows.map(({ name }) => name);
    },
  };
}

/** As `begin` of the feed, in a transaction that may do more. */
export async function beginIndex(sql: Sql, mapping: string, name: string): Promise<string> {
  await sql.query(
    `insert into search_index (name, mapping, state, total) select $2, $1, 'filling', (select count(*) from search_document)
     on conflict (mapping) where state = 'filling' do nothing`,
    [mapping, name],
  );
  const [row] = await sql.query<{ name: string }>(
    `select name from search_index where mapping = $1 and state = 'filling'`,
    [mapping],
  );
  return row?.name ?? name; // filled already: by somebody else, in between
}

/**
 * What is noted is taken by one statement and the documents are read by the next: they are those of the noted changes or later ones.
 * In one statement a change that was made in between would be taken with the document of before.
 */
async function take(database: Database, name: string, limit: number) {
  const noted = await database.query<{ product_id: string; change: bigint }>(
    `update search_change as c set claim_time = now() from (
       select product_id from search_change where index_name = $1 and claim_time < now() - $3 * interval '1 second'
       order by change limit $2 for update skip locked) as mine
     where c.index_name = $1 and c.product_id = mine.product_id returning c.product_id, c.change`,
    [name, limit, leaseSeconds],
  );
  if (noted.length === 0) return [];
  const numbers = new Map(noted.map((row) => [row.product_id, row.change]));
  const rows = await documents(database, 'select product_id from unnest($1::text[]) as asked (product_id)', [
    [...numbers.keys()],
  ]);
  return rows.map((row) => {
    const number = numbers.get(row.productId) ?? 0n;
    return { ...row, change: row.document === undefined ? number : row.change, noted: number };
  });
}

type DocumentRow = ProductRow & {
  readonly product_id: string;
  readonly change: bigint | null;
  readonly doc: number | null;
  readonly title: readonly string[] | null;
  readonly labels: readonly string[] | null;
  readonly kinds: readonly string[] | null;
  readonly rest: readonly string[] | null;
  readonly facets: readonly string[] | null;
  readonly currency: string | null;
  readonly min_price: bigint | null;
  readonly max_price: bigint | null;
  readonly in_stock: boolean | null;
};

async function documents(sql: Sql, which: string, values: readonly unknown[]): Promise<SearchChange[]> {
  const rows = await sql.query<DocumentRow>(
    `select asked.product_id, d.change, d.doc, w.*, d.facets, d.currency, d.min_price, d.max_price, d.in_stock, ${productColumns}
     from (${which}) as asked
     left join search_document d on d.product_id = asked.product_id
     left join product p on p.id = d.product_id
     left join lateral (
       select array_agg(lexeme) filter (where 'A' = any(weights)) as title, array_agg(lexeme) filter (where 'B' = any(weights)) as labels,
         array_agg(lexeme) filter (where 'C' = any(weights)) as kinds, array_agg(lexeme) filter (where 'D' = any(weights)) as rest
       from unnest(d.words)) as w on true
     order by asked.product_id`,
    values,
  );
  return rows.map((row) => ({ productId: row.product_id, change: row.change ?? 0n, document: documentOf(row) }));
}

function documentOf(row: DocumentRow): SearchDocument | undefined {
  if (row.doc === null) return undefined;
  return {
    product_id: row.product_id,
    doc: row.doc,
    title: row.title ?? [],
    labels: row.labels ?? [],
    kinds: row.kinds ?? [],
    rest: row.rest ?? [],
    ...ownWords(toFound(row).product),
    facets: row.facets ?? [],
    currency: row.currency ?? '',
    min_price: Number(row.min_price),
    max_price: Number(row.max_price),
    in_stock: row.in_stock ?? false,
  };
}
