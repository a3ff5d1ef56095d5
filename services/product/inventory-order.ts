import { Fault, requestIdReused } from '#platform/fault.ts';
import type { ReservationItem, Reservation, Wanted } from './inventory.ts';

/** What is asked to be set aside: as much of a reservation as is known before anybody looked at the stock. */
export type Hold = Pick<Reservation, 'id' | 'orderId' | 'expireTime' | 'createTime'> & {
  /** Who asks, so that nobody gets another's answer. */
  readonly actor: string;
  /** The request_id. */
  readonly requestId: string;
  readonly items: readonly Wanted[];
};

/** A reservation that was made by the same request or is for the same order. */
export type KnownReservation = {
  readonly reservation: Reservation;
  /** Whether the hold's own request made it. */
  readonly sameRequest: boolean;
  /** Whether nothing is reserved for its order any more. */
  readonly closing: boolean;
};

/**
 * The reservation that answers a hold which was asked for before, as it stands now. undefined when there is one for the order
 * whose time is over: it is to be ended before a new one is made.
 */
export function recall(known: readonly KnownReservation[], hold: Hold): Reservation | undefined {
  const now = hold.createTime;
  const same = known.find(({ sameRequest }) => sameRequest)?.reservation;
  if (same !== undefined && !isSame(same, hold)) throw requestIdReused(hold.requestId);
  if (
    hold.orderId !== '' &&
    known.some(({ reservation, closing }) => closing && reservation.orderId === hold.orderId)
  ) {
    throw orderClosed(hold.orderId);
  }
  if (same !== undefined) return isOverdue(same, now) ? { ...same, state: 'expired' } : same;
  const live = known.find(({ reservation }) => reservation.orderId === hold.orderId)?.reservation;
  if (live === undefined || isOverdue(live, now)) return undefined;
  if (sameItems(live.items, hold.items)) return live;
  throw new Fault(
    'already-exists',
    'ORDER_ALREADY_RESERVED',
    `Other pieces are reserved for the order ${hold.orderId}: release ${live.id} first.`,
    { metadata: { order_id: hold.orderId, reservation_id: live.id } },
  );
}

/** Notes that sold pieces come back, which are never more than were sold. */
export function restock(reservation: Reservation, returned: readonly Wanted[]): Reservation {
  const { id, state, items } = reservation;
  if (state !== 'committed') {
    throw new Fault(
      'failed-precondition',
      'RESERVATION_NOT_COMMITTED',
      `The pieces of ${id} are not sold: release it.`,
      {
        metadata: { reservation_id: id },
      },
    );
  }
  const back = new Map(returned.map(({ variantId, quantity }) => [variantId, quantity]));
  for (const [variantId, quantity] of back) {
    const item = items.find((each) => each.variantId === variantId);
    const [sold, restocked] = [item?.quantity ?? 0, item?.restocked ?? 0];
    if (restocked + quantity > sold) {
      const text = `${quantity} of ${variantId} can't come back to ${id}: ${sold} were sold and ${restocked} came back already.`;
      throw new Fault('failed-precondition', 'RESTOCK_EXCEEDS_COMMITTED', text, {
        metadata: {
          reservation_id: id,
          variant_id: variantId,
          requested: String(quantity),
          committed: String(sold),
          restocked: String(restocked),
        },
      });
    }
  }
  return {
    ...reservation,
    items: items.map((item) => ({ ...item, restocked: item.restocked + (back.get(item.variantId) ?? 0) })),
  };
}

function isOverdue({ state, expireTime }: Reservation, now: Date): boolean {
  return state === 'held' && expireTime <= now;
}

function isSame(known: Reservation, hold: Hold): boolean {
  const heldFor = (each: Pick<Hold, 'createTime' | 'expireTime'>) =>
    each.expireTime.getTime() - each.createTime.getTime();
  return known.orderId === hold.orderId && heldFor(known) === heldFor(hold) && sameItems(known.items, hold.items);
}

function sameItems(known: readonly ReservationItem[], wanted: readonly Wanted[]): boolean {
  const quantities = new Map(known.map(({ variantId, quantity }) => [variantId, quantity]));
  return (
    known.length === wanted.length && wanted.every(({ variantId, quantity }) => quantities.get(variantId) === quantity)
  );
}

function orderClosed(orderId: string): Fault {
  const text = `The order ${orderId} is closed: nothing is reserved for it any more.`;
  return new Fault('failed-precondition', 'ORDER_CLOSED', text, { metadata: { order_id: orderId } });
}
