import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import { createQuoteTokens } from '#services/order/quote-token.ts';
import { sampleQuote } from '#services/order/quote.samples.ts';
import { putInCart, quoteCart, sell } from './buying.ts';
import { refused } from './refused.ts';
import { type Account, openTestShop, type TestShop } from './shop.ts';

const quoteKey = 'a key of thirty-two bytes or more, for quotes';
let shop: TestShop;
let vendor: Account;
let customer: Account;

beforeAll(async () => {
  shop = await openTestShop({ QUOTE_KEY: quoteKey });
  [vendor, customer] = await Promise.all([shop.signUp(Role.VENDOR), shop.signUp()]);
}, 60_000);

afterAll(() => shop.close());

const requestId = () => newId('req');
const precondition = (reason: string) => ({ status: 400, code: 'failed_precondition', reason });

describe('numbers that are none', () => {
  const wrong = [-1, '-1', 0.5, 1e99, '1e99', '2147483648', '9223372036854775808', 'many', true, [], {}];

  test.each(wrong.map((quantity) => [JSON.stringify(quantity), quantity] as const))(
    '%s pieces are refused, and the field is named',
    async (_name, quantity) => {
      const item = { lineId: 'oli_1', quantity };
      const calls: readonly (readonly [string, object, string])[] = [
        ['CartService/AddCartItem', { variantId: 'var_1', quantity }, 'quantity'],
        ['CartService/UpdateCartItem', { variantId: 'var_1', quantity }, 'quantity'],
        ['OrderService/CancelOrder', { orderId: 'ord_1', items: [item] }, 'items[0].quantity'],
        ['OrderService/RequestReturn', { orderId: 'ord_1', items: [item], reason: 'a' }, 'items[0].quantity'],
      ];
      for (const [method, body, field] of calls) {
        const { code, fields } = await refused(shop, method, { requestId: requestId(), ...body }, customer.token);
        expect({ method, code, fields }).toEqual({ method, code: 'invalid_argument', fields: [field] });
      }
    },
  );

  test('no pieces are neither added, nor canceled, nor sent back; and no wish is for a thousand and one', async () => {
    const line = { lineId: 'oli_1', quantity: 0 };
    const calls: readonly (readonly [string, object])[] = [
      ['CartService/AddCartItem', { variantId: 'var_1', quantity: 0 }],
      ['CartService/AddCartItem', { variantId: 'var_1', quantity: 1_001 }],
      ['CartService/UpdateCartItem', { variantId: 'var_1', quantity: 1_001 }],
      ['OrderService/CancelOrder', { orderId: 'ord_1', items: [line] }],
      ['OrderService/RequestReturn', { orderId: 'ord_1', items: [line], reason: 'a' }],
      ['OrderService/RequestReturn', { orderId: 'ord_1', items: [], reason: 'a' }],
    ];
    for (const [method, body] of calls) {
      expect(await refused(shop, method, { requestId: requestId(), ...body }, customer.token)).toMatchObject({
        code: 'invalid_argument',
        fields: [expect.stringMatching(/quantity$|^items$/)],
      });
    }
  });

  test('a thousand pieces in many calls are still a thousand at most', async () => {
    const { variantIds } = await sell(shop, vendor, { pieces: 5_000, minorUnits: 100n });
    const buyer = await shop.signUp();
    await putInCart(shop, buyer, variantIds[0], 1_000);
    const more = { requestId: requestId(), variantId: variantIds[0], quantity: 1 };
    expect(await refused(shop, 'CartService/AddCartItem', more, buyer.token)).toMatchObject(
      precondition('QUANTITY_TOO_LARGE'),
    );
  });

  test('many pieces of what costs the most that can be written are more than one order takes', async () => {
    const { variantIds } = await sell(shop, vendor, { pieces: 5, minorUnits: 9_000_000_000_000n });
    const both = { requestId: requestId(), variantId: variantIds[0], quantity: 2 };
    expect(await refused(shop, 'CartService/AddCartItem', both, customer.token)).toMatchObject({
      code: 'out_of_range',
      reason: 'AMOUNT_TOO_LARGE',
    });
  });

  const prices = [-1, '-1', 0.5, 1e99, '9000000000001', '9223372036854775808', '-9223372036854775809', 'much', true];

  test.each(prices.map((price) => [JSON.stringify(price), price] as const))(
    'a price of %s is refused, and the field is named',
    async (_name, minorUnits) => {
      const price = { minorUnits, currency: 'INR' };
      const product = { title: 'Shirt', variants: [{ price }] };
      const coupon = { code: 'A-COUPON', currency: 'INR', fixed: { amount: price } };
      const calls: readonly (readonly [string, object, RegExp])[] = [
        ['ProductService/CreateProduct', { product }, /^product\.variants\[0\]\.price/],
        ['CouponService/CreateCoupon', { coupon }, /^coupon\.fixed\.amount/],
      ];
      for (const [method, body, field] of calls) {
        expect(await refused(shop, method, { requestId: requestId(), ...body }, vendor.token)).toMatchObject({
          code: 'invalid_argument',
          fields: [expect.stringMatching(field)],
        });
      }
    },
  );

  test.each([
    ['no percent', { percentage: { basisPoints: 0 } }],
    ['more than all of it', { percentage: { basisPoints: 10_001 } }],
    ['nothing off', { fixed: { amount: { minorUnits: 0, currency: 'INR' } } }],
    ['an amount in another currency', { fixed: { amount: { minorUnits: 100, currency: 'USD' } } }],
    ['a currency that is none', { fixed: { amount: { minorUnits: 100, currency: 'rupees' } } }],
    ['a piece for none', { buyXGetY: { buyQuantity: 0, getQuantity: 1, basisPoints: 10_000 } }],
    ['fewer uses than none', { freeShipping: {}, maxUses: -1 }],
    ['no discount at all', {}],
  ])('a coupon with %s is refused', async (_name, discount) => {
    const coupon = { code: 'A-COUPON', currency: 'INR', ...discount };
    const answer = await refused(shop, 'CouponService/CreateCoupon', { requestId: requestId(), coupon }, vendor.token);
    expect(answer).toMatchObject({ code: 'invalid_argument', fields: [expect.stringMatching(/^coupon/)] });
  });
});

