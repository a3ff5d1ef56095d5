import { Fault, invalidField } from '#platform/fault.ts';
import {
  assertMove,
  hasOpenEffects,
  moved,
  nameOf,
  partMoves,
  partOf,
  statusOf,
  type Order,
  type OrderItem,
  type OrderLine,
  type OrderPart,
  type PartStatus,
} from './order.ts';
import { lineTotal } from './quote.ts';

// From CONFIRMED on: what vendors send, and what is canceled before. Each move answers the order after it.

/** Who asks for a change. A vendor changes its own parts alone. */
export type Actor = { readonly id: string; readonly role: 'customer' | 'vendor' | 'admin' };

/**
 * What was paid for the first `pieces` of a line: what doesn't divide falls to the later ones, so that refunds for all pieces add up
 * to what was paid, in however many steps.
 */
export function paidFor(line: OrderLine, pieces: number): bigint {
  return (lineTotal(line) * BigInt(pieces)) / BigInt(line.quantity);
}

/** What is paid for the next pieces that leave the order. */
export function creditFor(line: OrderLine, pieces: number): bigint {
  const gone = line.canceled + line.returned;
  return paidFor(line, gone + pieces) - paidFor(line, gone);
}

export type Cancelation = {
  /** None: everything that can be. */
  readonly items: readonly OrderItem[];
  readonly actor: Actor;
  readonly reason: string;
  newId(prefix: string): string;
};

/** Cancels pieces that have not been packed. The last piece of a part takes its shipping along. */
export function cancelItems(order: Order, { items, actor, reason, newId }: Cancelation, now: Date): Order {
  const mine = order.parts.filter((part) => actor.role !== 'vendor' || part.vendorId === actor.id);
  const open = mine.filter((part) => partMoves[part.status].includes('canceled') && order.confirmTime !== undefined);
  if (open.length === 0) throw notCancelable(order.status);
  const wanted = items.length > 0 ? wantedOf(items, mine) : everythingOf(open);
  let amount = 0n;
  const restocked: { readonly variantId: string; readonly quantity: number }[] = [];

  function cancelLine(line: OrderLine): OrderLine {
    const quantity = wanted.get(line.id) ?? 0;
    if (quantity === 0) return line;
    assertQuantity(line, quantity, line.quantity - line.canceled);
    const credit = order.method === 'online' ? creditFor(line, quantity) : 0n; // cash was not taken yet
    amount += credit;
    restocked.push({ variantId: line.variantId, quantity });
    return { ...line, canceled: line.canceled + quantity, refunded: line.refunded + credit };
  }

  const parts = order.parts.map((part): OrderPart => {
    if (!part.lines.some(({ id }) => wanted.has(id))) return part;
    if (!partMoves[part.status].includes('canceled')) throw notCancelable(part.status);
    const lines = part.lines.map(cancelLine);
    if (lines.some((line) => line.canceled < line.quantity)) return { ...part, lines };
    if (order.method === 'online') amount += part.shipping - part.shippingDiscount;
    return { ...part, lines, status: 'canceled' };
  });
  const all = parts.every(({ status }) => status === 'canceled');
  const who = closeMessages[actor.role];
  const refund = { id: newId('orf'), amount, reason: who, createTime: now, sent: false };
  const whole = {
    couponUse: order.coupons.length > 0 ? ('due' as const) : order.couponUse,
    closeReason: `CANCELED_BY_${nameOf(actor.role)}`,
    closeMessage: who,
  };
  const changes = {
    status: statusOf(parts),
    parts,
    refunds: amount > 0n ? [...order.refunds, refund] : order.refunds,
    restocks: [...order.restocks, { id: newId('ors'), items: restocked, done: false }],
    ...(all ? whole : {}),
  };
  const step = { kind: all ? 'CANCELING' : 'ITEMS_CANCELED', message: reason === '' ? who : `${who} “${reason}”` };
  return moved(order, changes, step, now);
}

export const closeMessages: Readonly<Record<Actor['role'], string>> = {
  customer: 'Canceled by the customer.',
  vendor: 'Canceled by the seller.',
  admin: 'Canceled by the shop.',
};

export type Fulfillment = {
  readonly partId: string;
  /** undefined: only what follows changes. */
  readonly status: PartStatus | undefined;
  readonly carrier: string | undefined;
  readonly trackingNumber: string | undefined;
  /** For a part that ships by it: see `needsInvoice`. */
  readonly invoiceNumber: string | undefined;
};

/** Whether the part gets its invoice by this move: when it leaves the vendor, and not before. */
export function needsInvoice(part: OrderPart, status: PartStatus | undefined): boolean {
  return part.invoiceNumber === '' && (status === 'shipped' || status === 'delivered');
}

