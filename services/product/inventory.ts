import { Fault } from '#platform/fault.ts';

/** What there is of a variant. */
export type Stock = {
  readonly variantId: string;
  /** Below zero only where backorders are allowed. */
  readonly onHand: number;
  /** Set aside for orders that aren't paid yet. */
  readonly reserved: number;
  /** Whether pieces are counted at all. */
  readonly tracked: boolean;
  readonly backorderAllowed: boolean;
};

export type ReservationItem = {
  readonly variantId: string;
  readonly quantity: number;
  /** Whether the pieces were taken from the count; not when stock was untracked at the time. */
  readonly counted: boolean;
  /** How many of the sold pieces came back. */
  readonly restocked: number;
};

export type ReservationState = 'held' | 'committed' | 'released' | 'expired';

export type Reservation = {
  /** "rsv_…" */
  readonly id: string;
  /** "" when it is for none. */
  readonly orderId: string;
  readonly state: ReservationState;
  readonly items: readonly ReservationItem[];
  readonly expireTime: Date;
  readonly createTime: Date;
};

/** One line of the ledger: what changed the pieces on hand. */
export type Movement = {
  readonly variantId: string;
  readonly delta: number;
  readonly kind: 'adjusted' | 'sold' | 'imported' | 'restocked';
  /** The reservation, or the request. */
  readonly reference: string;
  readonly reason: string;
  /** "usr_…", or "" for the shop itself. */
  readonly actor: string;
  readonly time: Date;
};

/** Pieces on hand, and owed where backorders are allowed. */
export const maxPieces = 1_000_000_000;
export const defaultHoldMs = 15 * 60_000; // a payment page with a one-time password takes 5
const mostNamed = 20; // variants in one refusal: all 100 would not fit into the headers it travels in

/** What can be bought: below zero when more was sold on backorder than there is. */
export function availableOf(stock: Stock): number {
  return stock.onHand - stock.reserved;
}

/** What is missing of a variant. */
export type Shortage = { readonly variantId: string; readonly requested: number; readonly available: number };

/** Pieces of a variant that somebody asks for. */
export type Wanted = Pick<ReservationItem, 'variantId' | 'quantity'>;

/** Sets pieces aside, all or none. `stocks` holds those that exist, in any order. */
export function reserve(stocks: readonly Stock[], wanted: readonly Wanted[]): ReservationItem[] {
  const byId = new Map(stocks.map((stock) => [stock.variantId, stock]));
  const shortages: Shortage[] = [];
  const items = wanted.map(({ variantId, quantity }) => {
    const stock = byId.get(variantId);
    if (stock === undefined) throw variantNotFound(variantId);
    const available = availableOf(stock);
    const least = stock.backorderAllowed ? -maxPieces : 0;
    if (stock.tracked && available - quantity < least) {
      shortages.push({ variantId, requested: quantity, available: Math.max(available, 0) });
    }
    return { variantId, quantity, counted: stock.tracked, restocked: 0 };
  });
  if (shortages.length > 0) throw new OutOfStock(shortages, wanted);
  return items;
}

/** Adds to or takes from what is on hand. What is reserved stays there for its orders. */
export function adjust(stock: Stock, delta: number): Stock {
  const after = { ...stock, onHand: stock.onHand + delta };
  const metadata = { variant_id: stock.variantId, on_hand: String(stock.onHand), reserved: String(stock.reserved) };
  if (delta < 0 && !stock.backorderAllowed && availableOf(after) < 0) {
    const text = `Only ${Math.max(availableOf(stock), 0)} pieces of ${stock.variantId} can be taken away: ${stock.onHand} are on hand and ${stock.reserved} reserved.`;
    throw new Fault('failed-precondition', 'STOCK_TOO_LOW', text, { metadata });
  }
  if (Math.abs(after.onHand) > maxPieces) {
    throw new Fault('out-of-range', 'STOCK_TOO_LARGE', `A stock is at most ${maxPieces} pieces.`, { metadata });
  }
  return after;
}

/** Takes the pieces out of the stock for good. A second time changes nothing. */
export function commit(reservation: Reservation, now: Date): Reservation {
  const { id, state, expireTime } = reservation;
  if (state === 'committed') return reservation;
  if (state === 'released') {
    throw ended('RESERVATION_RELEASED', id, `The reservation ${id} was released; reserve the pieces again.`);
  }
  if (state === 'expired' || expireTime <= now) {
    const text = `The reservation ${id} expired at ${expireTime.toISOString()}; reserve the pieces again.`;
    throw ended('RESERVATION_EXPIRED', id, text);
  }
  return { ...reservation, state: 'committed' };
}

/** Gives the pieces back. What has been given back already stays so. */
export function release(reservation: Reservation): Reservation {
  const { id, state } = reservation;
  if (state === 'committed') {
    throw ended('RESERVATION_COMMITTED', id, `The pieces of ${id} are sold; restock them when they come back.`);
  }
  return state === 'held' ? { ...reservation, state: 'released' } : reservation;
}

/** Refuses a reservation; names what is missing, so that a cart can offer what there is. */
export class OutOfStock extends Fault {
  readonly shortages: readonly Shortage[];

  constructor(shortages: readonly Shortage[], wanted: readonly { readonly variantId: string }[]) {
    const named = shortages.slice(0, mostNamed);
    const places = new Map(wanted.map(({ variantId }, index) => [variantId, index]));
    const said = named.map(({ variantId, requested, available }) => `${available} of ${requested} ${variantId}`);
    const others = shortages.length > named.length ? ` and ${shortages.length - named.length} others` : '';
    super('failed-precondition', 'OUT_OF_STOCK', `Not everything is in stock: ${said.join(', ')}${others}.`, {
      metadata: Object.fromEntries(
        named.flatMap(({ variantId, requested, available }) => [
          [`requested_${variantId}`, String(requested)],
          [`available_${variantId}`, String(available)],
        ]),
      ),
      fields: named.map(({ variantId, requested, available }) => ({
        field: `items[${places.get(variantId) ?? 0}].quantity`,
        reason: 'OUT_OF_STOCK',
        description: `is ${requested}, but ${available} can be bought`,
      })),
    });
    this.shortages = shortages;
  }
}

export function variantNotFound(variantId: string): Fault {
  return new Fault('not-found', 'VARIANT_NOT_FOUND', `There is no variant "${variantId}".`, {
    metadata: { variant_id: variantId },
  });
}

export function reservationNotFound(id: string): Fault {
  return new Fault('not-found', 'RESERVATION_NOT_FOUND', `There is no reservation "${id}".`, {
    metadata: { reservation_id: id },
  });
}

export function ended(reason: string, id: string, text: string): Fault {
  return new Fault('failed-precondition', reason, text, { metadata: { reservation_id: id } });
}