test('two currencies are two carts', async () => {
  const { variantIds } = await sell(shop, vendor, { pieces: 5, minorUnits: 50_000n });
  const { body: dollars } = await shop.call(
    'ProductService/CreateProduct',
    {
      requestId: requestId(),
      product: {
        title: 'Shirt abroad',
        status: 'PRODUCT_STATUS_PUBLISHED',
        variants: [{ price: { minorUnits: 1_000, currency: 'USD' } }],
      },
    },
    { token: vendor.token },
  );
  const buyer = await shop.signUp();
  await putInCart(shop, buyer, variantIds[0]);
  const other = {
    requestId: requestId(),
    variantId: String(dollars['product']?.['variants']?.[0]?.['id']),
    quantity: 1,
  };
  expect(await refused(shop, 'CartService/AddCartItem', other, buyer.token)).toMatchObject(
    precondition('CURRENCY_MISMATCH'),
  );
});

describe('a quote that does not hold', () => {
  const placing = (quoteToken: string, buyer: Account) =>
    refused(
      shop,
      'OrderService/PlaceOrder',
      { requestId: requestId(), quoteToken, paymentMethod: 'PAYMENT_METHOD_CASH_ON_DELIVERY' },
      buyer.token,
    );

  test('a dearer item, with what changed and of which', async () => {
    const { productId, variantIds, raisePrice } = await sell(shop, vendor, { pieces: 5, minorUnits: 50_000n });
    const buyer = await shop.signUp();
    await putInCart(shop, buyer, variantIds[0]);
    const token = await quoteCart(shop, buyer);
    await raisePrice(productId, 50_001n);
    expect(await placing(token, buyer)).toMatchObject({
      ...precondition('QUOTE_CHANGED'),
      fields: [`quote.lines.${variantIds[0] ?? ''}`],
    });
  });

  test('an item that was sold out meanwhile', async () => {
    const { variantIds } = await sell(shop, vendor, { pieces: 1, minorUnits: 50_000n });
    const [first, second] = await Promise.all([shop.signUp(), shop.signUp()]);
    for (const buyer of [first, second]) await putInCart(shop, buyer, variantIds[0]);
    const [one, other] = await Promise.all([quoteCart(shop, first), quoteCart(shop, second)]);
    const placed = await shop.call(
      'OrderService/PlaceOrder',
      { requestId: requestId(), quoteToken: one, paymentMethod: 'PAYMENT_METHOD_CASH_ON_DELIVERY' },
      { token: first.token },
    );
    expect(placed.status).toBe(200);
    expect(await placing(other, second)).toMatchObject(precondition('INSUFFICIENT_STOCK'));
  });

  test('a coupon that ended meanwhile', async () => {
    const { variantIds } = await sell(shop, vendor, { pieces: 5, minorUnits: 50_000n });
    const code = newId('cpn').toUpperCase().replace('_', '-');
    const coupons = shop.client(CouponService, vendor.token);
    const discount = { case: 'percentage', value: { basisPoints: 500 } } as const;
    const { coupon } = await coupons.createCoupon({
      requestId: requestId(),
      coupon: { code, currency: 'INR', discount },
    });
    const buyer = await shop.signUp();
    await putInCart(shop, buyer, variantIds[0]);
    await shop.call('CartService/ApplyCoupon', { requestId: requestId(), code }, { token: buyer.token });
    const token = await quoteCart(shop, buyer);
    await coupons.deleteCoupon({ requestId: requestId(), couponId: coupon?.id ?? '' });
    expect((await placing(token, buyer)).reason).toMatch(/^QUOTE_CHANGED$|^COUPON_/);
  });

  test('another’s, one that was changed, one that is none, and one that is too old', async () => {
    const { variantIds } = await sell(shop, vendor, { pieces: 5, minorUnits: 50_000n });
    const buyer = await shop.signUp();
    await putInCart(shop, buyer, variantIds[0]);
    const token = await quoteCart(shop, buyer);
    expect(await placing(token, customer)).toMatchObject(precondition('QUOTE_INVALID'));
    const bytes = Buffer.from(token, 'base64url');
    for (const at of [0, 33, 37, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await placing(changed.toString('base64url'), buyer)).toMatchObject(precondition('QUOTE_INVALID'));
    }
    for (const none of ['x', token.slice(0, -4), `${token}AAAA`, `${token}=`, '😀'])
      expect(await placing(none, buyer)).toMatchObject(precondition('QUOTE_INVALID'));
    expect((await placing('', buyer)).fields).toEqual(['quote_token']);
    const anHourAgo = new Date(Date.now() - 3_600_000);
    const { token: old } = createQuoteTokens(quoteKey).seal(sampleQuote(), {
      id: newId('quo'),
      userId: buyer.id,
      now: anHourAgo,
    });
    expect(await placing(old, buyer)).toMatchObject(precondition('QUOTE_EXPIRED'));
  });
});

