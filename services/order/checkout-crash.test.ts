import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Fault } from '#platform/fault.ts';
import { newId } from '#platform/ids.ts';
import { traced, inline, openCheckoutBench, windowMs, type Asked, type CheckoutBench } from './checkout.testing.ts';
import { cancelItems, fulfill } from './order-fulfillment.ts';
import { requestReturn, resolveReturn } from './order-return.ts';
import { hasOpenEffects, totalOf, type PaymentMethod } from './order.ts';
import { createFakeShop } from './shop.testing.ts';

let bench: CheckoutBench;

beforeEach(async () => {
  bench = await openCheckoutBench();
});

afterEach(() => bench.close());

/** Does the whole journey, with a failure at the n-th place. Answers whether there was an n-th. */
async function journeyWithFailureAt(
  n: number,
  asked: Asked & { readonly pays: 'at once' | 'later' | 'never' },
): Promise<boolean> {
  let places = 0;
  const failing = (): void => {
    places += 1;
    if (places === n) throw new Fault('unavailable', 'CRASH', `The process ends at place ${n}.`);
  };
  bench.shop = createFakeShop();
  bench.shop.paysAtOnce = asked.pays === 'at once';
  bench.shop.meddle = failing; // before a peer does it, and after: the answer is lost
  bench.beforeStatement = failing;
  const { store, checkout, runDue } = bench.open();
  const placed = bench.makeOrder(asked);
  const inserted = await store.insert(placed, traced()).then(
    (made) => made,
    () => false,
  );
  if (inserted) {
    await checkout.advance(placed, inline()).catch(() => undefined);
    bench.later(11_000);
    await runDue();
    bench.later(11_000);
    await runDue();
    if (asked.pays === 'later') {
      bench.shop.pay(placed.id);
      await bench.tell(placed);
      await runDue();
    }
    for (let round = 0; round < 3; round++) {
      bench.later(windowMs);
      await runDue();
    }
    const after = await bench.reload(placed.id);
    expect([after.status, n]).toEqual([
      asked.pays === 'never' && asked.method !== 'cash' ? 'canceled' : 'confirmed',
      n,
    ]);
    bench.assertBooks(after);
    expect(bench.shop.payments.size).toBe(1);
  } else {
    expect(await store.find(placed.id)).toBeUndefined();
    expect(bench.shop.calls).toEqual([]);
  }
  return places >= n;
}

describe('wherever the process ends, the order comes to its end and the books agree', () => {
  test.each([
    { pays: 'at once', coupon: true },
    { pays: 'later', coupon: true },
    { pays: 'never', coupon: true },
    { pays: 'never', method: 'cash', coupon: true },
  ] as const)('%j', async (asked) => {
    let n = 1;
    while (await journeyWithFailureAt(n, asked)) n += 1;
    expect(n).toBeGreaterThan(10);
  });
});

describe('wherever the process ends, what is owed after the confirmation is given back once', () => {
  async function settlesWithFailureAt(n: number, method: PaymentMethod): Promise<boolean> {
    bench.shop = createFakeShop();
    bench.shop.paysAtOnce = true;
    const { order, store, runDue } = await bench.place({ method, coupon: true });
    const [part] = order.parts;
    const lineId = part?.lines[0]?.id ?? '';
    const items = [{ lineId, quantity: 1 }];
    const actor = { id: 'usr_asha', role: 'customer' } as const;
    const partly = cancelItems(order, { items, actor, reason: '', newId }, bench.shop.now);
    const sent = { partId: part?.id ?? '', carrier: 'C', trackingNumber: '1', invoiceNumber: 'I' };
    const delivered = fulfill(partly, { ...sent, status: 'delivered' }, bench.shop.now);
    const asked = requestReturn(delivered, { id: 'ret_1', items, reason: 'too small' }, bench.shop.now);
    const came = { returnId: 'ret_1', status: 'received', restock: true, note: '', newId } as const;
    await store.replace(order, resolveReturn(asked, came, bench.shop.now), { schedules: true });
    let places = 0;
    bench.shop.meddle = bench.beforeStatement = () => {
      places += 1;
      if (places === n) throw new Fault('unavailable', 'CRASH', `The process ends at place ${n}.`);
    };
    for (let round = 0; round < 3; round++) {
      bench.later(60_000);
      await runDue();
    }
    bench.beforeStatement = () => undefined;
    const after = await bench.reload(order.id);
    expect([hasOpenEffects(after), n]).toEqual([false, n]);
    expect(bench.shop.sold()).toBe(0);
    expect(bench.shop.stock.get('var_1')).toBe(10);
    const goods = totalOf(order) - 4_900n;
    // One of two pieces was not paid for at the door; everything but the shipping went back.
    expect(bench.shop.captured(order.id)).toBe(method === 'cash' ? goods / 2n + 4_900n : totalOf(order));
    expect(bench.shop.refunded(order.id)).toBe(method === 'cash' ? goods / 2n : goods);
    return places >= n;
  }

  test.each(['online', 'cash'] as const)('paid %s', async (method) => {
    let n = 1;
    while (await settlesWithFailureAt(n, method)) n += 1;
    expect(n).toBeGreaterThan(8);
  });
});
