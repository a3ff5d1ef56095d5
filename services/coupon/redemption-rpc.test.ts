import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CouponSchema } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { inr, time } from './coupon.testing.ts';
import {
  line,
  openCouponShop,
  purchase,
  refusal,
  requestId,
  type CouponShop,
  type PurchaseInit,
} from './service.testing.ts';

let shop: CouponShop;
beforeAll(async () => {
  shop = await openCouponShop();
}, 30_000);
afterAll(() => shop.close());

type CouponInit = MessageInitShape<typeof CouponSchema>;

let orders = 0;
const newOrder = (): string => `ord_${++orders}`;

function redeem(of: PurchaseInit, expected: number, orderId = newOrder()) {
  return shop.order.redeemCoupon({
    requestId: requestId(),
    orderId,
    purchase: of,
    expectedDiscount: inr(expected),
  });
}

const release = (orderId: string) => shop.order.releaseCoupon({ requestId: requestId(), orderId });

const soon = timestampFromDate(new Date(time.getTime() + 1));
const freeShipping = { case: 'freeShipping', value: {} } as const;

describe('a quote', () => {
  test('says what each code takes off each line and the shipping', async () => {
    const ten = await shop.create();
    const ship = await shop.create({ discount: freeShipping });
    const lines = [line({ quantity: 3 }), line({ variantId: 'var_2', unitPrice: inr(335) })];
    const quoted = await shop.cart.quoteCoupon({ purchase: purchase([ship.code.toLowerCase(), ten.code], { lines }) });
    expect(quoted.problems).toEqual([]);
    expect(quoted.discounts).toMatchObject([
      {
        code: ten.code,
        couponId: ten.id,
        amount: inr(3_034),
        lineAmounts: [inr(3_000), inr(34)],
        shippingAmount: inr(0),
        freeShipping: false,
      },
      {
        code: ship.code,
        amount: inr(5_000),
        lineAmounts: [inr(0), inr(0)],
        shippingAmount: inr(5_000),
        freeShipping: true,
      },
    ]);
  });

  test('uses nothing up', async () => {
    const once = await shop.create({ maxUses: 1 });
    for (let index = 0; index < 3; index++) {
      expect((await shop.cart.quoteCoupon({ purchase: purchase([once.code]) })).discounts).toHaveLength(1);
    }
  });

  test('a vendor’s coupon takes nothing off what others sell', async () => {
    const mine = await shop.create({}, shop.otherVendor);
    const lines = [line(), line({ variantId: 'var_2', vendorId: 'usr_w' })];
    const { discounts } = await shop.cart.quoteCoupon({ purchase: purchase([mine.code], { lines }) });
    expect(discounts).toMatchObject([{ amount: inr(1_000), lineAmounts: [inr(0), inr(1_000)] }]);
  });
});

