import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { create, toBinary } from '@bufbuild/protobuf';
import { PurchaseSchema } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { PaymentStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import type { Database, Sql } from '#platform/database.postgres.ts';
import { Fault } from '#platform/fault.ts';
import { newId } from '#platform/ids.ts';
import { runDueTasks } from '#platform/tasks.postgres.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { createCheckout } from './checkout.grpc.ts';
import { close, notePayment, placeOrder } from './order-checkout.ts';
import { cancelItems, fulfill } from './order-fulfillment.ts';
import { requestReturn, resolveReturn } from './order-return.ts';
import { hasOpenEffects, totalOf, type Order, type PaymentMethod } from './order.ts';
import { sampleLine, samplePart, sampleQuote } from './quote.samples.ts';
import { createFakeShop, type FakeShop } from './shop.testing.ts';
import { advanceTask, changeOrder, createPostgresOrders, migrations } from './store.postgres.ts';
import { createAdvanceTask } from './tasks.ts';

const windowMs = 15 * 60_000;

let database: TestDatabase;
let shop: FakeShop;
/** Called before each statement; may throw, as a connection that is lost does. */
let beforeStatement: () => void;
let statements: string[];

beforeEach(async () => {
  database = await openTestDatabase('order_service', migrations);
  shop = createFakeShop();
  beforeStatement = () => undefined;
  statements = [];
});

afterEach(() => database.close());

function meddled(): Database {
  const wrap = (sql: Sql): Sql => ({
    async query(text, values) {
      beforeStatement();
      statements.push(text);
      return sql.query(text, values);
    },
  });
  return {
    ...database,
    ...wrap(database),
    transaction: (work, options) =>
      database.transaction(async (tx) => {
        // Marks of a commit hang on the transaction itself, so it is changed and not wrapped.
        const { query } = wrap({ query: tx.query });
        return work(Object.assign(tx, { query }));
      }, options),
  };
}

function open() {
  const store = createPostgresOrders({ database: meddled(), changed: () => undefined });
  const now = () => shop.now;
  const checkout = createCheckout({ store, peers: shop.peers, paymentWindowMs: windowMs, now, newId });
  const handlers = { [advanceTask]: createAdvanceTask({ store, checkout, now }) };
  return { store, checkout, runDue: () => runDueTasks({ database, handlers, now }) };
}

type Asked = { readonly method?: PaymentMethod; readonly coupon?: boolean };

function makeOrder({ method = 'online', coupon = false }: Asked = {}): Order {
  const lines = [sampleLine({ vendorId: 'usr_v', quantity: 2, unitPrice: 40_000n, discount: coupon ? 1_000n : 0n })];
  const coupons = coupon ? [{ code: 'WELCOME', amount: 1_000n }] : [];
  const quote = sampleQuote({ parts: [samplePart({ vendorId: 'usr_v', lines })], coupons });
  const said = create(PurchaseSchema, {
    userId: 'usr_asha',
    codes: ['WELCOME'],
    lines: [{ variantId: 'var_1', productId: 'prd_1', vendorId: 'usr_v', quantity: 2 }],
  });
  return placeOrder(quote, {
    id: newId('ord'),
    userId: 'usr_asha',
    requestId: newId('req'),
    method,
    purchase: coupon ? Buffer.from(toBinary(PurchaseSchema, said)).toString('base64') : '',
    now: shop.now,
    newId,
  });
}

const fingerprint = new Uint8Array(32);
const inline = () => ({ signal: AbortSignal.timeout(60_000), schedules: true });

async function place(asked: Asked = {}) {
  const opened = open();
  const placed = makeOrder(asked);
  await opened.store.insert(placed, fingerprint);
  return { ...opened, placed, order: await opened.checkout.advance(placed, inline()) };
}

async function reload(id: string): Promise<Order> {
  const order = await createPostgresOrders({ database, changed: () => undefined }).find(id);
  if (order === undefined) throw new Error('the order is gone');
  return order;
}

/** What the payment service tells of a payment. */
async function tell(order: Order): Promise<void> {
  await database.transaction((tx) =>
    changeOrder(tx, order.id, (found) => notePayment(found, shop.captured(order.id), shop.now)),
  );
}

function later(ms: number): void {
  shop.now = new Date(shop.now.getTime() + ms);
}

/** What has to hold of an order that came to rest. */
function assertBooks(order: Order): void {
  const kept = order.status !== 'canceled';
  const pieces = order.parts.flatMap((part) => part.lines).reduce((n, line) => n + line.quantity, 0);
  expect({
    sold: shop.sold(),
    held: shop.held(),
    stock: shop.stock.get('var_1'),
    couponUses: 10 - shop.couponUsesLeft,
    money: shop.captured(order.id) - shop.refunded(order.id),
  }).toEqual({
    sold: kept ? pieces : 0,
    held: 0,
    stock: kept ? 10 - pieces : 10,
    couponUses: kept && order.coupons.length > 0 ? 1 : 0,
    money: kept && order.method === 'online' ? totalOf(order) : 0n,
  });
}

describe('an order is placed', () => {
  test('and awaits its payment with everything held', async () => {
    const { order } = await place({ coupon: true });
    expect(order).toMatchObject({ status: 'awaiting-payment', paymentId: 'pay_0', reservationId: 'rsv_0' });
    expect(await reload(order.id)).toEqual(order);
    expect(shop.calls).toEqual(['reserve', 'redeem', 'pay']);
    expect(shop.held()).toBe(2);
  });

  test('and is confirmed at once when it is paid at once, in five statements and three calls', async () => {
    shop.paysAtOnce = true;
    const { order } = await place();
    expect(order.status).toBe('confirmed');
    expect(shop.calls).toEqual(['reserve', 'pay', 'commit']);
    expect(statements).toHaveLength(5); // insert, schedule; update, publish, unschedule
    assertBooks(order);
    expect(await database.query('select 1 from task')).toEqual([]);
  });

  test('and is confirmed at once when it is paid at the door', async () => {
    const { order } = await place({ method: 'cash', coupon: true });
    expect(order.status).toBe('confirmed');
    expect(shop.calls).toEqual(['reserve', 'redeem', 'pay', 'commit']);
  });

  test('and is closed with everything given back when the pieces are gone', async () => {
    shop.stock.set('var_1', 1);
    const { order } = await place({ coupon: true });
    expect(order).toMatchObject({ status: 'canceled', closeReason: 'INSUFFICIENT_STOCK' });
    expect(order.closeMessage).not.toMatch(/peer|inventory|service/i);
  });

  test('and is closed when its coupon is used up, in the coupon’s words', async () => {
    shop.couponUsesLeft = 0;
    const { order } = await place({ coupon: true });
    expect(order).toMatchObject({ status: 'canceled', closeReason: 'COUPON_USED_UP' });
    expect(shop.held()).toBe(0);
  });
});

describe('a payment', () => {
  test('that is told confirms the order', async () => {
    const { order, runDue } = await place({ coupon: true });
    shop.pay(order.id);
    await tell(order);
    await tell(order);
    await runDue();
    const after = await reload(order.id);
    expect(after.status).toBe('confirmed');
    expect(after.history.map(({ kind }) => kind)).toEqual(['PLACED', 'AWAITING_PAYMENT', 'PAID', 'CONFIRMED']);
    assertBooks(after);
  });

  test('that does not come closes the order at its time', async () => {
    const { order, runDue } = await place({ coupon: true });
    later(windowMs - 1_000);
    await runDue();
    expect((await reload(order.id)).status).toBe('awaiting-payment');
    later(1_000);
    await runDue();
    const after = await reload(order.id);
    expect(after).toMatchObject({ status: 'canceled', closeReason: 'PAYMENT_TIMED_OUT' });
    assertBooks(after);
    expect(shop.pay(order.id)).toBe(false);
  });

  test('that was taken but never told confirms the order at its time', async () => {
    const { order, runDue } = await place();
    shop.pay(order.id);
    later(windowMs);
    await runDue();
    const after = await reload(order.id);
    expect(after.status).toBe('confirmed');
    assertBooks(after);
  });

  test('that is told after the hold is over confirms the order while there are pieces', async () => {
    const { order, runDue } = await place();
    shop.pay(order.id);
    later(24 * 3_600_000);
    await tell(order);
    await runDue();
    const after = await reload(order.id);
    expect(after.status).toBe('confirmed');
    assertBooks(after);
  });

  test('that comes too late for the pieces goes back in full', async () => {
    const { order, runDue } = await place({ coupon: true });
    shop.pay(order.id);
    later(24 * 3_600_000);
    shop.stock.set('var_1', 0);
    await tell(order);
    await runDue();
    const after = await reload(order.id);
    expect(after).toMatchObject({ status: 'canceled', closeReason: 'SOLD_OUT_AFTER_PAYMENT' });
    expect(shop.refunded(order.id)).toBe(totalOf(order));
    expect(shop.couponUsesLeft).toBe(10);
    expect(after.refunds).toMatchObject([{ amount: totalOf(order), sent: true }]);
  });

  test('that comes while the customer cancels goes back in full', async () => {
    const { order, store, runDue } = await place({ coupon: true });
    shop.pay(order.id);
    const canceled = close(order, { reason: 'CANCELED_BY_CUSTOMER', message: 'Canceled.' }, shop.now);
    expect(await store.replace(order, canceled, { schedules: true })).toBe(true);
    await tell(order);
    later(10_000);
    await runDue();
    const after = await reload(order.id);
    expect(after).toMatchObject({ status: 'canceled', captured: totalOf(order) });
    assertBooks(after);
  });
});

test('a worker that sold the pieces too late to confirm the order puts them back', async () => {
  const { order, store, checkout, runDue } = await place();
  shop.pay(order.id);
  await tell(order);
  const paid = await reload(order.id);
  const replace = store.replace;
  const slow = createCheckout({
    store: {
      ...store,
      async replace(before, after, options) {
        // Between the sale and this compare-and-set somebody else closes the order.
        const other = close(before, { reason: 'CANCELED_BY_ADMIN', message: 'Canceled.' }, shop.now);
        await replace(before, other, { schedules: true });
        return replace(before, after, options);
      },
    },
    peers: shop.peers,
    paymentWindowMs: windowMs,
    now: () => shop.now,
    newId,
  });
  await slow.advance(paid, inline()).catch(() => undefined);
  await checkout.advance(await reload(order.id), inline());
  later(60_000);
  await runDue();
  const after = await reload(order.id);
  expect(after.status).toBe('canceled');
  assertBooks(after);
});

describe('after the confirmation', () => {
  test('a canceled order gives back money, pieces and coupon, and is closed with the last of it', async () => {
    shop.paysAtOnce = true;
    const { order, store, runDue } = await place({ coupon: true });
    const actor = { id: 'usr_asha', role: 'customer' } as const;
    const canceling = cancelItems(order, { items: [], actor, reason: '', newId }, shop.now);
    expect(canceling.status).toBe('canceling');
    await store.replace(order, canceling, { schedules: true });
    await runDue();
    const after = await reload(order.id);
    expect(after.status).toBe('canceled');
    assertBooks(after);
  });

  test('cash is noted when a parcel arrives, and only that goes back for a return', async () => {
    const { order, store, runDue } = await place({ method: 'cash' });
    const [part] = order.parts;
    const [line] = part?.lines ?? [];
    if (part === undefined || line === undefined) throw new Error('no part');
    const items = [{ lineId: line.id, quantity: 1 }];
    const actor = { id: 'usr_asha', role: 'customer' } as const;
    const partly = cancelItems(order, { items, actor, reason: '', newId }, shop.now);
    expect(partly.refunds).toEqual([]);
    const delivered = fulfill(
      partly,
      { partId: part.id, status: 'delivered', carrier: 'C', trackingNumber: '1', invoiceNumber: 'I' },
      shop.now,
    );
    const asked = requestReturn(delivered, { id: 'ret_1', items, reason: 'too small' }, shop.now);
    const back = resolveReturn(
      asked,
      { returnId: 'ret_1', status: 'received', restock: true, note: '', newId },
      shop.now,
    );
    await store.replace(order, back, { schedules: true });
    await runDue();
    expect(shop.captured(order.id)).toBe(40_000n + 4_900n);
    expect(shop.refunded(order.id)).toBe(40_000n);
    expect(shop.sold()).toBe(0);
  });

  test('an order in cash that is canceled whole is not to be collected any more', async () => {
    const { order, store, runDue } = await place({ method: 'cash', coupon: true });
    const actor = { id: 'usr_v', role: 'vendor' } as const;
    const canceling = cancelItems(order, { items: [], actor, reason: '', newId }, shop.now);
    await store.replace(order, canceling, { schedules: true });
    await runDue();
    const after = await reload(order.id);
    expect(after).toMatchObject({ status: 'canceled', refunds: [], closeReason: 'CANCELED_BY_VENDOR' });
    expect(shop.payments.get(order.id)?.status).toBe(PaymentStatus.CANCELED);
    assertBooks(after);
  });

  test('what works is not held up by what fails', async () => {
    shop.paysAtOnce = true;
    const { order, store, runDue } = await place({ coupon: true });
    const actor = { id: 'usr_asha', role: 'admin' } as const;
    await store.replace(order, cancelItems(order, { items: [], actor, reason: '', newId }, shop.now), {
      schedules: true,
    });
    shop.meddle = (call) => {
      if (call === 'refund') throw new Fault('unavailable', 'DOWN', 'Down.');
    };
    await runDue();
    expect(shop.sold()).toBe(0);
    expect((await reload(order.id)).status).toBe('canceling');
    shop.meddle = () => undefined;
    later(60_000);
    await runDue();
    expect((await reload(order.id)).status).toBe('canceled');
  });
});

test('an order that costs nothing is confirmed without a payment', async () => {
  const { store, checkout } = open();
  const order = makeOrder();
  const parts = order.parts.map((part) => ({
    ...part,
    shippingDiscount: part.shipping,
    lines: part.lines.map((line) => ({ ...line, discount: 80_000n })),
  }));
  await store.insert({ ...order, parts }, fingerprint);
  const after = await checkout.advance({ ...order, parts }, inline());
  expect(after.status).toBe('confirmed');
  expect(shop.calls).toEqual(['reserve', 'commit']);
});

test('whoever sees to an order at the same time, and whatever comes meanwhile, it ends once and the books agree', async () => {
  const seen = new Set<string>();
  for (let round = 0; round < 25; round++) {
    shop = createFakeShop();
    const { store, checkout, runDue } = open();
    const placed = makeOrder({ coupon: true });
    await store.insert(placed, fingerprint);
    const advance = async () => checkout.advance(await reload(placed.id), inline());
    const pay = async () => {
      if (shop.payments.has(placed.id) && shop.pay(placed.id)) await tell(placed);
    };
    const cancel = async () => {
      const order = await reload(placed.id);
      if (order.status !== 'awaiting-payment') return;
      const canceled = close(order, { reason: 'CANCELED_BY_CUSTOMER', message: 'Canceled.' }, shop.now);
      if (await store.replace(order, canceled, { schedules: true })) await checkout.advance(canceled, inline());
    };
    const expire = async () => {
      if (round % 2 === 0) later(windowMs);
      await runDue();
    };
    await Promise.allSettled([advance(), advance()]);
    if (round % 3 === 0) await cancel();
    if (round % 3 === 1) await pay();
    await Promise.allSettled([pay(), cancel(), expire(), advance(), pay(), runDue(), cancel(), advance()]);
    for (let n = 0; n < 3; n++) {
      later(windowMs);
      await runDue();
    }
    const after = await reload(placed.id);
    expect(['confirmed', 'canceled']).toContain(after.status);
    seen.add(after.status);
    assertBooks(after);
    expect(after.history.filter(({ kind }) => kind === 'CONFIRMED' || kind === 'CANCELED')).toHaveLength(1);
    const told = await database.query('select 1 from outbox where topic = $1 and key = $2', [
      'only2u.order.v1.OrderConfirmed',
      placed.id,
    ]);
    expect(told).toHaveLength(after.status === 'confirmed' ? 1 : 0);
  }
  expect([...seen].sort()).toEqual(['canceled', 'confirmed']);
}, 60_000);

test('an order that can’t be placed for two minutes is closed with everything given back', async () => {
  shop.meddle = (call) => {
    if (call === 'pay') throw new Fault('unavailable', 'DOWN', 'Down.');
  };
  const opened = open();
  const placed = makeOrder({ coupon: true });
  await opened.store.insert(placed, fingerprint);
  await expect(opened.checkout.advance(placed, inline())).rejects.toThrow('Down');
  expect(shop.held()).toBe(2);
  for (let round = 0; round < 30; round++) {
    later(10_000);
    await opened.runDue();
  }
  const after = await reload(placed.id);
  expect(after).toMatchObject({ status: 'canceled', closeReason: 'PLACING_TIMED_OUT' });
  assertBooks(after);
});

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
  shop = createFakeShop();
  shop.paysAtOnce = asked.pays === 'at once';
  shop.meddle = failing; // before a peer does it, and after: the answer is lost
  beforeStatement = failing;
  const { store, checkout, runDue } = open();
  const placed = makeOrder(asked);
  const inserted = await store.insert(placed, fingerprint).then(
    () => true,
    () => false,
  );
  if (inserted) {
    await checkout.advance(placed, inline()).catch(() => undefined);
    later(11_000);
    await runDue();
    later(11_000);
    await runDue();
    if (asked.pays === 'later') {
      shop.pay(placed.id);
      await tell(placed);
      await runDue();
    }
    for (let round = 0; round < 3; round++) {
      later(windowMs);
      await runDue();
    }
    const after = await reload(placed.id);
    expect([after.status, n]).toEqual([
      asked.pays === 'never' && asked.method !== 'cash' ? 'canceled' : 'confirmed',
      n,
    ]);
    assertBooks(after);
    expect(shop.payments.size).toBe(1);
  } else {
    expect(await store.find(placed.id)).toBeUndefined();
    expect(shop.calls).toEqual([]);
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
    shop = createFakeShop();
    shop.paysAtOnce = true;
    const { order, store, runDue } = await place({ method, coupon: true });
    const [part] = order.parts;
    const lineId = part?.lines[0]?.id ?? '';
    const items = [{ lineId, quantity: 1 }];
    const actor = { id: 'usr_asha', role: 'customer' } as const;
    const partly = cancelItems(order, { items, actor, reason: '', newId }, shop.now);
    const sent = { partId: part?.id ?? '', carrier: 'C', trackingNumber: '1', invoiceNumber: 'I' };
    const delivered = fulfill(partly, { ...sent, status: 'delivered' }, shop.now);
    const asked = requestReturn(delivered, { id: 'ret_1', items, reason: 'too small' }, shop.now);
    const came = { returnId: 'ret_1', status: 'received', restock: true, note: '', newId } as const;
    await store.replace(order, resolveReturn(asked, came, shop.now), { schedules: true });
    let places = 0;
    shop.meddle = beforeStatement = () => {
      places += 1;
      if (places === n) throw new Fault('unavailable', 'CRASH', `The process ends at place ${n}.`);
    };
    for (let round = 0; round < 3; round++) {
      later(60_000);
      await runDue();
    }
    beforeStatement = () => undefined;
    const after = await reload(order.id);
    expect([hasOpenEffects(after), n]).toEqual([false, n]);
    expect(shop.sold()).toBe(0);
    expect(shop.stock.get('var_1')).toBe(10);
    const goods = totalOf(order) - 4_900n;
    // One of two pieces was not paid for at the door; everything but the shipping went back.
    expect(shop.captured(order.id)).toBe(method === 'cash' ? goods / 2n + 4_900n : totalOf(order));
    expect(shop.refunded(order.id)).toBe(method === 'cash' ? goods / 2n : goods);
    return places >= n;
  }

  test.each(['online', 'cash'] as const)('paid %s', async (method) => {
    let n = 1;
    while (await settlesWithFailureAt(n, method)) n += 1;
    expect(n).toBeGreaterThan(8);
  });
});