test.each([
  'only2u.cart.v1.CartService/GetCartContents',
  'only2u.coupon.v1.CouponService/QuoteCoupon',
  'only2u.coupon.v1.CouponService/RedeemCoupon',
  'only2u.coupon.v1.CouponService/ReleaseCoupon',
  'only2u.payment.v1.PaymentService/CreatePayment',
  'only2u.payment.v1.PaymentService/CollectPayment',
  'only2u.payment.v1.PaymentService/CancelPayment',
  'only2u.payment.v1.PaymentService/RefundPayment',
  'only2u.payment.v1.PaymentService/ReconcilePayments',
  'only2u.product.v1.InventoryService/ReserveStock',
  'only2u.product.v1.InventoryService/CommitReservation',
  'only2u.operation.v1.DeadLetterService/DropDeadLetter',
])('%s is not there for the world', async (path) => {
  for (const type of ['application/json', 'application/connect+json', 'application/grpc-web+proto']) {
    const answer = await fetch(`${shop.url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': type, authorization: `Bearer ${customer.token}` },
      body: '{}',
    });
    const said = await answer.text();
    const isRefused = answer.status === 404 || answer.headers.get('grpc-status') === '12';
    expect({ type, isRefused, said }).toMatchObject({ type, isRefused: true });
    expect(said).not.toMatch(/workload|spiffe|127\.0\.0\.1/);
  }
});
