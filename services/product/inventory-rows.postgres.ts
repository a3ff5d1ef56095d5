import type { Sql } from '#platform/database.postgres.ts';
import type { ProductStatus } from './content.ts';
import type { OwnedStock } from './inventory-store.ts';
import type { Reservation, ReservationState } from './inventory.ts';
import { noteStock } from './search-index.postgres.ts';

// The contract's numbers.
const states: readonly (ReservationState | undefined)[] = [undefined, 'held', 'committed', 'released', 'expired'];
const statuses: readonly (ProductStatus | undefined)[] = [undefined, 'draft', 'published', 'archived'];

export const stockColumns = `s.variant_id, s.on_hand, s.reserved, v.stock_tracked, v.backorder_allowed, v.product_id, p.vendor_id, p.status`;

export type StockRow = {
  readonly variant_id: string;
  readonly on_hand: number;
  readonly reserved: number;
  readonly stock_tracked: boolean;
  readonly backorder_allowed: boolean;
  readonly product_id: string;
  readonly vendor_id: string;
  readonly status: number;
};

export function stockOf(row: StockRow): OwnedStock {
  return {
    variantId: row.variant_id,
    onHand: row.on_hand,
    reserved: row.reserved,
    tracked: row.stock_tracked,
    backorderAllowed: row.backorder_allowed,
    product: { id: row.product_id, vendorId: row.vendor_id, status: known(statuses, row.status, row.product_id) },
  };
}

export type ReservationRow = {
  readonly id: string;
  readonly order_id: string | null;
  readonly state: number;
  /** Text where it comes within JSON. */
  readonly expire_time: Date | string;
  readonly create_time: Date | string;
  readonly items: Reservation['items'] | null;
};

/** The columns of a ReservationRow, from `reservation r`. */
export const reservationColumns = `r.id, r.order_id, r.state, r.expire_time, r.create_time, ${itemsOf('r.id')} as items`;

/** A reservation's items as JSON, null when it has none; `id` is the SQL of its id. */
export function itemsOf(id: string): string {
  return `(select json_agg(json_build_object('variantId', i.variant_id, 'quantity', i.quantity, 'counted', i.counted,
    'restocked', i.restocked) order by i.variant_id) from reservation_item i where i.reservation_id = ${id})`;
}

export function reservationOf(row: ReservationRow): Reservation {
  return {
    id: row.id,
    orderId: row.order_id ?? '',
    state: known(states, row.state, row.id),
    items: row.items ?? [],
    expireTime: new Date(row.expire_time),
    createTime: new Date(row.create_time),
  };
}

/**
 * Tells the search of variants that sold out or came back. The documents are locked before they are reckoned anew: of two
 * customers who each take the last piece of another variant, the second one must see what the first one took.
 */
export async function noteTurned(tx: Sql, variantIds: readonly string[]): Promise<void> {
  if (variantIds.length === 0) return;
  const documents = await tx.query(
    `select 1 from search_document where product_id in (select product_id from variant where id = any($1))
     order by product_id for update`,
    [variantIds],
  );
  if (documents.length > 0) await noteStock(tx, variantIds); // what is being made has none yet
}

function known<T>(names: readonly (T | undefined)[], number: number, id: string): T {
  const name = names[number];
  if (name === undefined) throw new Error(`${id} has the unknown state ${number}`);
  return name;
}