describe('each problem is said by the quote, and refuses the redemption', () => {
  const cases: readonly (readonly [reason: string, CouponInit, Partial<PurchaseInit>?])[] = [
    ['COUPON_NOT_STARTED', { startTime: soon }],
    ['COUPON_PAUSED', { paused: true }],
    ['COUPON_BUDGET_SPENT', { budget: inr(999) }],
    ['COUPON_MINIMUM_NOT_REACHED', { minimumSubtotal: inr(10_001) }],
    ['COUPON_OUT_OF_SCOPE', { productIds: ['prd_other'], categoryIds: ['cat_other'] }],
    ['COUPON_FIRST_ORDER_ONLY', { firstOrderOnly: true }, { firstOrder: false }],
    ['COUPON_CURRENCY_MISMATCH', { currency: 'USD' }],
    ['COUPON_TAKES_NOTHING', {}, { lines: [line({ unitPrice: inr(0) })] }],
  ];

  async function expectProblem(reason: string, of: PurchaseInit, code: string): Promise<void> {
    const { discounts, problems } = await shop.cart.quoteCoupon({ purchase: of });
    expect(discounts.filter((discount) => discount.code === code)).toEqual([]);
    expect(problems).toMatchObject([{ code, reason }]);
    expect(problems[0]?.message).toMatch(/\.$/);
    const refused = await refusal(redeem(of, 0));
    expect(refused).toMatchObject({ code: 'FailedPrecondition', reason, metadata: { code } });
  }

  test.each(cases)('%s', async (reason, coupon, of = {}) => {
    const { code } = await shop.create(coupon);
    await expectProblem(reason, purchase([code], of), code);
  });

  test('COUPON_NOT_FOUND', async () => {
    await expectProblem('COUPON_NOT_FOUND', purchase(['no-such-code']), 'no-such-code');
    await expectProblem('COUPON_NOT_FOUND', purchase(['\0 ünknown']), '\0 ünknown');
  });

  test('COUPON_ENDED', async () => {
    const { code } = await shop.create({ endTime: soon });
    shop.setTime(new Date(time.getTime() + 1));
    await expectProblem('COUPON_ENDED', purchase([code]), code).finally(() => shop.setTime(time));
  });

  test('COUPON_USED_UP and COUPON_USED_UP_BY_USER', async () => {
    const [all, own] = [await shop.create({ maxUses: 1 }), await shop.create({ maxUsesPerUser: 1 })];
    await redeem(purchase([all.code]), 1_000);
    await redeem(purchase([own.code]), 1_000);
    await expectProblem('COUPON_USED_UP', purchase([all.code], { userId: 'usr_d' }), all.code);
    await expectProblem('COUPON_USED_UP_BY_USER', purchase([own.code]), own.code);
  });

  test('COUPON_FIRST_ORDER_ONLY while another first order is on its way', async () => {
    const [one, two] = [await shop.create({ firstOrderOnly: true }), await shop.create({ firstOrderOnly: true })];
    await redeem(purchase([one.code], { userId: 'usr_first' }), 1_000);
    await expectProblem('COUPON_FIRST_ORDER_ONLY', purchase([two.code], { userId: 'usr_first' }), two.code);
  });

  test('COUPON_NOT_STACKABLE', async () => {
    const [ten, alone] = [await shop.create(), await shop.create({ stackable: false })];
    await expectProblem('COUPON_NOT_STACKABLE', purchase([ten.code, alone.code]), alone.code);
  });

  test('SIGN_IN_REQUIRED, which only a guest is told', async () => {
    const { code } = await shop.create({ firstOrderOnly: true });
    const { problems } = await shop.cart.quoteCoupon({ purchase: purchase([code], { userId: '' }) });
    expect(problems).toMatchObject([{ code, reason: 'SIGN_IN_REQUIRED' }]);
    expect(await refusal(redeem(purchase([code], { userId: '' }), 0))).toMatchObject({
      code: 'InvalidArgument',
      fields: ['purchase.user_id'],
    });
  });
});

describe('a redemption', () => {
  test('counts the coupon, answers the same again, and is given back once', async () => {
    const { id, code } = await shop.create({ maxUses: 1, maxUsesPerUser: 1 });
    const orderId = newOrder();
    const first = await redeem(purchase([code]), 1_000, orderId);
    expect(first.discounts).toMatchObject([{ code, couponId: id, amount: inr(1_000) }]);
    expect(await redeem(purchase([code]), 1_000, orderId)).toEqual(first);
    expect((await shop.admin.getCoupon({ couponId: id })).coupon).toMatchObject({ uses: 1, spent: inr(1_000) });
    expect(await release(orderId)).toMatchObject({ released: true });
    expect(await release(orderId)).toMatchObject({ released: false });
    expect((await shop.admin.getCoupon({ couponId: id })).coupon).toMatchObject({ uses: 0, spent: inr(0) });
  });

  test('that would take off something else than expected is refused, and says what', async () => {
    const { id, code } = await shop.create();
    expect(await refusal(redeem(purchase([code]), 999))).toMatchObject({
      code: 'FailedPrecondition',
      reason: 'COUPON_DISCOUNT_CHANGED',
      metadata: { actual: '1000', expected: '999', currency: 'INR' },
    });
    expect((await shop.admin.getCoupon({ couponId: id })).coupon).toMatchObject({ uses: 0 });
    const orderId = newOrder();
    await redeem(purchase([code]), 1_000, orderId);
    expect((await refusal(redeem(purchase([code]), 1, orderId))).reason).toBe('COUPON_DISCOUNT_CHANGED');
  });

  test('of an order that was closed is refused for good', async () => {
    const { code } = await shop.create();
    const orderId = newOrder();
    expect(await release(orderId)).toMatchObject({ released: false });
    expect(await refusal(redeem(purchase([code]), 1_000, orderId))).toMatchObject({
      code: 'FailedPrecondition',
      reason: 'ORDER_CLOSED',
      metadata: { order_id: orderId },
    });
  });

  test('goes on after the coupon has ended, for an order that had it before', async () => {
    const { code } = await shop.create({ endTime: soon });
    const orderId = newOrder();
    const first = await redeem(purchase([code]), 1_000, orderId);
    shop.setTime(new Date(time.getTime() + 1));
    expect(await redeem(purchase([code]), 1_000, orderId).finally(() => shop.setTime(time))).toEqual(first);
  });
});