/** Moves a part on. */
export function fulfill(order: Order, change: Fulfillment, now: Date): Order {
  const before = partOf(order, change.partId);
  const status = change.status ?? before.status;
  if (change.status !== undefined) assertMove(partMoves, before.status, status, 'A part');
  else if (before.status === 'pending' || before.status === 'canceled') throw nothingToSend(before.status);
  if (status === 'canceled' || status === 'confirmed') assertMove(partMoves, 'delivered', status, 'A part');
  const leaves = status === 'shipped' || status === 'delivered';
  const after: OrderPart = {
    ...before,
    status,
    carrier: change.carrier ?? before.carrier,
    trackingNumber: change.trackingNumber ?? before.trackingNumber,
    invoiceNumber: before.invoiceNumber === '' ? (change.invoiceNumber ?? '') : before.invoiceNumber,
    ...(leaves && before.shipTime === undefined ? { shipTime: now } : {}),
    ...(status === 'delivered' && before.deliverTime === undefined ? { deliverTime: now } : {}),
  };
  const parts = order.parts.map((part) => (part.id === after.id ? after : part));
  const collects = order.method === 'cash' && status === 'delivered' && before.status !== 'delivered';
  const amount = collects ? dueFor(after) : 0n;
  const collections =
    amount > 0n ? [...order.collections, { partId: after.id, amount, done: false }] : order.collections;
  const kind = change.status === undefined ? 'SHIPMENT_UPDATED' : `PART_${nameOf(status)}`;
  const step = { kind, message: stepMessages[kind] ?? kind, partId: after.id };
  return moved(order, { status: statusOf(parts), parts, collections }, step, now);
}

const stepMessages: Readonly<Record<string, string>> = {
  PART_PACKED: 'A parcel is packed.',
  PART_SHIPPED: 'A parcel is on its way.',
  PART_DELIVERED: 'A parcel has arrived.',
  SHIPMENT_UPDATED: 'The carrier of a parcel was named.',
};

/** What is paid for a part at the door: what was canceled is left out. */
export function dueFor(part: OrderPart): bigint {
  const lines = part.lines.map((line) => lineTotal(line) - paidFor(line, line.canceled));
  return lines.reduce((sum, amount) => sum + amount, part.shipping - part.shippingDiscount);
}

/** What has been done of what the order had to have done. */
export type Done = {
  readonly refunds: readonly string[];
  readonly restocks: readonly string[];
  readonly collections: readonly string[];
  readonly coupon: boolean;
};

/** Notes what has been done. An order that was canceled after it was confirmed is closed with the last of it. */
export function effectsDone(order: Order, done: Done, now: Date): Order {
  const changes: Partial<Order> = {
    refunds: order.refunds.map((refund) => (done.refunds.includes(refund.id) ? { ...refund, sent: true } : refund)),
    restocks: order.restocks.map((one) => (done.restocks.includes(one.id) ? { ...one, done: true } : one)),
    collections: order.collections.map((one) => (done.collections.includes(one.partId) ? { ...one, done: true } : one)),
    couponUse: done.coupon && order.couponUse === 'due' ? 'returned' : order.couponUse,
  };
  const ends = order.status === 'canceling' && !hasOpenEffects({ ...order, ...changes });
  if (ends)
    return moved(order, { ...changes, status: 'canceled' }, { kind: 'CANCELED', message: order.closeMessage }, now);
  const step = { kind: 'REFUND_SENT', message: 'Money is on its way back.' };
  return moved(order, changes, done.refunds.length > 0 ? step : undefined, now);
}

/** The pieces asked for, by line: each line once, and of these parts. */
export function wantedOf(items: readonly OrderItem[], parts: readonly OrderPart[]): Map<string, number> {
  const lines = new Set(parts.flatMap((part) => part.lines.map(({ id }) => id)));
  const wanted = new Map<string, number>();
  for (const [index, { lineId, quantity }] of items.entries()) {
    const field = `items[${index}].line_id`;
    if (!lines.has(lineId)) throw invalidField(field, 'LINE_NOT_FOUND', 'is no line of the order');
    if (wanted.has(lineId)) throw invalidField(field, 'LINE_TWICE', 'is named before; add the pieces up');
    wanted.set(lineId, quantity);
  }
  return wanted;
}

export function assertQuantity(line: OrderLine, quantity: number, left: number): void {
  if (quantity <= left) return;
  throw new Fault('failed-precondition', 'QUANTITY_TOO_LARGE', `Of "${line.title}" only ${left} are left for that.`, {
    metadata: { line_id: line.id, quantity: String(quantity), left: String(left), title: line.title },
  });
}

function everythingOf(parts: readonly OrderPart[]): Map<string, number> {
  const lines = parts.flatMap((part) => part.lines).filter((line) => line.canceled < line.quantity);
  return new Map(lines.map((line) => [line.id, line.quantity - line.canceled]));
}

function notCancelable(status: string): Fault {
  const text = `What is ${nameOf(status)} can’t be canceled. Delivered pieces can be returned.`;
  return new Fault('failed-precondition', 'NOT_CANCELABLE', text, { metadata: { status: nameOf(status) } });
}

function nothingToSend(status: string): Fault {
  const text = `A part that is ${nameOf(status)} is not sent.`;
  return new Fault('failed-precondition', 'ILLEGAL_MOVE', text, {
    metadata: { from: nameOf(status), to: nameOf(status) },
  });
}
