import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { OrderService, OrderStatus, OrderStatusSchema, type Order } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod, PaymentService, PaymentStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import { TestProviderService } from '#gen/only2u/payment/v1/test_provider_pb.ts';
import { InventoryService } from '#gen/only2u/product/v1/inventory_pb.ts';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import { audit } from './audit.ts';
import { refusal, sell } from './buying.ts';
import { gather, patiently, type Buyer } from './crowd.ts';
import { type Account, openTestShop, type TestShop } from './shop.ts';

let shop: TestShop;
let vendor: Account;
let admin: Account;

beforeAll(async () => {
  shop = await openTestShop();
  [vendor, admin] = await Promise.all([shop.signUp(Role.VENDOR), shop.signUp(Role.ADMIN)]);
}, 60_000);

afterAll(() => shop.close());

const requestId = () => newId('req');

type Wish = { readonly code?: string; readonly method?: PaymentMethod };

/** What PlaceOrder is sent for a piece, with a coupon if one is named. */
async function quoted(buyer: Buyer, variantId: string, { code = '', method = PaymentMethod.ONLINE }: Wish = {}) {
  const cart = buyer.client(CartService);
  const add = { requestId: requestId(), variantId, quantity: 1 };
  await patiently(() => cart.addCartItem(add));
  const apply = { requestId: requestId(), code };
  if (code !== '') await patiently(() => cart.applyCoupon(apply));
  const orders = buyer.client(OrderService);
  const { quote } = await patiently(() => orders.quoteOrder({ addressId: buyer.addressId }));
  return { requestId: requestId(), quoteToken: quote?.quoteToken ?? '', paymentMethod: method };
}

type Asked = Awaited<ReturnType<typeof quoted>>;

/** The order, or why there is none. One that takes longer than a call is asked for again, word for word. */
async function tried(buyer: Buyer, asked: Asked): Promise<Order | string> {
  try {
    const { order } = await patiently(() => buyer.client(OrderService).placeOrder(asked));
    return order?.status === OrderStatus.PENDING ? await tried(buyer, asked) : (order ?? 'no order');
  } catch (error) {
    const { code, reason } = await refusal(Promise.reject(error));
    return reason || `code ${code}`;
  }
}

async function pay(buyer: Buyer, order: Order): Promise<void> {
  const { paymentId = '', handoff } = order.payment ?? {};
  const paying = { requestId: requestId(), providerOrderId: handoff?.providerOrderId ?? '' };
  const signed = await patiently(() => shop.client(TestProviderService).payTestOrder(paying));
  const capturing = {
    requestId: requestId(),
    paymentId,
    providerPaymentId: signed.providerPaymentId,
    providerSignature: signed.providerSignature,
  };
  await patiently(() => buyer.client(PaymentService).capturePayment(capturing));
}

const statuses = new Map<number, string>(OrderStatusSchema.values.map(({ number, localName }) => [number, localName]));

