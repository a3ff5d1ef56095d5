import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Fault } from '#platform/fault.ts';
import { fromJson, toJson } from './order-json.ts';
import { awaitPayment, close, closed, confirm, isPaid, notePayment, placeOrder } from './order-checkout.ts';
import { cancelItems, dueFor, effectsDone, fulfill, paidFor } from './order-fulfillment.ts';
import { requestReturn, resolveReturn } from './order-return.ts';
import {
  dueTimeOf,
  hasOpenEffects,
  isAtRest,
  moved,
  orderMoves,
  partMoves,
  refundedOf,
  returnMoves,
  statusOf,
  totalOf,
  type Order,
  type OrderItem,
  type PaymentMethod,
} from './order.ts';
import { sampleLine, samplePart, sampleQuote } from './quote.samples.ts';
import { lineTotal } from './quote.ts';

const start = new Date('2026-05-01T10:00:00Z');
let ids = 0;
const newId = (prefix: string): string => `${prefix}_${ids++}`;
const customer = { id: 'usr_asha', role: 'customer' } as const;
const held = { reservationId: 'rsv_1', paymentId: 'pay_1', captured: 0n };

type LineShape = { readonly quantity: number; readonly unitPrice: bigint; readonly off: number };

function makeOrder(method: PaymentMethod, parts: readonly (readonly LineShape[])[]): Order {
  const quote = sampleQuote({
    coupons: [{ code: 'SOME', amount: 1n }],
    parts: parts.map((lines, part) =>
      samplePart({
        vendorId: `usr_v${part}`,
        lines: lines.map(({ quantity, unitPrice, off }, line) => {
          const discount = (unitPrice * BigInt(quantity) * BigInt(off)) / 100n;
          return sampleLine({
            variantId: `var_${part}_${line}`,
            vendorId: `usr_v${part}`,
            quantity,
            unitPrice,
            discount,
          });
        }),
      }),
    ),
  });
  const placing = { id: 'ord_1', userId: 'usr_asha', requestId: 'req_1', method, purchase: '', now: start, newId };
  return placeOrder(quote, placing);
}

const lineShape = fc.record({
  quantity: fc.integer({ min: 1, max: 5 }),
  unitPrice: fc.bigInt({ min: 0n, max: 99_999n }),
  off: fc.integer({ min: 0, max: 100 }),
});
const partsShape = fc.array(fc.array(lineShape, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });

/** A move that may be legal or not; the numbers choose among what there is. */
type Command = (order: Order, now: Date) => Order;

const pick = fc.nat({ max: 1_000 });
const partIn = (order: Order, n: number) => order.parts[n % order.parts.length];
const itemsIn = (order: Order, n: number, quantity: number): OrderItem[] => {
  const lines = partIn(order, n)?.lines ?? [];
  const line = lines[n % Math.max(1, lines.length)];
  return line === undefined ? [] : [{ lineId: line.id, quantity }];
};

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.constant<Command>((order, now) =>
    awaitPayment(order, { ...held, handoff: undefined, expireTime: new Date(now.getTime() + 900_000) }, now),
  ),
  fc.constant<Command>((order, now) => notePayment(order, order.method === 'online' ? totalOf(order) : 0n, now)),
  fc.constant<Command>((order, now) => {
    // As the checkout does: an order in cash at once, another when it was paid.
    if (!isPaid(order)) throw new Fault('failed-precondition', 'NOT_PAID', 'Not paid.');
    return confirm(order, { ...held, captured: order.captured }, now);
  }),
  fc.constant<Command>((order, now) => close(order, { reason: 'CLOSED', message: 'Closed.' }, now)),
  fc.constant<Command>((order, now) => closed(order, { captured: order.captured, refundId: newId('orf') }, now)),
  fc.tuple(pick, fc.integer({ min: 1, max: 6 })).map(
    ([n, quantity]): Command =>
      (order, now) =>
        cancelItems(order, { items: itemsIn(order, n, quantity), actor: customer, reason: '', newId }, now),
  ),
  fc.tuple(pick, fc.constantFrom('packed', 'shipped', 'delivered', 'canceled', 'confirmed', 'pending')).map(
    ([n, status]): Command =>
      (order, now) =>
        fulfill(
          order,
          {
            partId: partIn(order, n)?.id ?? '',
            status: status,
            carrier: undefined,
            trackingNumber: undefined,
            invoiceNumber: 'I',
          },
          now,
        ),
  ),
  fc.tuple(pick, fc.integer({ min: 1, max: 6 })).map(
    ([n, quantity]): Command =>
      (order, now) =>
        requestReturn(order, { id: newId('ret'), items: itemsIn(order, n, quantity), reason: 'r' }, now),
  ),
  fc.tuple(pick, fc.constantFrom('approved', 'rejected', 'received')).map(
    ([n, status]): Command =>
      (order, now) =>
        resolveReturn(
          order,
          {
            returnId: order.returns[n % Math.max(1, order.returns.length)]?.id ?? '',
            status: status,
            restock: n % 2 === 0,
            note: '',
            newId,
          },
          now,
        ),
  ),
  fc.constant<Command>((order, now) => {
    if (!hasOpenEffects(order)) return order;
    const done = {
      refunds: order.refunds.map(({ id }) => id),
      restocks: order.restocks.map(({ id }) => id),
      collections: order.collections.map(({ partId }) => partId),
      coupon: order.couponUse === 'due',
    };
    return effectsDone(order, done, now);
  }),
);

