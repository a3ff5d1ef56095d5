import { describe, expect, test } from '@jest/globals';
import type { Coupon } from './coupon.ts';
import { buyXGetY, fixed, freeShipping, inr, known, line, percent, purchase, time } from './coupon.testing.ts';
import { reckon } from './discount.ts';
import type { KnownCoupon, ProblemReason } from './problem.ts';
import type { Purchase } from './purchase.ts';

function quote(coupons: readonly KnownCoupon[], of: Partial<Purchase> = {}) {
  const codes = coupons.map(({ coupon }) => coupon.code);
  const { discounts, problems } = reckon(coupons, purchase({ codes, ...of }), time);
  return {
    taken: Object.fromEntries(discounts.map(({ code, amount }) => [code, Number(amount)])),
    refused: Object.fromEntries(problems.map(({ code, reason }) => [code, reason])),
  };
}

describe('stacking', () => {
  test('goes by kind: pieces, percentages, fixed amounts, shipping; each reckons with what is left', () => {
    const coupons = [
      known({ code: 'SHIP', discount: freeShipping() }),
      known({ code: 'FIXED', discount: fixed(1_000) }),
      known({ code: 'HALF', discount: percent(5_000) }),
      known({ code: 'BOGO', discount: buyXGetY(1, 1) }),
    ];
    const result = reckon(
      coupons,
      purchase({ lines: [line(10_000, 2)], codes: ['SHIP', 'FIXED', 'HALF', 'BOGO'] }),
      time,
    );
    expect(result.problems).toEqual([]);
    expect(result.discounts.map(({ code, amount }) => [code, amount])).toEqual([
      ['BOGO', 10_000n],
      ['HALF', 5_000n],
      ['FIXED', 1_000n],
      ['SHIP', 5_000n],
    ]);
  });

  test('of one kind the oldest comes first', () => {
    const [older, newer] = [known({ code: 'OLD-1', discount: percent(5_000) }), known({ code: 'NEW-1' })];
    expect(quote([newer, older]).taken).toEqual({ 'OLD-1': 5_000, 'NEW-1': 500 });
  });

  test('a coupon that is not stackable stands alone where it takes more off', () => {
    const coupons = [known({ code: 'TEN' }), known({ code: 'FIFTY', discount: percent(5_000), stackable: false })];
    expect(quote(coupons)).toEqual({ taken: { FIFTY: 5_000 }, refused: { TEN: 'COUPON_NOT_STACKABLE' } });
  });

  test('and gives way where the others take more off, or as much', () => {
    const coupons = [known({ code: 'TEN' }), known({ code: 'ALONE', stackable: false })];
    expect(quote(coupons)).toEqual({ taken: { TEN: 1_000 }, refused: { ALONE: 'COUPON_NOT_STACKABLE' } });
  });

  test('what can’t be used keeps nothing else from counting', () => {
    const coupons = [known({ code: 'TEN' }), known({ code: 'ALONE', stackable: false, paused: true })];
    expect(quote(coupons)).toEqual({ taken: { TEN: 1_000 }, refused: { ALONE: 'COUPON_PAUSED' } });
  });

  test('a code that is given twice counts once', () => {
    const { discounts, problems } = reckon([known({ code: 'TEN' })], purchase({ codes: ['ten', ' TEN '] }), time);
    expect([discounts.length, problems.length]).toEqual([1, 0]);
  });
});

