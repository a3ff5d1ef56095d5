import { brokenUnique, type Database, type Sql } from '#platform/database.postgres.ts';
import { codeOf } from '#platform/error-code.ts';
import type { Hold } from './inventory-order.ts';
import {
  itemsOf,
  noteTurned,
  reservationOf,
  stockOf,
  type ReservationRow,
  type StockRow,
} from './inventory-rows.postgres.ts';
import type { HoldOutcome } from './inventory-store.ts';
import { maxPieces } from './inventory.ts';

const attempts = 3; // a second one sees what the first ran into, and that can end once more meanwhile

/**
 * A checkout's hot path: one statement, without BEGIN and COMMIT. Only where the last piece of a variant goes there are five
 * more, in a transaction, since the search is told.
 */
export function hold(database: Database, asked: Hold): Promise<HoldOutcome> {
  return untilWon(async () => {
    const outcome =
      (await tryHold(database, asked, false)) ?? (await database.transaction((tx) => tryHold(tx, asked, true)));
    if (outcome === undefined) throw new Error('a hold was left undecided');
    return outcome;
  });
}

/**
 * Asks again after a race that was lost: somebody reserved for the same order, or by the same request, since the statement
 * began; or a product was deleted meanwhile, which locks its stocks in an order of its own.
 */
export async function untilWon<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const lost = brokenUnique(error)?.startsWith('reservation_') === true || codeOf(error) === '40P01';
      if (!lost || attempt === attempts) throw error;
    }
  }
}

/** undefined when it would turn a variant, which only `mayTurn` allows. */
async function tryHold(sql: Sql, asked: Hold, mayTurn: boolean): Promise<HoldOutcome | undefined> {
  const { id, orderId, items, createTime, expireTime } = asked;
  // The gate comes first, so that nobody waits for another of the same order with stocks in hand. Stocks are locked in the
  // order of their ids; what comes out of the lock is what they are now, not what they were when the statement began.
  const [row] = await sql.query<HoldRow>(
    `with gate as materialized (select pg_advisory_xact_lock(hashtextextended('reserve ' || coalesce($3, $2), 0))),
     known as materialized (
       select r.* from reservation r where r.request = $2
       union all
       select r.* from reservation r
       where r.order_id = $3 and (r.state in (1, 2) or r.closing) and r.request is distinct from $2),
     locked as materialized (
       select s.variant_id, s.on_hand, s.reserved, v.stock_tracked, v.backorder_allowed, v.product_id, p.vendor_id, p.status,
         wanted.quantity
       from gate cross join unnest($4::text[], $5::integer[]) as wanted (variant_id, quantity)
       join stock s on s.variant_id = wanted.variant_id join variant v on v.id = s.variant_id
       join product p on p.id = v.product_id
       where not exists (select from known)
       order by s.variant_id for update of s),
     verdict as materialized (
       select count(*) = cardinality($4::text[]) and bool_and(status = 2 and (not stock_tracked
           or on_hand - reserved - quantity >= case when backorder_allowed then -${maxPieces} else 0 end)) as possible,
         coalesce(array_agg(variant_id) filter (where stock_tracked and not backorder_allowed
           and on_hand - reserved > 0 and on_hand - reserved <= quantity), '{}') as turned
       from locked),
     made as (
       insert into reservation (id, state, request, order_id, expire_time, create_time, update_time)
       select $1, 1, $2, $3, $6, $7, $7 from verdict where possible and ($8 or turned = '{}')
       returning id),
     items as (
       insert into reservation_item (reservation_id, variant_id, quantity, counted)
       select made.id, variant_id, quantity, stock_tracked from made cross join locked),
     held as (
       update stock s set reserved = s.reserved + locked.quantity from made cross join locked
       where s.variant_id = locked.variant_id and locked.stock_tracked)
     select exists (select from made) as held, possible, turned,
       (select array_agg(variant_id) from locked where not stock_tracked) as uncounted,
       (select json_agg(locked) from locked where not possible) as stocks,
       (select json_agg(json_build_object('id', k.id, 'state', k.state, 'order_id', k.order_id, 'closing', k.closing,
          'same_request', coalesce(k.request = $2, false), 'expire_time', k.expire_time, 'create_time', k.create_time,
          'items', ${itemsOf('k.id')})) from known k) as known,
       not possible and exists (select from reservation r where r.state = 1 and r.expire_time <= $7) as overdue
     from verdict`,
    [
      id,
      `${asked.actor} ${asked.requestId}`,
      orderId === '' ? null : orderId,
      items.map((item) => item.variantId),
      items.map((item) => item.quantity),
      expireTime,
      createTime,
      mayTurn,
    ],
  );
  if (row === undefined) throw new Error('a hold was answered by no row');
  if (row.known !== null) {
    const known = row.known.map((each) => ({
      reservation: reservationOf(each),
      sameRequest: each.same_request,
      closing: each.closing,
    }));
    return { kind: 'known', known };
  }
  if (!row.possible) return { kind: 'refused', stocks: (row.stocks ?? []).map(stockOf), overdue: row.overdue };
  if (!row.held) return undefined;
  await noteTurned(sql, row.turned);
  const uncounted = new Set(row.uncounted);
  const set = items.map(({ variantId, quantity }) => {
    return { variantId, quantity, counted: !uncounted.has(variantId), restocked: 0 };
  });
  return { kind: 'held', reservation: { id, orderId, state: 'held', items: set, expireTime, createTime } };
}

type HoldRow = {
  readonly held: boolean;
  readonly possible: boolean;
  readonly turned: readonly string[];
  readonly uncounted: readonly string[] | null;
  readonly stocks: readonly StockRow[] | null;
  readonly known: readonly (ReservationRow & { readonly same_request: boolean; readonly closing: boolean })[] | null;
  readonly overdue: boolean;
};
