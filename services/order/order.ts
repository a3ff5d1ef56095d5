import { Fault } from '#platform/fault.ts';
import {
  totalsOf,
  type PostalAddress,
  type Quote,
  type QuotedCoupon,
  type QuotedLine,
  type QuotedPart,
} from './quote.ts';

export type OrderStatus =
  'pending' | 'awaiting-payment' | 'confirmed' | 'shipped' | 'delivered' | 'canceling' | 'canceled';
export type PartStatus = 'pending' | 'confirmed' | 'packed' | 'shipped' | 'delivered' | 'canceled';
export type ReturnStatus = 'requested' | 'approved' | 'rejected' | 'received';
export type PaymentMethod = 'online' | 'cash';

/** A number of pieces of a variant, as it was when the order was placed, and what became of them. */
export type OrderLine = QuotedLine & {
  /** "oli_…" */
  readonly id: string;
  readonly canceled: number;
  readonly returned: number;
  /** What went back for those, in minor units. */
  readonly refunded: bigint;
};

/** What one vendor sends. */
export type OrderPart = Omit<QuotedPart, 'lines'> & {
  /** "opt_…" */
  readonly id: string;
  readonly status: PartStatus;
  readonly lines: readonly OrderLine[];
  readonly carrier: string;
  readonly trackingNumber: string;
  /** From when it is shipped on. */
  readonly invoiceNumber: string;
  readonly shipTime?: Date;
  readonly deliverTime?: Date;
};

export type OrderItem = { readonly lineId: string; readonly quantity: number };

export type OrderReturn = {
  /** "ret_…" */
  readonly id: string;
  readonly partId: string;
  readonly items: readonly OrderItem[];
  readonly reason: string;
  readonly status: ReturnStatus;
  readonly note: string;
  /** What goes back for it, known when the pieces came back. */
  readonly refund?: bigint;
  readonly createTime: Date;
  readonly updateTime: Date;
};

/** Money that goes back. Its id, "orf_…", names it for the payment service too. */
export type OrderRefund = {
  readonly id: string;
  readonly amount: bigint;
  readonly reason: string;
  readonly createTime: Date;
  readonly sent: boolean;
};

/** Sold pieces that go back on the shelf. Its id is "ors_…". */
export type Restock = {
  readonly id: string;
  readonly items: readonly { readonly variantId: string; readonly quantity: number }[];
  readonly done: boolean;
};

/** Cash that was taken at the door for a part. */
export type Collection = { readonly partId: string; readonly amount: bigint; readonly done: boolean };

/** Of the order's coupons: `due` to be given back, or `returned`. */
export type CouponUse = 'kept' | 'due' | 'returned';

export type OrderStep = {
  readonly happenTime: Date;
  readonly kind: string;
  readonly message: string;
  readonly partId: string;
};

/** What an app opens the provider's page with. */
export type Handoff = {
  readonly provider: string;
  readonly providerOrderId: string;
  readonly providerKeyId: string;
};

/** What somebody has bought. Amounts are minor units of `currency`. */
export type Order = Omit<Quote, 'parts' | 'address' | 'coupons'> & {
  /** "ord_…" */
  readonly id: string;
  readonly userId: string;
  readonly requestId: string;
  readonly status: OrderStatus;
  /** Counts its changes from 1. */
  readonly version: number;
  readonly parts: readonly OrderPart[];
  readonly coupons: readonly QuotedCoupon[];
  readonly address: PostalAddress;
  readonly method: PaymentMethod;
  /** What the coupon service is told when the coupons are used up, sealed; "" without coupons. */
  readonly purchase: string;
  /** Until when it has to come out of PENDING. */
  readonly placeLimitTime: Date;
  readonly reservationId: string;
  readonly paymentId: string;
  readonly handoff?: Handoff | undefined;
  /** What was taken in all. */
  readonly captured: bigint;
  readonly paymentExpireTime?: Date;
  readonly confirmTime?: Date;
  readonly closeReason: string;
  readonly closeMessage: string;
  readonly returns: readonly OrderReturn[];
  readonly refunds: readonly OrderRefund[];
  readonly restocks: readonly Restock[];
  readonly collections: readonly Collection[];
  readonly couponUse: CouponUse;
  readonly history: readonly OrderStep[];
  readonly createTime: Date;
  readonly updateTime: Date;
};

/** Every legal move of an order. After CONFIRMED the status follows from the parts: see `statusOf`. */
export const orderMoves: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  pending: ['awaiting-payment', 'confirmed', 'canceling'],
  'awaiting-payment': ['confirmed', 'canceling'],
  confirmed: ['shipped', 'delivered', 'canceling'],
  shipped: ['delivered'],
  delivered: [],
  canceling: ['canceled'],
  canceled: [],
};

/** Every legal move of a part. What a vendor skips counts as done. */
export const partMoves: Readonly<Record<PartStatus, readonly PartStatus[]>> = {
  pending: ['confirmed', 'canceled'],
  confirmed: ['packed', 'shipped', 'delivered', 'canceled'],
  packed: ['shipped', 'delivered'],
  shipped: ['delivered'],
  delivered: [],
  canceled: [],
};

