import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { type Order, OrderService, OrderStatus, PartStatus, ReturnDecision } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod } from '#gen/only2u/payment/v1/payment_pb.ts';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import { addressOf, putInCart, quoteCart, sell } from './buying.ts';
import { refused } from './refused.ts';
import { type Account, openTestShop, type TestShop } from './shop.ts';

let shop: TestShop;
let vendor: Account;
let admin: Account;
let stranger: Account;

beforeAll(async () => {
  shop = await openTestShop();
  [vendor, admin, stranger] = await Promise.all([shop.signUp(Role.VENDOR), shop.signUp(Role.ADMIN), shop.signUp()]);
}, 60_000);

afterAll(() => shop.close());

const requestId = () => newId('req');

type Bought = {
  readonly customer: Account;
  readonly order: Order | undefined;
  /** Names the order, and its only part and line. */
  readonly orderId: string;
  readonly partId: string;
  readonly lineId: string;
  readonly paymentId: string;
};

/** Two pieces, ordered by somebody new. */
async function buy(paymentMethod: PaymentMethod = PaymentMethod.CASH_ON_DELIVERY): Promise<Bought> {
  const [{ variantIds }, customer] = await Promise.all([
    sell(shop, vendor, { pieces: 5, minorUnits: 50_000n }),
    shop.signUp(),
  ]);
  await putInCart(shop, customer, variantIds[0], 2);
  const orders = shop.client(OrderService, customer.token);
  const { order } = await orders.placeOrder({
    requestId: requestId(),
    quoteToken: await quoteCart(shop, customer),
    paymentMethod,
  });
  const part = order?.parts[0];
  return {
    customer,
    order,
    orderId: order?.id ?? '',
    partId: part?.id ?? '',
    lineId: part?.lines[0]?.id ?? '',
    paymentId: order?.payment?.paymentId ?? '',
  };
}

async function move({ orderId, partId }: Bought, ...statuses: readonly PartStatus[]): Promise<void> {
  for (const status of statuses) {
    const moving = { requestId: requestId(), orderId, partId, status };
    await shop.client(OrderService, vendor.token).updateFulfillment(moving);
  }
}

const notFound = (reason: string) => ({ status: 404, code: 'not_found', reason });
const precondition = (reason: string) => ({ status: 400, code: 'failed_precondition', reason });