describe('a purchase that is none is refused', () => {
  const most = inr(9_000_000_000_000n);
  test.each<[claim: string, Partial<PurchaseInit>, reason: string, fields: string[]]>([
    ['no lines', { lines: [] }, 'INVALID_FIELDS', ['purchase.lines']],
    ['no pieces', { lines: [line({ quantity: 0 })] }, 'INVALID_FIELDS', ['purchase.lines[0].quantity']],
    [
      'a negative price',
      { lines: [line({ unitPrice: inr(-1) })] },
      'AMOUNT_NEGATIVE',
      ['purchase.lines[0].unit_price'],
    ],
    ['negative shipping', { shipping: inr(-1) }, 'AMOUNT_NEGATIVE', ['purchase.shipping']],
    [
      'two currencies',
      { lines: [line(), line({ variantId: 'var_2', unitPrice: { minorUnits: 1n, currency: 'USD' } })] },
      'CURRENCY_MISMATCH',
      ['purchase.lines[1].unit_price.currency'],
    ],
    [
      'shipping in another currency',
      { shipping: { minorUnits: 1n, currency: 'USD' } },
      'CURRENCY_MISMATCH',
      ['purchase.shipping.currency'],
    ],
    ['a variant twice', { lines: [line(), line()] }, 'VARIANT_TWICE', ['purchase.lines[1].variant_id']],
    ['more than an amount can say', { lines: [line({ quantity: 2, unitPrice: most })] }, 'AMOUNT_TOO_LARGE', []],
    ['too many codes', { codes: ['A-1', 'A-2', 'A-3', 'A-4', 'A-5', 'A-6'] }, 'INVALID_FIELDS', ['purchase.codes']],
  ])('%s', async (_claim, changes, reason, fields) => {
    const refused = await refusal(shop.cart.quoteCoupon({ purchase: purchase([], changes) }));
    expect(refused).toMatchObject({ reason, fields });
  });

  test('an expectation in another currency', async () => {
    const { order } = shop;
    const expectedDiscount = { minorUnits: 0n, currency: 'USD' };
    const request = { requestId: requestId(), orderId: newOrder(), purchase: purchase([]), expectedDiscount };
    expect((await refusal(order.redeemCoupon(request))).fields).toEqual(['expected_discount.currency']);
  });
});

test('only cart and order may quote, and only order may redeem and release', async () => {
  const { cart, admin } = shop;
  const of = purchase([]);
  expect((await refusal(admin.quoteCoupon({ purchase: of }))).code).toBe('PermissionDenied');
  const request = { requestId: requestId(), orderId: newOrder() };
  const redeemed = cart.redeemCoupon({ ...request, purchase: of, expectedDiscount: inr(0) });
  expect((await refusal(redeemed)).code).toBe('PermissionDenied');
  expect((await refusal(cart.releaseCoupon(request))).code).toBe('PermissionDenied');
});