/** Every legal move of a return. An approved one may still be rejected: what came may be something else. */
export const returnMoves: Readonly<Record<ReturnStatus, readonly ReturnStatus[]>> = {
  requested: ['approved', 'rejected', 'received'],
  approved: ['rejected', 'received'],
  rejected: [],
  received: [],
};

/** Refuses a move that the table does not name. */
export function assertMove<S extends string>(
  moves: Readonly<Record<S, readonly S[]>>,
  from: S,
  to: S,
  what: string,
): void {
  if (moves[from].includes(to)) return;
  const names = { from: nameOf(from), to: nameOf(to) };
  throw new Fault('failed-precondition', 'ILLEGAL_MOVE', `${what} that is ${names.from} can’t become ${names.to}.`, {
    metadata: names,
  });
}

/** As the contract writes it, such as AWAITING_PAYMENT. */
export function nameOf(status: string): string {
  return status.toUpperCase().replaceAll('-', '_');
}

/** Where a confirmed order stands, by its parts. */
export function statusOf(parts: readonly Pick<OrderPart, 'status'>[]): OrderStatus {
  const alive = parts.map(({ status }) => status).filter((status) => status !== 'canceled');
  if (alive.length === 0) return 'canceling';
  if (alive.some((status) => status === 'confirmed' || status === 'packed')) return 'confirmed';
  return alive.some((status) => status === 'shipped') ? 'shipped' : 'delivered';
}

export type Step = { readonly kind: string; readonly message: string; readonly partId?: string };

const keptSteps = 100; // what the contract shows

/** The order with the changes, and the step in its history if there is one; a move of its status has to be legal. */
export function moved(order: Order, changes: Partial<Order>, step: Step | undefined, now: Date): Order {
  const status = changes.status ?? order.status;
  if (status !== order.status) assertMove(orderMoves, order.status, status, 'An order');
  const entry = step && { happenTime: now, kind: step.kind, message: step.message, partId: step.partId ?? '' };
  const history = entry === undefined ? order.history : [...order.history, entry].slice(-keptSteps);
  return { ...order, ...changes, status, version: order.version + 1, history, updateTime: now };
}

/** What is paid for the order. */
export function totalOf(order: Pick<Order, 'parts'>): bigint {
  return totalsOf(order).total;
}

/** What of the order's money goes or went back. */
export function refundedOf(order: Pick<Order, 'refunds'>): bigint {
  return order.refunds.reduce((sum, refund) => sum + refund.amount, 0n);
}

/** Refuses a change to an order that has changed since it was seen. An empty etag means: whatever it is now. */
export function assertEtag(order: Order, etag: string): void {
  if (etag === '' || etag === String(order.version)) return;
  throw new Fault(
    'aborted',
    'ETAG_MISMATCH',
    'The order has changed since it was read: read it again, then change it.',
    {
      metadata: { etag: String(order.version) },
    },
  );
}

/** What another's order is refused with too: nobody learns which orders exist. */
export function orderNotFound(id: string): Fault {
  return new Fault('not-found', 'ORDER_NOT_FOUND', 'You have no such order.', { metadata: { order_id: id } });
}

export function partOf(order: Order, partId: string): OrderPart {
  const part = order.parts.find(({ id }) => id === partId);
  if (part !== undefined) return part;
  throw new Fault('not-found', 'PART_NOT_FOUND', 'The order has no such part.', { metadata: { part_id: partId } });
}

/** Whether something of the order is still to be done by us: money, stock or a coupon that goes back, cash to be noted. */
export function hasOpenEffects(order: Order): boolean {
  return (
    order.refunds.some(({ sent }) => !sent) ||
    order.restocks.some(({ done }) => !done) ||
    order.collections.some(({ done }) => !done) ||
    order.couponUse === 'due'
  );
}

/** Whether nothing will happen to it by itself: canceled, or delivered and nothing on its way back. */
export function isAtRest(order: Order): boolean {
  if (order.status === 'canceled') return true;
  const returning = order.returns.some(({ status }) => status === 'requested' || status === 'approved');
  return order.status === 'delivered' && !returning && !hasOpenEffects(order);
}

const inlineMs = 10_000; // longer than a call spends on a checkout: the worker comes after it, not beside it

/** When somebody has to see to it next: `now`, a time, or never. */
export function dueTimeOf(order: Order): Date | 'now' | undefined {
  switch (order.status) {
    case 'pending':
      return new Date(order.updateTime.getTime() + inlineMs);
    case 'canceling':
      // Before the confirmation whoever closed it gives back at once what it held.
      return order.confirmTime === undefined ? new Date(order.updateTime.getTime() + inlineMs) : 'now';
    case 'awaiting-payment':
      return order.captured >= totalOf(order) ? 'now' : order.paymentExpireTime;
    case 'confirmed':
    case 'shipped':
    case 'delivered':
      return hasOpenEffects(order) ? 'now' : undefined;
    case 'canceled':
      return undefined;
  }
}