describe('what is another’s is as if it were not', () => {
  test('a cart', async () => {
    const { variantIds } = await sell(shop, vendor, { pieces: 5, minorUnits: 50_000n });
    const owner = await shop.signUp();
    const { cart } = await shop
      .client(CartService, owner.token)
      .addCartItem({ requestId: requestId(), variantId: variantIds[0] ?? '', quantity: 1 });
    const named = { requestId: requestId(), cartId: cart?.id };
    const item = { ...named, variantId: variantIds[0] };
    const calls: readonly (readonly [string, object])[] = [
      ['GetCart', { cartId: cart?.id }],
      ['AddCartItem', { ...item, quantity: 1 }],
      ['UpdateCartItem', { ...item, quantity: 2 }],
      ['RemoveCartItem', item],
      ['ApplyCoupon', { ...named, code: 'ANY' }],
      ['RemoveCoupon', { ...named, code: 'ANY' }],
      ['ClearCart', named],
    ];
    for (const [method, body] of calls) {
      for (const token of [undefined, stranger.token])
        expect(await refused(shop, `CartService/${method}`, body, token)).toMatchObject(notFound('CART_NOT_FOUND'));
    }
    const merging = { requestId: requestId(), guestCartId: cart?.id };
    expect(await refused(shop, 'CartService/MergeCart', merging, stranger.token)).toMatchObject(
      notFound('CART_NOT_FOUND'),
    );
    const quoting = { cartId: cart?.id, addressId: await addressOf(shop, stranger) };
    expect(await refused(shop, 'OrderService/QuoteOrder', quoting, stranger.token)).toMatchObject(
      notFound('CART_NOT_FOUND'),
    );
    expect((await shop.client(CartService, owner.token).getCart({})).cart?.quantity).toBe(1);
  });

  test('an address', async () => {
    const owner = await shop.signUp();
    const addressId = await addressOf(shop, owner);
    const change = { address: { id: addressId, city: 'Mysuru' }, updateMask: 'city', requestId: requestId() };
    const calls: readonly (readonly [string, object])[] = [
      ['UserService/GetAddress', { addressId }],
      ['UserService/UpdateAddress', change],
      ['UserService/DeleteAddress', { addressId, requestId: requestId() }],
      ['OrderService/QuoteOrder', { addressId }],
    ];
    const { variantIds } = await sell(shop, vendor, { pieces: 5, minorUnits: 50_000n });
    const other = await shop.signUp();
    await putInCart(shop, other, variantIds[0]);
    for (const [method, body] of calls)
      expect(await refused(shop, method, body, other.token)).toMatchObject(notFound('ADDRESS_NOT_FOUND'));
  });

  test('an order, its invoice and its payment', async () => {
    const bought = await buy();
    await move(bought, PartStatus.DELIVERED);
    const { orderId, partId, lineId, paymentId } = bought;
    const items = [{ lineId, quantity: 1 }];
    const calls: readonly (readonly [string, object])[] = [
      ['OrderService/GetOrder', { orderId }],
      ['OrderService/CancelOrder', { requestId: requestId(), orderId }],
      ['OrderService/RequestReturn', { requestId: requestId(), orderId, items, reason: 'mine now' }],
      ['OrderService/GetInvoice', { orderId, partId }],
      ['PaymentService/GetPayment', { paymentId }],
      [
        'PaymentService/CapturePayment',
        { requestId: requestId(), paymentId, providerPaymentId: 'tpay_1', providerSignature: 'aa' },
      ],
    ];
    for (const [method, body] of calls)
      expect(await refused(shop, method, body, stranger.token)).toMatchObject(
        notFound(method.startsWith('Order') ? 'ORDER_NOT_FOUND' : 'PAYMENT_NOT_FOUND'),
      );
    for (const [method, body] of calls)
      expect(await refused(shop, method, body)).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  test('another vendor’s part, return and coupon; and no customer does a vendor’s work', async () => {
    const bought = await buy();
    await move(bought, PartStatus.DELIVERED);
    const { orderId, partId, lineId, customer } = bought;
    const { returnId } = await shop
      .client(OrderService, customer.token)
      .requestReturn({ requestId: requestId(), orderId, items: [{ lineId, quantity: 1 }], reason: 'too long' });
    const { coupon } = await shop.client(CouponService, vendor.token).createCoupon({
      requestId: requestId(),
      coupon: { code: couponCode(), currency: 'INR', discount: { case: 'percentage', value: { basisPoints: 500 } } },
    });
    const other = await shop.signUp(Role.VENDOR);
    const couponId = coupon?.id;
    const resolving = { requestId: requestId(), orderId, returnId, decision: 'RETURN_DECISION_RECEIVE' };
    const calls: readonly (readonly [string, object, string])[] = [
      ['OrderService/GetOrder', { orderId }, 'ORDER_NOT_FOUND'],
      [
        'OrderService/UpdateFulfillment',
        { requestId: requestId(), orderId, partId, carrier: 'mine' },
        'ORDER_NOT_FOUND',
      ],
      ['OrderService/ResolveReturn', resolving, 'ORDER_NOT_FOUND'],
      ['CouponService/GetCoupon', { couponId }, 'COUPON_NOT_FOUND'],
      ['CouponService/DeleteCoupon', { requestId: requestId(), couponId }, 'COUPON_NOT_FOUND'],
      [
        'CouponService/UpdateCoupon',
        { requestId: requestId(), coupon: { id: couponId, paused: true }, updateMask: 'paused' },
        'COUPON_NOT_FOUND',
      ],
    ];
    for (const [method, body, reason] of calls)
      expect(await refused(shop, method, body, other.token)).toMatchObject(notFound(reason));
    for (const [method, body] of calls.slice(1))
      expect(await refused(shop, method, body, customer.token)).toMatchObject({ code: 'permission_denied' });
    // A customer can't make up a return's end, not even of an order of their own.
    expect(await refused(shop, 'OrderService/ListOrders', { view: 'ORDER_VIEW_ALL' }, customer.token)).toMatchObject({
      code: 'permission_denied',
      reason: 'VIEW_NOT_GRANTED',
    });
  });
});

describe('illegal moves', () => {
  const moving = (bought: Bought, status: string, by = vendor) =>
    refused(
      shop,
      'OrderService/UpdateFulfillment',
      { requestId: requestId(), orderId: bought.orderId, partId: bought.partId, status },
      by.token,
    );
  const canceling = ({ orderId, customer, lineId }: Bought, quantity?: number) =>
    refused(
      shop,
      'OrderService/CancelOrder',
      { requestId: requestId(), orderId, items: quantity === undefined ? [] : [{ lineId, quantity }] },
      customer.token,
    );
  const returning = ({ orderId, customer, lineId }: Bought, quantity: number) =>
    refused(
      shop,
      'OrderService/RequestReturn',
      { requestId: requestId(), orderId, items: [{ lineId, quantity }], reason: 'too long' },
      customer.token,
    );

  test('what is packed is not canceled, not returned before it came, and does not go backwards', async () => {
    const bought = await buy();
    expect(await canceling(bought, 3)).toMatchObject(precondition('QUANTITY_TOO_LARGE'));
    await move(bought, PartStatus.PACKED);
    expect(await canceling(bought)).toMatchObject(precondition('NOT_CANCELABLE'));
    expect(await canceling(bought, 1)).toMatchObject(precondition('NOT_CANCELABLE'));
    expect(await returning(bought, 1)).toMatchObject(precondition('NOT_RETURNABLE'));
    expect(
      await refused(shop, 'OrderService/GetInvoice', { orderId: bought.orderId }, bought.customer.token),
    ).toMatchObject(precondition('NOT_INVOICED'));
    await move(bought, PartStatus.DELIVERED);
    for (const status of ['PART_STATUS_PACKED', 'PART_STATUS_SHIPPED', 'PART_STATUS_CANCELED', 'PART_STATUS_PENDING'])
      expect((await moving(bought, status)).code).toMatch(/failed_precondition|invalid_argument/);
  });

  test('what is canceled is neither delivered nor canceled nor returned', async () => {
    const bought = await buy();
    const { orderId } = bought;
    await shop.client(OrderService, bought.customer.token).cancelOrder({ requestId: requestId(), orderId });
    for (const status of ['PART_STATUS_PACKED', 'PART_STATUS_SHIPPED', 'PART_STATUS_DELIVERED'])
      expect(await moving(bought, status)).toMatchObject(precondition('ILLEGAL_MOVE'));
    expect(await canceling(bought)).toMatchObject(precondition('NOT_CANCELABLE'));
    expect(await returning(bought, 1)).toMatchObject(precondition('NOT_RETURNABLE'));
  });

  test('no more comes back than was bought, and a return ends once', async () => {
    const bought = await buy();
    await move(bought, PartStatus.DELIVERED);
    const { orderId, lineId, customer } = bought;
    expect(await returning(bought, 3)).toMatchObject(precondition('QUANTITY_TOO_LARGE'));
    const { returnId } = await shop
      .client(OrderService, customer.token)
      .requestReturn({ requestId: requestId(), orderId, items: [{ lineId, quantity: 2 }], reason: 'too long' });
    expect(await returning(bought, 1)).toMatchObject(precondition('QUANTITY_TOO_LARGE'));
    const seller = shop.client(OrderService, vendor.token);
    await seller.resolveReturn({ requestId: requestId(), orderId, returnId, decision: ReturnDecision.RECEIVE });
    for (const decision of ['RETURN_DECISION_RECEIVE', 'RETURN_DECISION_APPROVE', 'RETURN_DECISION_REJECT']) {
      const resolving = { requestId: requestId(), orderId, returnId, decision };
      expect(await refused(shop, 'OrderService/ResolveReturn', resolving, vendor.token)).toMatchObject(
        precondition('ILLEGAL_MOVE'),
      );
    }
    expect(await returning(bought, 1)).toMatchObject(precondition('QUANTITY_TOO_LARGE'));
    const unknown = { requestId: requestId(), orderId, returnId: 'ret_none', decision: 'RETURN_DECISION_RECEIVE' };
    expect(await refused(shop, 'OrderService/ResolveReturn', unknown, vendor.token)).toMatchObject({
      code: 'not_found',
    });
  });

  test('an order that is canceled before it was paid is not paid afterwards, nor sent before it is paid', async () => {
    const bought = await buy(PaymentMethod.ONLINE);
    const { order, orderId, paymentId, customer } = bought;
    expect(order?.status).toBe(OrderStatus.AWAITING_PAYMENT);
    expect(await moving(bought, 'PART_STATUS_SHIPPED')).toMatchObject(notFound('ORDER_NOT_FOUND'));
    expect(await moving(bought, 'PART_STATUS_SHIPPED', admin)).toMatchObject(precondition('ILLEGAL_MOVE'));
    expect(await canceling(bought, 1)).toMatchObject(precondition('NOT_CANCELABLE'));
    const paying = { requestId: requestId(), providerOrderId: order?.payment?.handoff?.providerOrderId };
    const { body: signed } = await shop.call('TestProviderService/PayTestOrder', {
      ...paying,
      outcome: 'TEST_PAYMENT_OUTCOME_DECLINED',
    });
    const capturing = { requestId: requestId(), paymentId, providerPaymentId: String(signed['providerPaymentId']) };
    expect(
      await refused(shop, 'PaymentService/CapturePayment', { ...capturing, providerSignature: '00' }, customer.token),
    ).toMatchObject({
      code: 'invalid_argument',
      reason: 'PAYMENT_SIGNATURE_INVALID',
      fields: ['provider_signature'],
    });
    await shop.client(OrderService, customer.token).cancelOrder({ requestId: requestId(), orderId });
    await shop.settled();
    const late = await shop.call('TestProviderService/PayTestOrder', { ...paying, requestId: requestId() });
    const handedIn = {
      requestId: requestId(),
      paymentId,
      providerPaymentId: String(late.body['providerPaymentId']),
      providerSignature: String(late.body['providerSignature']),
    };
    expect(await refused(shop, 'PaymentService/CapturePayment', handedIn, customer.token)).toMatchObject(
      precondition('PAYMENT_CANCELED'),
    );
  });
});

function couponCode(): string {
  return newId('cpn').toUpperCase().replace('_', '-');
}
