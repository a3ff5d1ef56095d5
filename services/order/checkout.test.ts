import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PaymentStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import { Fault } from '#platform/fault.ts';
import { newId } from '#platform/ids.ts';
import { createCheckout } from './checkout.grpc.ts';
import { traced, inline, openCheckoutBench, windowMs, type CheckoutBench } from './checkout.testing.ts';
import { close } from './order-checkout.ts';
import { cancelItems, fulfill } from './order-fulfillment.ts';
import { requestReturn, resolveReturn } from './order-return.ts';
import { totalOf } from './order.ts';
import { createFakeShop } from './shop.testing.ts';

let bench: CheckoutBench;

beforeEach(async () => {
  bench = await openCheckoutBench();
});

afterEach(() => bench.close());

describe('an order is placed', () => {
  test('and awaits its payment with everything held', async () => {
    const { order } = await bench.place({ coupon: true });
    expect(order).toMatchObject({ status: 'awaiting-payment', paymentId: 'pay_0', reservationId: 'rsv_0' });
    expect(await bench.reload(order.id)).toEqual(order);
    expect(bench.shop.calls).toEqual(['reserve', 'redeem', 'pay']);
    expect(bench.shop.held()).toBe(2);
  });

  test('and is confirmed at once when it is paid at once, in five statements and three calls', async () => {
    bench.shop.paysAtOnce = true;
    const { order } = await bench.place();
    expect(order.status).toBe('confirmed');
    expect(bench.shop.calls).toEqual(['reserve', 'pay', 'commit']);
    expect(bench.statements).toHaveLength(2); // inserted and planned; changed, told and taken back
    bench.assertBooks(order);
    expect(await bench.database.query('select 1 from task')).toEqual([]);
  });

  test('and is confirmed at once when it is paid at the door', async () => {
    const { order } = await bench.place({ method: 'cash', coupon: true });
    expect(order.status).toBe('confirmed');
    expect(bench.shop.calls).toEqual(['reserve', 'redeem', 'pay', 'commit']);
  });

  test('and is closed with everything given back when the pieces are gone', async () => {
    bench.shop.stock.set('var_1', 1);
    const { order } = await bench.place({ coupon: true });
    expect(order).toMatchObject({ status: 'canceled', closeReason: 'INSUFFICIENT_STOCK' });
    expect(order.closeMessage).not.toMatch(/peer|inventory|service/i);
  });

  test('and is closed when its coupon is used up, in the coupon’s words', async () => {
    bench.shop.couponUsesLeft = 0;
    const { order } = await bench.place({ coupon: true });
    expect(order).toMatchObject({ status: 'canceled', closeReason: 'COUPON_USED_UP' });
    expect(bench.shop.held()).toBe(0);
  });
});

describe('a payment', () => {
  test('that is told confirms the order', async () => {
    const { order, runDue } = await bench.place({ coupon: true });
    bench.shop.pay(order.id);
    await bench.tell(order);
    await bench.tell(order);
    await runDue();
    const after = await bench.reload(order.id);
    expect(after.status).toBe('confirmed');
    expect(after.history.map(({ kind }) => kind)).toEqual(['PLACED', 'AWAITING_PAYMENT', 'PAID', 'CONFIRMED']);
    bench.assertBooks(after);
  });

  test('that does not come closes the order at its time', async () => {
    const { order, runDue } = await bench.place({ coupon: true });
    bench.later(windowMs - 1_000);
    await runDue();
    expect((await bench.reload(order.id)).status).toBe('awaiting-payment');
    bench.later(1_000);
    await runDue();
    const after = await bench.reload(order.id);
    expect(after).toMatchObject({ status: 'canceled', closeReason: 'PAYMENT_TIMED_OUT' });
    bench.assertBooks(after);
    expect(bench.shop.pay(order.id)).toBe(false);
  });

  test('that was taken but never told confirms the order at its time', async () => {
    const { order, runDue } = await bench.place();
    bench.shop.pay(order.id);
    bench.later(windowMs);
    await runDue();
    const after = await bench.reload(order.id);
    expect(after.status).toBe('confirmed');
    bench.assertBooks(after);
  });

  test('that is told after the hold is over confirms the order while there are pieces', async () => {
    const { order, runDue } = await bench.place();
    bench.shop.pay(order.id);
    bench.later(24 * 3_600_000);
    await bench.tell(order);
    await runDue();
    const after = await bench.reload(order.id);
    expect(after.status).toBe('confirmed');
    bench.assertBooks(after);
  });

  test('that comes too late for the pieces goes back in full', async () => {
    const { order, runDue } = await bench.place({ coupon: true });
    bench.shop.pay(order.id);
    bench.later(24 * 3_600_000);
    bench.shop.stock.set('var_1', 0);
    await bench.tell(order);
    await runDue();
    const after = await bench.reload(order.id);
    expect(after).toMatchObject({ status: 'canceled', closeReason: 'SOLD_OUT_AFTER_PAYMENT' });
    expect(bench.shop.refunded(order.id)).toBe(totalOf(order));
    expect(bench.shop.couponUsesLeft).toBe(10);
    expect(after.refunds).toMatchObject([{ amount: totalOf(order), sent: true }]);
  });

  test('that comes while the customer cancels goes back in full', async () => {
    const { order, store, runDue } = await bench.place({ coupon: true });
    bench.shop.pay(order.id);
    const canceled = close(order, { reason: 'CANCELED_BY_CUSTOMER', message: 'Canceled.' }, bench.shop.now);
    expect(await store.replace(order, canceled, { schedules: true })).toBe(true);
    await bench.tell(order);
    bench.later(10_000);
    await runDue();
    const after = await bench.reload(order.id);
    expect(after).toMatchObject({ status: 'canceled', captured: totalOf(order) });
    bench.assertBooks(after);
  });
});