function assertHolds(before: Order, after: Order): void {
  // Moves are those of the tables.
  if (after.status !== before.status) expect(orderMoves[before.status]).toContain(after.status);
  for (const [index, part] of after.parts.entries()) {
    const was = before.parts[index]?.status;
    if (was !== undefined && was !== part.status) expect(partMoves[was]).toContain(part.status);
  }
  for (const [index, one] of before.returns.entries()) {
    const is = after.returns[index]?.status;
    if (is !== undefined && is !== one.status) expect(returnMoves[one.status]).toContain(is);
  }
  if (before.status === 'canceled') expect(after).toBe(before);
  // Pieces and money.
  let gone = 0n;
  for (const part of after.parts) {
    for (const line of part.lines) {
      expect(line.canceled + line.returned).toBeLessThanOrEqual(line.quantity);
      const credit = paidFor(line, line.canceled + line.returned);
      if (line.canceled + line.returned === line.quantity) expect(credit).toBe(lineTotal(line));
      const expected = after.method === 'online' ? credit : credit - paidFor(line, line.canceled);
      if (after.confirmTime !== undefined) expect(line.refunded).toBe(expected);
      gone += line.refunded;
    }
    if (part.status === 'canceled' && after.confirmTime !== undefined && after.method === 'online')
      gone += part.shipping - part.shippingDiscount;
  }
  const refunded = refundedOf(after);
  if (after.confirmTime !== undefined) expect(refunded).toBe(gone);
  const collected = after.collections.reduce((sum, { amount }) => sum + amount, 0n);
  expect(refunded <= (after.method === 'online' ? after.captured : collected)).toBe(true);
  // What is sold less what was put back is never negative.
  const restocked = after.restocks.flatMap(({ items }) => items).reduce((n, { quantity }) => n + quantity, 0);
  const pieces = after.parts.flatMap((part) => part.lines).reduce((n, line) => n + line.canceled + line.returned, 0);
  expect(restocked).toBeLessThanOrEqual(pieces);
  // Where a confirmed order stands follows from its parts.
  if (after.confirmTime !== undefined && after.status !== 'canceled') expect(after.status).toBe(statusOf(after.parts));
  if (after.status === 'canceled') expect(hasOpenEffects(after)).toBe(false);
  if (hasOpenEffects(after)) expect(dueTimeOf(after)).toBeDefined();
  if (after !== before) expect(after.version).toBe(before.version + 1);
  expect(fromJson(toJson(after))).toEqual(after);
}