describe('a code gives nothing, and says why', () => {
  const cases: readonly (readonly [claim: string, ProblemReason, Partial<Coupon>, Partial<Purchase>?])[] = [
    ['before it starts', 'COUPON_NOT_STARTED', { startTime: new Date(time.getTime() + 1) }],
    ['from its end on', 'COUPON_ENDED', { endTime: time }],
    ['while it is paused', 'COUPON_PAUSED', { paused: true }],
    ['when its uses are used up', 'COUPON_USED_UP', { maxUses: 3, uses: 3 }],
    ['when its budget is spent', 'COUPON_BUDGET_SPENT', { budget: inr(700), spent: 700n }],
    ['when it would go beyond its budget', 'COUPON_BUDGET_SPENT', { budget: inr(1_699), spent: 700n }],
    ['below its minimum', 'COUPON_MINIMUM_NOT_REACHED', { minimumSubtotal: inr(10_001) }],
    ['with too few pieces for a set', 'COUPON_MINIMUM_NOT_REACHED', { discount: buyXGetY(1, 1) }],
    ['when no line is in its scope', 'COUPON_OUT_OF_SCOPE', { productIds: ['prd_other'] }],
    ['when nothing is the vendor’s', 'COUPON_OUT_OF_SCOPE', { vendorId: 'usr_w' }],
    ['after the first order', 'COUPON_FIRST_ORDER_ONLY', { firstOrderOnly: true }, { firstOrder: false }],
    ['for a guest, when it is for a first order', 'SIGN_IN_REQUIRED', { firstOrderOnly: true }, { userId: '' }],
    ['in another currency', 'COUPON_CURRENCY_MISMATCH', { currency: 'USD' }],
    ['when there is nothing to take off', 'COUPON_TAKES_NOTHING', {}, { lines: [line(0)] }],
  ];

  test.each(cases)('%s: %s', (_claim, reason, changes, of = {}) => {
    expect(quote([known({ code: 'CODE', ...changes })], of)).toEqual({ taken: {}, refused: { CODE: reason } });
  });

  test('when the user has used it often enough, which a guest is asked later', () => {
    const used = [known({ code: 'ONCE', maxUsesPerUser: 1 }, { usesByUser: 1 })];
    expect(quote(used).refused).toEqual({ ONCE: 'COUPON_USED_UP_BY_USER' });
    expect(quote(used, { userId: '' }).taken).toEqual({ ONCE: 1_000 });
  });

  test('when another order of the user was the first', () => {
    const taken = [known({ code: 'FIRST', firstOrderOnly: true }, { firstOrderTaken: true })];
    expect(quote(taken).refused).toEqual({ FIRST: 'COUPON_FIRST_ORDER_ONLY' });
  });

  test('when there is no such coupon, in the words in which it was asked for', () => {
    expect(quote([], { codes: ['nothing', 'no code!'] }).refused).toEqual({
      nothing: 'COUPON_NOT_FOUND',
      'no code!': 'COUPON_NOT_FOUND',
    });
  });

  test('when a vendor’s free shipping would be another vendor’s to give', () => {
    const mine = [known({ code: 'SHIP', vendorId: 'usr_v', discount: freeShipping() })];
    expect(quote(mine).taken).toEqual({ SHIP: 5_000 });
    const lines = [line(10_000), line(10_000, 1, { vendorId: 'usr_w' })];
    expect(quote(mine, { lines }).refused).toEqual({ SHIP: 'COUPON_OUT_OF_SCOPE' });
  });

  test('a coupon that those before it leave nothing to is not used up', () => {
    const coupons = [known({ code: 'ALL', discount: percent(10_000) }), known({ code: 'MORE', discount: fixed(100) })];
    expect(quote(coupons)).toEqual({ taken: { ALL: 10_000 }, refused: { MORE: 'COUPON_TAKES_NOTHING' } });
  });
});

test('the minimum is asked of the lines in scope, before discounts', () => {
  const lines = [line(10_000), line(90_000, 1, { productId: 'prd_b' })];
  const half = known({ code: 'HALF', discount: percent(5_000) });
  const scoped = { code: 'MIN', discount: fixed(1), productIds: ['prd_a'] };
  expect(quote([half, known({ ...scoped, minimumSubtotal: inr(10_000) })], { lines }).taken).toMatchObject({ MIN: 1 });
  expect(quote([known({ ...scoped, minimumSubtotal: inr(10_001) })], { lines }).refused).toEqual({
    MIN: 'COUPON_MINIMUM_NOT_REACHED',
  });
});

test.each([undefined, 0n])(
  'free shipping holds while the shipping is not known, and where it costs nothing',
  (shipping) => {
    const of = purchase({ codes: ['SHIP'], shipping });
    const [discount] = reckon([known({ code: 'SHIP', discount: freeShipping() })], of, time).discounts;
    expect(discount).toMatchObject({ amount: 0n, freeShipping: true });
  },
);
