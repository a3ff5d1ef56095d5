import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OrderStatus } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod } from '#gen/only2u/payment/v1/payment_pb.ts';
import { Fault } from '#platform/fault.ts';
import { openOrderDesk, refusal, requestId, type OrderDesk } from './service.testing.ts';

let desk: OrderDesk;

beforeEach(async () => {
  desk = await openOrderDesk();
});

afterEach(() => desk.close());

const { ONLINE, CASH_ON_DELIVERY } = PaymentMethod;

test('what was quoted is bought at that price, and awaits its payment', async () => {
  const order = await desk.buy();
  expect(order).toMatchObject({
    status: OrderStatus.AWAITING_PAYMENT,
    userId: 'usr_asha',
    payment: { paymentId: 'pay_0', handoff: { provider: 'test' } },
    totals: { total: { minorUnits: 84_900n, currency: 'INR' } },
  });
  expect(order.history.map(({ kind }) => kind)).toEqual(['PLACED', 'AWAITING_PAYMENT']);
});

test('an order that is paid is confirmed, and shows no handoff any more', async () => {
  const order = await desk.pay(await desk.buy());
  expect(order.status).toBe(OrderStatus.CONFIRMED);
  expect(order.payment).toMatchObject({ captured: { minorUnits: 84_900n } });
  expect(order.payment?.handoff).toBeUndefined();
  expect(desk.shop.sold()).toBe(2);
});

test('the same request sent 50 times at once is one order and one payment', async () => {
  const request = { requestId: requestId(), quoteToken: await desk.quote(), paymentMethod: ONLINE };
  const answers = await Promise.all(Array.from({ length: 50 }, () => desk.asha.placeOrder(request)));
  expect(new Set(answers.map(({ order }) => order?.id)).size).toBe(1);
  expect(new Set(answers.map(({ order }) => order?.status))).toEqual(new Set([OrderStatus.AWAITING_PAYMENT]));
  expect(desk.shop.payments.size).toBe(1);
  expect(desk.shop.held()).toBe(2);
  expect(desk.shop.calls.filter((call) => call === 'pay')).toHaveLength(1);
});

test('a repeated request is answered with the order as it stands now, though the cart and the stock have changed', async () => {
  const request = { requestId: requestId(), quoteToken: await desk.quote(), paymentMethod: ONLINE };
  const { order } = await desk.asha.placeOrder(request);
  if (order === undefined) throw new Error('no order');
  await desk.pay(order);
  desk.shop.cart = [];
  desk.shop.stock.set('var_1', 0);
  desk.shop.now = new Date(desk.shop.now.getTime() + 24 * 3_600_000);
  const again = await desk.asha.placeOrder(request);
  expect(again.order).toMatchObject({ id: order.id, status: OrderStatus.CONFIRMED });
});

test('a reused request_id with other content is refused', async () => {
  const request = { requestId: requestId(), quoteToken: await desk.quote(), paymentMethod: ONLINE };
  await desk.asha.placeOrder(request);
  const other = desk.asha.placeOrder({ ...request, paymentMethod: CASH_ON_DELIVERY });
  expect(await refusal(other)).toMatchObject({ code: 'AlreadyExists', reason: 'REQUEST_ID_REUSED' });
});

test('one quote ordered 20 times at once by requests of their own is one order, and the others are told which', async () => {
  const quoteToken = await desk.quote();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => {
      const placing = desk.asha.placeOrder({ requestId: requestId(), quoteToken, paymentMethod: ONLINE });
      return placing.then(
        ({ order }) => order?.id ?? '',
        () => refusal(placing),
      );
    }),
  );
  const [id, ...others] = answers.filter((answer) => typeof answer === 'string');
  expect([id, others]).toEqual([expect.stringMatching(/^ord_/), []]);
  const told = { code: 'FailedPrecondition', reason: 'QUOTE_USED', metadata: { order_id: id } };
  expect(answers.filter((answer) => answer !== id)).toEqual(
    Array.from({ length: 19 }, () => expect.objectContaining(told)),
  );
  expect(await desk.database.query('select id from orders')).toEqual([{ id }]);
  expect(desk.shop.payments.size).toBe(1);
  expect(desk.shop.held()).toBe(2);
});

test('a quote that was used says so, though it bought the last pieces, its order was closed and it is too old', async () => {
  desk.shop.stock.set('var_1', 2);
  const request = { requestId: requestId(), quoteToken: await desk.quote(), paymentMethod: ONLINE };
  const { order } = await desk.asha.placeOrder(request);
  const used = { reason: 'QUOTE_USED', metadata: { order_id: order?.id } };
  const again = () => refusal(desk.asha.placeOrder({ ...request, requestId: requestId() }));
  expect(await again()).toMatchObject(used);
  await desk.asha.cancelOrder({ requestId: requestId(), orderId: order?.id ?? '' });
  expect(await again()).toMatchObject(used);
  desk.shop.now = new Date(desk.shop.now.getTime() + 3_600_000);
  expect(await again()).toMatchObject(used);
  expect((await desk.asha.placeOrder(request)).order?.id).toBe(order?.id);
  expect((await desk.buy()).id).not.toBe(order?.id);
});

