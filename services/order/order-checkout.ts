import { Fault } from '#platform/fault.ts';
import {
  assertMove,
  moved,
  nameOf,
  orderMoves,
  partMoves,
  totalOf,
  type Handoff,
  type Order,
  type OrderStatus,
  type PaymentMethod,
} from './order.ts';
import type { Quote } from './quote.ts';

// From the tap to CONFIRMED, or back to nothing. Each move answers the order after it.

export type Placing = {
  readonly id: string;
  readonly userId: string;
  readonly requestId: string;
  readonly method: PaymentMethod;
  readonly purchase: string;
  readonly now: Date;
  newId(prefix: string): string;
};

const placeLimitMs = 2 * 60_000; // a customer who waits any longer has gone; what was reserved goes back

/** The order that a quote becomes. */
export function placeOrder(quote: Quote, { id, userId, requestId, method, purchase, now, newId }: Placing): Order {
  return {
    ...quote,
    id,
    userId,
    requestId,
    status: 'pending',
    version: 1,
    parts: quote.parts.map((part) => ({
      ...part,
      id: newId('opt'),
      status: 'pending',
      lines: part.lines.map((line) => ({ ...line, id: newId('oli'), canceled: 0, returned: 0, refunded: 0n })),
      carrier: '',
      trackingNumber: '',
      invoiceNumber: '',
    })),
    method,
    purchase,
    placeLimitTime: new Date(now.getTime() + placeLimitMs),
    reservationId: '',
    paymentId: '',
    captured: 0n,
    closeReason: '',
    closeMessage: '',
    returns: [],
    refunds: [],
    restocks: [],
    collections: [],
    couponUse: 'kept',
    history: [{ happenTime: now, kind: 'PLACED', message: 'The order was placed.', partId: '' }],
    createTime: now,
    updateTime: now,
  };
}

/** What is held for the order at others. */
export type Held = {
  readonly reservationId: string;
  readonly paymentId: string;
  readonly captured: bigint;
};

/** Stock, coupons and payment are ready: it is the customer's turn, until `expireTime`. */
export function awaitPayment(
  order: Order,
  held: Held & { readonly handoff: Handoff | undefined; readonly expireTime: Date },
  now: Date,
): Order {
  assertTo(order, 'awaiting-payment');
  const { reservationId, paymentId, captured, handoff, expireTime: paymentExpireTime } = held;
  const changes = {
    status: 'awaiting-payment',
    reservationId,
    paymentId,
    captured,
    handoff,
    paymentExpireTime,
  } as const;
  return moved(order, changes, { kind: 'AWAITING_PAYMENT', message: 'The order waits to be paid.' }, now);
}

/** Whether the vendors may begin: it is paid, or is paid at the door. */
export function isPaid(order: Order): boolean {
  return order.method === 'cash' || order.captured >= totalOf(order);
}

/** What the payment service says was taken; it says so in any order and any number of times. */
export function notePayment(order: Order, captured: bigint, now: Date): Order {
  // Money that arrives for a canceled order goes straight back, and is the payment's to tell.
  if (captured <= order.captured || order.status === 'canceled') return order;
  const paid = order.method === 'online' && captured >= totalOf(order) && order.captured < totalOf(order);
  const step = paid
    ? { kind: 'PAID', message: 'The order was paid.' }
    : { kind: 'MONEY_TAKEN', message: 'Money was taken for the order.' };
  return moved(order, { captured }, step, now);
}

/** Paid, and the stock is sold: the vendors see to it now. */
export function confirm(order: Order, { reservationId, paymentId, captured }: Held, now: Date): Order {
  assertTo(order, 'confirmed');
  const parts = order.parts.map((part) => {
    assertMove(partMoves, part.status, 'confirmed', 'A part');
    return { ...part, status: 'confirmed' as const };
  });
  // What the customer paid with and what the coupons were told is of no use any more.
  const held = { reservationId, paymentId, captured, handoff: undefined, purchase: '' };
  const changes = { ...held, status: 'confirmed', parts, confirmTime: now } as const;
  return moved(order, changes, { kind: 'CONFIRMED', message: 'The order is confirmed.' }, now);
}

export type CloseReason = { readonly reason: string; readonly message: string };

/** It won't be fulfilled; what it holds is to be given back. Only before it is confirmed: `cancelItems` after. */
export function close(order: Order, { reason, message }: CloseReason, now: Date): Order {
  assertTo(order, 'canceling');
  const parts = order.parts.map((part) => {
    assertMove(partMoves, part.status, 'canceled', 'A part');
    return { ...part, status: 'canceled' as const };
  });
  const changes = {
    status: 'canceling',
    parts,
    closeReason: reason,
    closeMessage: message,
    handoff: undefined,
  } as const;
  return moved(order, changes, { kind: 'CANCELING', message }, now);
}

/** All that it held before it was confirmed has been given back, and what was captured for it refunded in full. */
export function closed(
  order: Order,
  given: { readonly captured: bigint; readonly refundId: string },
  now: Date,
): Order {
  assertTo(order, 'canceled');
  const { captured, refundId: id } = given;
  const refund = { id, amount: captured, reason: order.closeMessage, createTime: now, sent: true };
  const couponUse = order.coupons.length > 0 ? ('returned' as const) : order.couponUse;
  const changes = { status: 'canceled', captured, couponUse, refunds: captured > 0n ? [refund] : [] } as const;
  return moved(order, changes, { kind: 'CANCELED', message: order.closeMessage }, now);
}

// A confirmed order stands where its parts do.
function assertTo(order: Order, status: OrderStatus): void {
  assertMove(orderMoves, order.status, status, 'An order');
  if (order.confirmTime === undefined) return;
  const metadata = { from: nameOf(order.status), to: nameOf(status) };
  throw new Fault('failed-precondition', 'ILLEGAL_MOVE', 'A confirmed order is canceled by its pieces.', { metadata });
}
