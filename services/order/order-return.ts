import { Fault, invalidField } from '#platform/fault.ts';
import { assertQuantity, creditFor, wantedOf } from './order-fulfillment.ts';
import {
  assertMove,
  moved,
  nameOf,
  partOf,
  returnMoves,
  type Order,
  type OrderItem,
  type OrderReturn,
  type ReturnStatus,
} from './order.ts';

// Delivered pieces that go back. Each move answers the order after it.

export const returnDays = 30;

export type ReturnRequest = { readonly id: string; readonly items: readonly OrderItem[]; readonly reason: string };

/** Asks to send delivered pieces of one part back. */
export function requestReturn(order: Order, { id, items, reason }: ReturnRequest, now: Date): Order {
  const wanted = wantedOf(items, order.parts);
  const parts = order.parts.filter((part) => part.lines.some((line) => wanted.has(line.id)));
  const [part] = parts;
  if (part === undefined || parts.length > 1) {
    throw invalidField('items', 'PARTS_MIXED', 'come from several sellers; ask for each seller’s pieces by themselves');
  }
  if (part.status !== 'delivered' || part.deliverTime === undefined) throw notReturnable(part.status);
  const limit = new Date(part.deliverTime.getTime() + returnDays * 24 * 3_600_000);
  if (now > limit) {
    const text = `Pieces can be returned within ${returnDays} days of their arrival.`;
    const metadata = { days: String(returnDays), limit_time: limit.toISOString() };
    throw new Fault('failed-precondition', 'RETURN_TOO_LATE', text, { metadata });
  }
  const open = order.returns.filter(({ status }) => status === 'requested' || status === 'approved');
  for (const line of part.lines) {
    const quantity = wanted.get(line.id) ?? 0;
    if (quantity === 0) continue;
    const asked = open.flatMap((one) => one.items).filter(({ lineId }) => lineId === line.id);
    const askedFor = asked.reduce((sum, item) => sum + item.quantity, 0);
    assertQuantity(line, quantity, line.quantity - line.canceled - line.returned - askedFor);
  }
  const made: OrderReturn = {
    id,
    partId: part.id,
    items,
    reason,
    status: 'requested',
    note: '',
    createTime: now,
    updateTime: now,
  };
  const step = { kind: 'RETURN_REQUESTED', message: 'A return was asked for.', partId: part.id };
  return moved(order, { returns: [...order.returns, made] }, step, now);
}

export type Resolution = {
  readonly returnId: string;
  readonly status: Exclude<ReturnStatus, 'requested'>;
  /** Whether received pieces can be sold again. */
  readonly restock: boolean;
  readonly note: string;
  newId(prefix: string): string;
};

/** Answers a return. Pieces that came back are refunded, their shipping is not. */
export function resolveReturn(order: Order, { returnId, status, restock, note, newId }: Resolution, now: Date): Order {
  const before = returnOf(order, returnId);
  assertMove(returnMoves, before.status, status, 'A return');
  if (status !== 'received') {
    const step = { kind: `RETURN_${nameOf(status)}`, message: resolutions[status], partId: before.partId };
    return moved(order, { returns: replaced(order.returns, { ...before, status, note, updateTime: now }) }, step, now);
  }
  const wanted = new Map(before.items.map(({ lineId, quantity }) => [lineId, quantity]));
  let refund = 0n;
  const pieces: { readonly variantId: string; readonly quantity: number }[] = [];
  const lines = partOf(order, before.partId).lines.map((line) => {
    const quantity = wanted.get(line.id) ?? 0;
    if (quantity === 0) return line;
    const credit = creditFor(line, quantity);
    refund += credit;
    pieces.push({ variantId: line.variantId, quantity });
    return { ...line, returned: line.returned + quantity, refunded: line.refunded + credit };
  });
  const money = { id: newId('orf'), amount: refund, reason: 'returned', createTime: now, sent: false };
  const shelf = { id: newId('ors'), items: pieces, done: false };
  const changes = {
    parts: order.parts.map((part) => (part.id === before.partId ? { ...part, lines } : part)),
    returns: replaced(order.returns, { ...before, status, note, refund, updateTime: now }),
    refunds: refund > 0n ? [...order.refunds, money] : order.refunds,
    restocks: restock ? [...order.restocks, shelf] : order.restocks,
  };
  return moved(order, changes, { kind: 'RETURN_RECEIVED', message: resolutions.received, partId: before.partId }, now);
}

/** The return of that id. */
export function returnOf(order: Order, returnId: string): OrderReturn {
  const found = order.returns.find(({ id }) => id === returnId);
  if (found !== undefined) return found;
  throw new Fault('not-found', 'RETURN_NOT_FOUND', 'The order has no such return.', {
    metadata: { return_id: returnId },
  });
}

const resolutions = {
  approved: 'The return was approved.',
  rejected: 'The return was rejected.',
  received: 'Returned pieces have arrived.',
} as const;

function replaced(returns: readonly OrderReturn[], one: OrderReturn): OrderReturn[] {
  return returns.map((other) => (other.id === one.id ? one : other));
}

function notReturnable(status: string): Fault {
  const text = 'Pieces can be returned once they have arrived.';
  return new Fault('failed-precondition', 'NOT_RETURNABLE', text, { metadata: { status: nameOf(status) } });
}
