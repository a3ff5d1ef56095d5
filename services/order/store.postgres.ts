import { type ChangeWith, changeWith } from '#platform/change.postgres.ts';
import type { Database, Sql } from '#platform/database.postgres.ts';
import { publish } from '#platform/outbox.postgres.ts';
import { once } from '#platform/request-id.postgres.ts';
import { schedule, type TaskToDo, unschedule } from '#platform/tasks.postgres.ts';
import { statusNumbers } from './encode.ts';
import { eventsOf } from './events.postgres.ts';
import { fromJson, toJson } from './order-json.ts';
import { dueTimeOf, type Order } from './order.ts';
import type { OrderListing, OrderStore } from './store.ts';

/** The schema's numbered changes, for `openDatabase`. */
export const migrations = new URL('./migrations/', import.meta.url);

/** The task that sees to an order; its key is the order's id. */
export const advanceTask = 'order.advance';

export type PostgresOrdersOptions = {
  readonly database: Database;
  /** Told of each order that was changed, after the commit. */
  changed(id: string): void;
};

type BeforeRow = {
  readonly document: string | null;
  readonly fingerprint: Buffer | null;
  readonly usedBy: string | null;
  readonly hasOrder: boolean;
};

/** Orders in PostgreSQL. The database stays the caller's to close. */
export function createPostgresOrders({ database, changed }: PostgresOrdersOptions): OrderStore {
  return {
    find: (id) => findOrder(database, id),

    async findBefore({ userId, requestId, quote }) {
      // One statement: every order that is placed asks this first.
      const [row] = await database.query<BeforeRow>(
        `select o.document::text as document, o.fingerprint,
           (select id from orders where quote = $3 and user_id = $1) as "usedBy",
           exists (select from orders where user_id = $1 and status < 6) as "hasOrder"
         from (values (true)) as one left join orders o on o.user_id = $1 and o.request_id = $2`,
        [userId, requestId, quote],
      );
      const { document, fingerprint, usedBy } = row ?? {};
      const placed = document && fingerprint ? { order: fromJson(document), fingerprint } : undefined;
      return { placed, usedBy: usedBy ?? undefined, firstOrder: row?.hasOrder !== true };
    },

    async isFirstOrder(userId) {
      const others = await database.query('select 1 from orders where user_id = $1 and status < 6 limit 1', [userId]);
      return others.length === 0;
    },

    async insert(order, { fingerprint, quote }) {
      return changeWith(database, {
        // The conflict is one of two, so it goes unnamed.
        text: `insert into orders
             (id, user_id, request_id, fingerprint, quote, status, version, create_time, update_time, document)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
           on conflict do nothing returning 1`,
        values: [
          order.id,
          order.userId,
          order.requestId,
          fingerprint,
          quote,
          statusNumbers[order.status],
          order.version,
          order.createTime,
          order.updateTime,
          toJson(order),
        ],
        ...planFor(undefined, order),
      });
    },

    async replace(before, after, { schedules }) {
      const won = await changeWith(database, {
        ...replacement(before, after),
        events: eventsOf(before, after),
        ...(schedules && planFor(before, after)),
      });
      if (won) changed(after.id);
      return won;
    },

    handOver: (id) => database.transaction((tx) => schedule(tx, { kind: advanceTask, key: id })),

    async change(id, repeat, work) {
      let after: Order | undefined;
      const result = await database.transaction(async (tx) => {
        after = undefined;
        const answer = await once(tx, repeat, async () => {
          const before = await lockOrder(tx, id);
          const done = await work(before, { nextInvoice: (vendorId, year) => nextInvoice(tx, vendorId, year) });
          if (before !== undefined && done.order !== before) {
            await write(tx, before, done.order);
            await plan(tx, before, done.order);
          }
          after = done.order;
          return done.answer;
        });
        const order = after ?? (await findOrder(tx, id));
        if (order === undefined) throw new Error(`order ${id} was changed once and is gone`);
        return { order, answer };
      });
      if (after !== undefined) changed(id);
      return result;
    },

    list: (listing) => listOrders(database, listing),
  };
}

/** What changes an order, for events of others; undefined when nothing does, or it isn't ours. */
export async function orderChange(
  sql: Sql,
  id: string,
  work: (order: Order) => Order,
): Promise<ChangeWith | undefined> {
  const before = await findOrder(sql, id);
  if (before === undefined) return undefined;
  const after = work(before);
  if (after === before) return undefined;
  return { ...replacement(before, after), events: eventsOf(before, after), ...planFor(before, after) };
}

async function findOrder(sql: Sql, id: string): Promise<Order | undefined> {
  const [row] = await sql.query<{ document: string }>('select document::text as document from orders where id = $1', [
    id,
  ]);
  return row && fromJson(row.document);
}

