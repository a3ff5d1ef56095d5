import type { Books } from './books.ts';
import type { Buyer } from './buyers.ts';

type Column = { readonly name: string; readonly type: string };
type Table = { readonly schema: string; readonly name: string; readonly columns: readonly Column[] };
type Found = { readonly table: Table; readonly row: Readonly<Record<string, string | null>> };

export type EarlierOrders = {
  readonly books: Books;
  /** A hundredth of the orders is theirs; the others are of 100,000 others. */
  readonly buyers: readonly Buyer[];
  readonly count: number;
};

const chunk = 100_000;
const forgotten = ['inbox', 'message', 'provider_event', 'request_ids']; // within days: a tenth is still there
const ownRows = ['order_service', 'payment', 'product', 'coupon', 'event_bus', 'cart'];
const idPattern = /(?<=[a-z]{2,8}_)[0-9a-z]{26}/g;

/** Adds confirmed and paid orders with all that belongs to them: copies of the latest, in every table in which that left something. */
export async function addEarlierOrders({ books, buyers, count }: EarlierOrders): Promise<void> {
  await books.query('set session_replication_role = replica'); // no checks of what is copied from what was checked
  await books.query(
    `create temporary table buyer as select k - 1 as k, id from unnest($1::text[]) with ordinality as b (id, k)`,
    [buyers.map(({ id }) => id.slice(-26))],
  );
  await books.query(
    `create temporary table piece as select row_number() over (order by id) - 1 as k, right(id, 26) as id from product.variant`,
  );
  const [latest] = await books.query<{ id: string; userId: string }>(
    `select id, user_id as "userId" from order_service.orders where status = 3 and document::text like '%"online"%' order by id desc limit 1`,
  );
  if (latest === undefined) throw new Error('there is no order to copy');
  const pieces = await books.query<{ id: string }>('select id from piece');
  const { found, ids } = await rowsOf(books, latest.id.slice(-26), new Set(pieces.map(({ id }) => id)));
  const expressions = new Map(ids.map((id, index) => [id, `lpad('${index}', 4, '0') || lpad(n::text, 22, '0')`]));
  expressions.set(
    latest.userId.slice(-26),
    `case when n % 100 = 0 then buyer.id else lpad((n % 100000)::text, 26, '0') end`,
  );
  for (const { id } of pieces) expressions.set(id, 'piece.id');
  for (const { table, row } of found) {
    const columns = table.columns.filter(({ name }) => row[name] !== null && name !== 'quote'); // each order has its own
    const until = forgotten.includes(table.name) ? Math.floor(count / 10) : count;
    for (let first = 1; first <= until; first += chunk) {
      await books.query(
        `insert into ${table.schema}.${table.name} (${columns.map(({ name }) => `"${name}"`).join(', ')})
         select ${columns.map(({ name, type }) => `(${written(row[name] ?? '', expressions)})::${type}`).join(', ')}
         from generate_series(${first}, ${Math.min(until, first + chunk - 1)}) n
         join buyer on buyer.k = (n / 100) % ${buyers.length} join piece on piece.k = n % ${pieces.length}`,
      );
    }
  }
  await books.query('set session_replication_role = origin');
  await books.query('vacuum analyze');
  await books.query('checkpoint');
}

/** A text in SQL, with what stands for the ids in it. */
function written(text: string, expressions: ReadonlyMap<string, string>): string {
  const parts: string[] = [];
  let end = 0;
  for (const { 0: id, index } of text.matchAll(idPattern)) {
    const expression = expressions.get(id);
    if (expression === undefined) continue;
    parts.push(quoted(text.slice(end, index)), `(${expression})`);
    end = index + id.length;
  }
  return [...parts, quoted(text.slice(end))].filter((part) => part !== `''`).join(' || ') || `''`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(`'`, `''`)}'`;
}

/** All rows that the order left, found from its id on, by each other's ids; and these ids. */
async function rowsOf(books: Books, orderId: string, pieces: ReadonlySet<string>) {
  const tables = await tablesOf(books);
  const ids = new Set([orderId]);
  let found: Found[] = [];
  for (let before = 0; before < ids.size;) {
    before = ids.size;
    found = [];
    for (const table of tables) {
      const rows = await books.query<Record<string, string | null>>(
        `select ${table.columns.map(({ name }) => `"${name}"::text`).join(', ')} from ${table.schema}.${table.name} t
         where to_json(t)::text like any ($1)`,
        [[...ids].map((id) => `%\\_${id}%`)],
      );
      for (const row of rows) found.push({ table, row });
    }
    // Not those of who and what was there before: they are not the order's.
    for (const { row } of found) {
      for (const text of Object.values(row)) {
        for (const [, prefix, id = ''] of (text ?? '').matchAll(/([a-z]{2,8})_([0-9a-z]{26})/g)) {
          if (!/^(usr|crt|prd|ven|adr|cat|ses)$/.test(prefix ?? '') && !pieces.has(id)) ids.add(id);
        }
      }
    }
  }
  return { found, ids: [...ids] };
}

async function tablesOf(books: Books): Promise<Table[]> {
  const columns = await books.query<{ schema: string; table: string; name: string; type: string }>(
    `select c.table_schema as schema, c.table_name as table, c.column_name as name, c.udt_name as type
     from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
     where t.table_type = 'BASE TABLE' and c.table_schema = any ($1) and c.is_identity = 'NO'
       and c.table_name not in ('cart', 'product', 'variant', 'stock', 'search_document', 'search_posting', 'suggestion')
     order by 1, 2, c.ordinal_position`,
    [ownRows],
  );
  return [...Map.groupBy(columns, ({ schema, table }) => `${schema}.${table}`).values()].flatMap((some) => {
    const [first] = some;
    return first === undefined ? [] : [{ schema: first.schema, name: first.table, columns: some }];
  });
}