test('a worker that sold the pieces too late to confirm the order puts them back', async () => {
  const { order, store, checkout, runDue } = await bench.place();
  bench.shop.pay(order.id);
  await bench.tell(order);
  const paid = await bench.reload(order.id);
  const replace = store.replace;
  const slow = createCheckout({
    store: {
      ...store,
      async replace(before, after, options) {
        // Between the sale and this compare-and-set somebody else closes the order.
        const other = close(before, { reason: 'CANCELED_BY_ADMIN', message: 'Canceled.' }, bench.shop.now);
        await replace(before, other, { schedules: true });
        return replace(before, after, options);
      },
    },
    peers: bench.shop.peers,
    paymentWindowMs: windowMs,
    now: () => bench.shop.now,
    newId,
  });
  await slow.advance(paid, inline()).catch(() => undefined);
  await checkout.advance(await bench.reload(order.id), inline());
  bench.later(60_000);
  await runDue();
  const after = await bench.reload(order.id);
  expect(after.status).toBe('canceled');
  bench.assertBooks(after);
});

describe('after the confirmation', () => {
  test('a canceled order gives back money, pieces and coupon, and is closed with the last of it', async () => {
    bench.shop.paysAtOnce = true;
    const { order, store, runDue } = await bench.place({ coupon: true });
    const actor = { id: 'usr_asha', role: 'customer' } as const;
    const canceling = cancelItems(order, { items: [], actor, reason: '', newId }, bench.shop.now);
    expect(canceling.status).toBe('canceling');
    await store.replace(order, canceling, { schedules: true });
    await runDue();
    const after = await bench.reload(order.id);
    expect(after.status).toBe('canceled');
    bench.assertBooks(after);
  });

  test('cash is noted when a parcel arrives, and only that goes back for a return', async () => {
    const { order, store, runDue } = await bench.place({ method: 'cash' });
    const [part] = order.parts;
    const [line] = part?.lines ?? [];
    if (part === undefined || line === undefined) throw new Error('no part');
    const items = [{ lineId: line.id, quantity: 1 }];
    const actor = { id: 'usr_asha', role: 'customer' } as const;
    const partly = cancelItems(order, { items, actor, reason: '', newId }, bench.shop.now);
    expect(partly.refunds).toEqual([]);
    const delivered = fulfill(
      partly,
      { partId: part.id, status: 'delivered', carrier: 'C', trackingNumber: '1', invoiceNumber: 'I' },
      bench.shop.now,
    );
    const asked = requestReturn(delivered, { id: 'ret_1', items, reason: 'too small' }, bench.shop.now);
    const back = resolveReturn(
      asked,
      { returnId: 'ret_1', status: 'received', restock: true, note: '', newId },
      bench.shop.now,
    );
    await store.replace(order, back, { schedules: true });
    await runDue();
    expect(bench.shop.captured(order.id)).toBe(40_000n + 4_900n);
    expect(bench.shop.refunded(order.id)).toBe(40_000n);
    expect(bench.shop.sold()).toBe(0);
  });

  test('an order in cash that is canceled whole is not to be collected any more', async () => {
    const { order, store, runDue } = await bench.place({ method: 'cash', coupon: true });
    const actor = { id: 'usr_v', role: 'vendor' } as const;
    const canceling = cancelItems(order, { items: [], actor, reason: '', newId }, bench.shop.now);
    await store.replace(order, canceling, { schedules: true });
    await runDue();
    const after = await bench.reload(order.id);
    expect(after).toMatchObject({ status: 'canceled', refunds: [], closeReason: 'CANCELED_BY_VENDOR' });
    expect(bench.shop.payments.get(order.id)?.status).toBe(PaymentStatus.CANCELED);
    bench.assertBooks(after);
  });

  test('what works is not held up by what fails', async () => {
    bench.shop.paysAtOnce = true;
    const { order, store, runDue } = await bench.place({ coupon: true });
    const actor = { id: 'usr_asha', role: 'admin' } as const;
    await store.replace(order, cancelItems(order, { items: [], actor, reason: '', newId }, bench.shop.now), {
      schedules: true,
    });
    bench.shop.meddle = (call) => {
      if (call === 'refund') throw new Fault('unavailable', 'DOWN', 'Down.');
    };
    await runDue();
    expect(bench.shop.sold()).toBe(0);
    expect((await bench.reload(order.id)).status).toBe('canceling');
    bench.shop.meddle = () => undefined;
    bench.later(60_000);
    await runDue();
    expect((await bench.reload(order.id)).status).toBe('canceled');
  });
});