function tally(outcomes: readonly (Order | string)[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) {
    const name = typeof outcome === 'string' ? outcome : outcome.closeReason || (statuses.get(outcome.status) ?? '');
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

const agreed = async () => {
  await shop.settled();
  expect((await audit(shop.databaseUrlOf)).problems).toEqual([]);
};

test('500 buyers at once for 50 pieces buy exactly 50', async () => {
  const { variantIds } = await sell(shop, vendor, { pieces: 50, minorUnits: 149_900n });
  const [variantId = ''] = variantIds;
  const buyers = await gather(shop, 500);
  const ready = await Promise.all(
    buyers.map(async (buyer, index) => {
      const method = index % 2 === 0 ? PaymentMethod.ONLINE : PaymentMethod.CASH_ON_DELIVERY;
      return { buyer, asked: await quoted(buyer, variantId, { method }) };
    }),
  );
  const outcomes = await Promise.all(
    ready.map(async ({ buyer, asked }) => {
      const outcome = await tried(buyer, asked);
      if (typeof outcome !== 'string' && outcome.status === OrderStatus.AWAITING_PAYMENT) await pay(buyer, outcome);
      return outcome;
    }),
  );
  const { AWAITING_PAYMENT = 0, CONFIRMED = 0, INSUFFICIENT_STOCK = 0, ...others } = tally(outcomes);
  expect({ sold: AWAITING_PAYMENT + CONFIRMED, INSUFFICIENT_STOCK, others }).toEqual({
    sold: 50,
    INSUFFICIENT_STOCK: 450,
    others: {},
  });
  await agreed();
  const { stocks } = await shop.client(InventoryService).getStock({ variantIds: [variantId] });
  expect(stocks[0]).toMatchObject({ onHand: 0, reserved: 0, available: 0 });
}, 90_000);

test('a coupon with ten uses is used ten times by 120 orders at once', async () => {
  const { variantIds } = await sell(shop, vendor, { pieces: 200, minorUnits: 149_900n });
  const code = newId('cpn').toUpperCase().replace('_', '-');
  const coupons = shop.client(CouponService, admin.token);
  const { coupon } = await coupons.createCoupon({
    requestId: requestId(),
    coupon: { code, currency: 'INR', maxUses: 10, discount: { case: 'percentage', value: { basisPoints: 1_000 } } },
  });
  const buyers = await gather(shop, 120);
  const ready = await Promise.all(
    buyers.map(async (buyer) => {
      const method = PaymentMethod.CASH_ON_DELIVERY;
      return { buyer, asked: await quoted(buyer, variantIds[0] ?? '', { code, method }) };
    }),
  );
  const outcomes = await Promise.all(ready.map(({ buyer, asked }) => tried(buyer, asked)));
  const { CONFIRMED, COUPON_USED_UP, ...others } = tally(outcomes);
  expect({ CONFIRMED, COUPON_USED_UP, others }).toEqual({ CONFIRMED: 10, COUPON_USED_UP: 110, others: {} });
  await agreed();
  const { coupon: after } = await coupons.getCoupon({ couponId: coupon?.id ?? '' });
  expect(after).toMatchObject({ uses: 10, spent: { minorUnits: 149_900n } });
}, 90_000);

test('the same PlaceOrder 50 times at once, and again after a restart, is one order and one charge', async () => {
  const { variantIds } = await sell(shop, vendor, { pieces: 60, minorUnits: 149_900n });
  const [buyer] = await gather(shop, 1);
  if (buyer === undefined) throw new Error('nobody came');
  const asked = await quoted(buyer, variantIds[0] ?? '');
  const taps = () => Promise.all(Array.from({ length: 50 }, () => tried(buyer, asked)));
  const idsOf = (outcomes: readonly (Order | string)[]) =>
    new Set(outcomes.map((outcome) => (typeof outcome === 'string' ? outcome : outcome.id)));

  const first = await taps();
  const [order] = first;
  if (order === undefined || typeof order === 'string') throw new Error(`it was refused: ${order}`);
  expect([...idsOf(first)]).toEqual([order.id]);
  expect(order.status).toBe(OrderStatus.AWAITING_PAYMENT);
  await pay(buyer, order);

  await shop.restart();
  expect([...idsOf(await taps())]).toEqual([order.id]);
  const other = { ...asked, paymentMethod: PaymentMethod.CASH_ON_DELIVERY };
  expect(await refusal(buyer.client(OrderService).placeOrder(other))).toEqual({
    code: 'already_exists',
    reason: 'REQUEST_ID_REUSED',
  });

  await agreed();
  const { orders } = await buyer.client(OrderService).listOrders({});
  expect(orders.map(({ id, status }) => ({ id, status }))).toEqual([{ id: order.id, status: OrderStatus.CONFIRMED }]);
  const { payment } = await buyer.client(PaymentService).getPayment({ paymentId: order.payment?.paymentId ?? '' });
  expect(payment).toMatchObject({
    status: PaymentStatus.CAPTURED,
    captured: { minorUnits: 149_900n },
    refunds: [],
  });
  const { stocks } = await shop.client(InventoryService).getStock({ variantIds: variantIds.slice(0, 1) });
  expect(stocks[0]).toMatchObject({ onHand: 59, reserved: 0 });
}, 90_000);