test('whatever is asked of an order in whatever order, it moves by its tables and its money and pieces add up', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.constantFrom('online', 'cash'),
      partsShape,
      fc.boolean(),
      fc.array(command, { minLength: 1, maxLength: 40 }),
      (method, parts, ready, commands) => {
        let order = makeOrder(method, parts);
        let now = start;
        if (ready) {
          const paid = notePayment(order, method === 'online' ? totalOf(order) : 0n, now);
          order = confirm(paid, { ...held, captured: paid.captured }, now);
        }
        for (const apply of commands) {
          now = new Date(now.getTime() + 3_600_000);
          let after: Order;
          try {
            after = apply(order, now);
          } catch (error) {
            if (!(error instanceof Fault)) throw error;
            seen.add(error.reason);
            continue;
          }
          assertHolds(order, after);
          order = after;
          seen.add(order.status);
        }
      },
    ),
    { numRuns: 500 },
  );
  // The sequences come everywhere.
  expect([...seen]).toEqual(
    expect.arrayContaining([
      'canceled',
      'delivered',
      'shipped',
      'ILLEGAL_MOVE',
      'NOT_CANCELABLE',
      'QUANTITY_TOO_LARGE',
    ]),
  );
});

describe('a line’s pieces', () => {
  test('go back one by one for exactly what was paid for all', () => {
    fc.assert(
      fc.property(lineShape, (shape) => {
        const line = makeOrder('online', [[shape]]).parts[0]?.lines[0];
        if (line === undefined) throw new Error('no line');
        const shares = Array.from({ length: line.quantity }, (_, k) => paidFor(line, k + 1) - paidFor(line, k));
        expect(shares.reduce((sum, share) => sum + share, 0n)).toBe(lineTotal(line));
        expect(shares.every((share) => share >= 0n)).toBe(true);
      }),
    );
  });

  test('of 3 for 100.00 go back for 33.33, 33.33 and 33.34', () => {
    const order = makeOrder('online', [[{ quantity: 3, unitPrice: 5_000n, off: 0 }]]);
    const line = { ...order.parts[0]?.lines[0], discount: 5_000n } as Order['parts'][number]['lines'][number];
    expect([1, 2, 3].map((n) => paidFor(line, n))).toEqual([3_333n, 6_666n, 10_000n]);
  });
});

test('what is due at the door is what was not canceled', () => {
  const placed = makeOrder('cash', [[{ quantity: 2, unitPrice: 10_000n, off: 0 }]]);
  const order = confirm(placed, held, start);
  const [line] = order.parts[0]?.lines ?? [];
  if (line === undefined) throw new Error('no line');
  const items = [{ lineId: line.id, quantity: 1 }];
  const after = cancelItems(order, { items, actor: customer, reason: '', newId }, start);
  expect(after.parts.map(dueFor)).toEqual([10_000n + 4_900n]);
});

test('a history keeps the latest hundred steps', () => {
  let order = makeOrder('online', [[{ quantity: 1, unitPrice: 1n, off: 0 }]]);
  for (let n = 0; n < 120; n++) order = moved(order, {}, { kind: `STEP_${n}`, message: '' }, start);
  expect(order.history).toHaveLength(100);
  expect(order.history.at(-1)?.kind).toBe('STEP_119');
});

test('an order is at rest when it is canceled, or delivered with nothing on its way', () => {
  const placed = makeOrder('online', [[{ quantity: 1, unitPrice: 100n, off: 0 }]]);
  const order = confirm(placed, { ...held, captured: totalOf(placed) }, start);
  const [part] = order.parts;
  if (part === undefined) throw new Error('no part');
  const arrived = fulfill(
    order,
    { partId: part.id, status: 'delivered', carrier: undefined, trackingNumber: undefined, invoiceNumber: 'I' },
    start,
  );
  expect([order, arrived].map(isAtRest)).toEqual([false, true]);
  const items = [{ lineId: part.lines[0]?.id ?? '', quantity: 1 }];
  const returning = requestReturn(arrived, { id: 'ret_1', items, reason: 'r' }, start);
  expect(isAtRest(returning)).toBe(false);
});