test('an order that costs nothing is confirmed without a payment', async () => {
  const { store, checkout } = bench.open();
  const order = bench.makeOrder();
  const parts = order.parts.map((part) => ({
    ...part,
    shippingDiscount: part.shipping,
    lines: part.lines.map((line) => ({ ...line, discount: 80_000n })),
  }));
  await store.insert({ ...order, parts }, traced());
  const after = await checkout.advance({ ...order, parts }, inline());
  expect(after.status).toBe('confirmed');
  expect(bench.shop.calls).toEqual(['reserve', 'commit']);
});

test('whoever sees to an order at the same time, and whatever comes meanwhile, it ends once and the books agree', async () => {
  const seen = new Set<string>();
  for (let round = 0; round < 25; round++) {
    bench.shop = createFakeShop();
    const { store, checkout, runDue } = bench.open();
    const placed = bench.makeOrder({ coupon: true });
    await store.insert(placed, traced());
    const advance = async () => checkout.advance(await bench.reload(placed.id), inline());
    const pay = async () => {
      if (bench.shop.payments.has(placed.id) && bench.shop.pay(placed.id)) await bench.tell(placed);
    };
    const cancel = async () => {
      const order = await bench.reload(placed.id);
      if (order.status !== 'awaiting-payment') return;
      const canceled = close(order, { reason: 'CANCELED_BY_CUSTOMER', message: 'Canceled.' }, bench.shop.now);
      if (await store.replace(order, canceled, { schedules: true })) await checkout.advance(canceled, inline());
    };
    const expire = async () => {
      if (round % 2 === 0) bench.later(windowMs);
      await runDue();
    };
    await Promise.allSettled([advance(), advance()]);
    if (round % 3 === 0) await cancel();
    if (round % 3 === 1) await pay();
    await Promise.allSettled([pay(), cancel(), expire(), advance(), pay(), runDue(), cancel(), advance()]);
    for (let n = 0; n < 3; n++) {
      bench.later(windowMs);
      await runDue();
    }
    const after = await bench.reload(placed.id);
    expect(['confirmed', 'canceled']).toContain(after.status);
    seen.add(after.status);
    bench.assertBooks(after);
    expect(after.history.filter(({ kind }) => kind === 'CONFIRMED' || kind === 'CANCELED')).toHaveLength(1);
    const told = await bench.database.query('select 1 from outbox where topic = $1 and key = $2', [
      'only2u.order.v1.OrderConfirmed',
      placed.id,
    ]);
    expect(told).toHaveLength(after.status === 'confirmed' ? 1 : 0);
  }
  expect([...seen].sort()).toEqual(['canceled', 'confirmed']);
}, 60_000);

test('an order that can’t be placed for two minutes is closed with everything given back', async () => {
  bench.shop.meddle = (call) => {
    if (call === 'pay') throw new Fault('unavailable', 'DOWN', 'Down.');
  };
  const opened = bench.open();
  const placed = bench.makeOrder({ coupon: true });
  await opened.store.insert(placed, traced());
  await expect(opened.checkout.advance(placed, inline())).rejects.toThrow('Down');
  expect(bench.shop.held()).toBe(2);
  for (let round = 0; round < 30; round++) {
    bench.later(10_000);
    await opened.runDue();
  }
  const after = await bench.reload(placed.id);
  expect(after).toMatchObject({ status: 'canceled', closeReason: 'PLACING_TIMED_OUT' });
  bench.assertBooks(after);
});