async function lockOrder(tx: Sql, id: string): Promise<Order | undefined> {
  const [row] = await tx.query<{ document: string }>(
    'select document::text as document from orders where id = $1 for no key update',
    [id],
  );
  return row && fromJson(row.document);
}

// A compare-and-set, so that it needs no lock before it.
function replacement(before: Order, after: Order) {
  const vendorIds = after.confirmTime === undefined ? [] : after.parts.map((part) => part.vendorId);
  return {
    text: `update orders set status = $3, version = $4, update_time = $5, document = $6
       where id = $1 and version = $2 returning id`,
    also: `insert into order_part (vendor_id, order_id, order_status)
       select vendor_id, changed.id, $3 from changed cross join unnest($7::text[]) as vendor (vendor_id)
       on conflict (vendor_id, order_id) do update set order_status = excluded.order_status
         where order_part.order_status <> excluded.order_status`,
    values: [
      ...[after.id, before.version, statusNumbers[after.status], after.version, after.updateTime],
      ...[toJson(after), vendorIds],
    ],
  };
}

async function write(tx: Sql, before: Order, after: Order): Promise<boolean> {
  const { text, also, values } = replacement(before, after);
  const done = await tx.query(`with changed as (${text}), parts as (${also}) select 1 from changed`, values);
  if (done.length > 0) await publish(tx, ...eventsOf(before, after));
  return done.length > 0;
}

type Plan = { readonly tasks?: readonly TaskToDo[]; readonly unschedule?: Pick<TaskToDo, 'kind' | 'key'> };

function planFor(before: Order | undefined, after: Order): Plan {
  const due = dueTimeOf(after);
  const task = { kind: advanceTask, key: after.id };
  if (due !== undefined) return { tasks: [{ ...task, dueTime: due === 'now' ? undefined : due }] };
  return before !== undefined && dueTimeOf(before) !== undefined ? { unschedule: task } : {};
}

async function plan(tx: Sql, before: Order, after: Order): Promise<void> {
  const { tasks = [], unschedule: over } = planFor(before, after);
  await schedule(tx, ...tasks);
  if (over !== undefined) await unschedule(tx, over.kind, over.key);
}

async function nextInvoice(tx: Sql, vendorId: string, year: string) {
  const [counted] = await tx.query<{ series: number; number: number }>(
    `with counted as (
       update invoice_counter set last = last + 1 where vendor_id = $1 and year = $2 returning last
     )
     select series, counted.last as number from invoice_series cross join counted where vendor_id = $1`,
    [vendorId, year],
  );
  if (counted !== undefined) return counted;
  // A vendor's first of a year. Vendors that come at the same time wait for each other: their series have no gaps either.
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('only2u invoice series', 0))`);
  await tx.query(
    `insert into invoice_series (vendor_id, series) select $1, coalesce(max(series), 0) + 1 from invoice_series
     on conflict (vendor_id) do nothing`,
    [vendorId],
  );
  const [first] = await tx.query<{ series: number; number: number }>(
    `with counted as (
       insert into invoice_counter as counter (vendor_id, year, last) values ($1, $2, 1)
       on conflict (vendor_id, year) do update set last = counter.last + 1 returning last
     )
     select series, counted.last as number from invoice_series cross join counted where vendor_id = $1`,
    [vendorId, year],
  );
  if (first === undefined) throw new Error('a vendor has no series of invoices');
  return first;
}

const afterAllIds = '~'; // no id sorts after it

async function listOrders(sql: Sql, { of, status, before: end, limit }: OrderListing): Promise<Order[]> {
  const before = end === '' ? afterAllIds : end;
  const page = [status === undefined ? null : statusNumbers[status], before, limit];
  const rows = await (of === 'all'
    ? status === undefined
      ? sql.query<{ document: string }>(
          `select document::text as document from orders where id < $1 order by id desc limit $2`,
          [before, limit],
        )
      : sql.query<{ document: string }>(
          `select document::text as document from orders where status = $1 and id < $2 order by id desc limit $3`,
          page,
        )
    : 'userId' in of
      ? sql.query<{ document: string }>(
          `select document::text as document from orders
           where user_id = $4 and ($1::smallint is null or status = $1) and id < $2 order by id desc limit $3`,
          [...page, of.userId],
        )
      : listSold(sql, of.vendorId, status, page));
  return rows.map(({ document }) => fromJson(document));
}

function listSold(sql: Sql, vendorId: string, status: Order['status'] | undefined, page: readonly unknown[]) {
  const [, before, limit] = page;
  return status === undefined
    ? sql.query<{ document: string }>(
        `select document::text as document from order_part join orders on orders.id = order_id
         where vendor_id = $3 and order_id < $1 order by order_id desc limit $2`,
        [before, limit, vendorId],
      )
    : sql.query<{ document: string }>(
        `select document::text as document from order_part join orders on orders.id = order_id
         where vendor_id = $4 and order_status = $1 and order_id < $2 order by order_id desc limit $3`,
        [...page, vendorId],
      );
}