test.each([
  ['the same request', 'req_first'],
  ['another request', 'req_second'],
])('%s, overtaken while it was priced, is told of the order and not of what that took', async (_, overtaken) => {
  const asked = { requestId: 'req_first', quoteToken: await desk.quote(), paymentMethod: ONLINE };
  let first: string | undefined;
  desk.shop.onCart = async () => {
    desk.shop.onCart = () => Promise.resolve();
    first = (await desk.asha.placeOrder(asked)).order?.id;
    desk.shop.cart = [];
  };
  const answer = desk.asha.placeOrder({ ...asked, requestId: overtaken });
  if (overtaken === 'req_first') expect((await answer).order?.id).toBe(first);
  else expect(await refusal(answer)).toMatchObject({ reason: 'QUOTE_USED', metadata: { order_id: first } });
  expect(await desk.database.query('select id from orders')).toEqual([{ id: first }]);
});

test('another user’s request_id is no obstacle', async () => {
  const request = { requestId: requestId(), quoteToken: await desk.quote(), paymentMethod: ONLINE };
  await desk.asha.placeOrder(request);
  const stolen = desk.as('usr_b').placeOrder(request);
  expect(await refusal(stolen)).toMatchObject({ reason: 'QUOTE_INVALID' });
});

test('a quote that is stale is refused with what changed, and nothing is written', async () => {
  const quoteToken = await desk.quote();
  desk.shop.price = 41_000n;
  const stale = desk.asha.placeOrder({ requestId: requestId(), quoteToken, paymentMethod: ONLINE });
  expect(await refusal(stale)).toMatchObject({ code: 'FailedPrecondition', reason: 'QUOTE_CHANGED' });
  expect(await desk.database.query('select 1 from orders')).toEqual([]);
  expect(desk.shop.calls).toEqual([]);
});

test.each([
  ['made up', () => 'x'.repeat(80)],
  ['cut off', (token: string) => token.slice(0, -4)],
])('a quote that is %s is refused', async (_, change) => {
  const quoteToken = change(await desk.quote());
  const forged = desk.asha.placeOrder({ requestId: requestId(), quoteToken, paymentMethod: ONLINE });
  expect(await refusal(forged)).toMatchObject({ reason: 'QUOTE_INVALID' });
});

test('a quote that is too old is refused', async () => {
  const quoteToken = await desk.quote();
  desk.shop.now = new Date(desk.shop.now.getTime() + 3_600_000);
  const late = desk.asha.placeOrder({ requestId: requestId(), quoteToken, paymentMethod: ONLINE });
  expect(await refusal(late)).toMatchObject({ reason: 'QUOTE_EXPIRED' });
});

test('an order that fails after it was made is answered with why, in words that name no service', async () => {
  desk.shop.meddle = (call) => {
    if (call === 'reserve') desk.shop.stock.set('var_1', 1);
  };
  const order = await desk.buy();
  expect(order).toMatchObject({ status: OrderStatus.CANCELED, closeReason: 'INSUFFICIENT_STOCK' });
  expect(order.closeMessage).not.toMatch(/peer|inventory|service/i);
});

test('an order that takes longer than a call is answered as it stands, and is not lost', async () => {
  desk.shop.meddle = (call) => {
    if (call === 'pay') throw new Fault('unavailable', 'DOWN', 'payment-7f9c is down');
  };
  const order = await desk.buy();
  expect(order.status).toBe(OrderStatus.PENDING);
  expect(await desk.database.query('select key from task')).toEqual([{ key: order.id }]);
});

test.each(['reserve', 'redeem', 'pay'])(
  'a race that is lost at %s is run again, and the order is placed',
  async (step) => {
    desk.shop.couponCodes = ['TEN'];
    let calls = 0;
    desk.shop.meddle = (call, when) => {
      if (call === step && when === 'before' && calls++ === 0) throw new Fault('aborted', 'CONCURRENT_CHANGE', 'again');
    };
    const order = await desk.buy();
    expect([order.status, calls]).toEqual([OrderStatus.AWAITING_PAYMENT, 2]);
    expect(desk.shop.payments.size).toBe(1);
  },
);

test('an order without anything to pay needs no payment', async () => {
  desk.shop.couponCodes = ['FREE'];
  desk.shop.couponAmount = 80_000n;
  desk.shop.cart = [{ variantId: 'var_1', quantity: 2 }];
  const { quote } = await desk.asha.quoteOrder({ addressId: 'adr_1' });
  expect(quote?.totals?.discount?.minorUnits).toBe(80_000n);
  const order = await desk.buy();
  expect(order.totals?.total?.minorUnits).toBe(4_900n);
});

test('codes for a first order count until an order is placed, and again when that was canceled', async () => {
  const asked: boolean[] = [];
  desk.shop.couponCodes = ['FIRST'];
  desk.shop.onQuote = (purchase) => asked.push(purchase.firstOrder);
  const order = await desk.buy();
  await desk.quote();
  await desk.asha.cancelOrder({ requestId: requestId(), orderId: order.id });
  await desk.quote();
  expect(asked).toEqual([true, true, false, true]); // the quote, the order, and the two quotes after it
});
