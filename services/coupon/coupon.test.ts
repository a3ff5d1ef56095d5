import { describe, expect, test } from '@jest/globals';
import { Fault } from '#platform/fault.ts';
import { createCoupon, mayManage, updateCoupon } from './coupon.ts';
import { coupon, draft, fixed, freeShipping, inr, percent, time } from './coupon.testing.ts';
import type { CouponDraft } from './terms.ts';

const vendor = { id: 'usr_v', isAdmin: false };
const admin = { id: 'usr_a', isAdmin: true };
const later = new Date('2026-06-01T00:00:00Z');

function make(changes: Partial<CouponDraft> = {}, actor = admin) {
  return createCoupon({ ...draft, ...changes }, { id: 'cpn_1', actor, now: time });
}

function refusalOf(work: () => unknown): { readonly reason: string; readonly fields: readonly string[] } {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return { reason: error.reason, fields: error.fields.map(({ field }) => field) };
    throw error;
  }
  throw new Error('it was not refused');
}

describe('making', () => {
  test('an admin’s is of the house, a vendor’s is its own', () => {
    expect(make().vendorId).toBe('');
    expect(make({}, vendor).vendorId).toBe('usr_v');
  });

  test('the code becomes capitals, the title tidy, an id counts once, and a minimum of 0 is none', () => {
    const made = make({
      code: ' welcome-10',
      title: '  For \n you ',
      productIds: ['prd_1', 'prd_1'],
      minimumSubtotal: inr(0),
    });
    expect(made).toMatchObject({ code: 'WELCOME-10', title: 'For you', productIds: ['prd_1'], uses: 0, spent: 0n });
    expect(made.minimumSubtotal).toBeUndefined();
  });

  test.each<[claim: string, Partial<CouponDraft>, reason: string, field: string]>([
    ['no code', { code: '' }, 'CODE_INVALID', 'coupon.code'],
    ['an odd code', { code: '-10' }, 'CODE_INVALID', 'coupon.code'],
    ['no discount', { discount: undefined }, 'REQUIRED', 'coupon.discount'],
    ['no currency', { currency: '' }, 'CURRENCY_INVALID', 'coupon.currency'],
    ['an end before the start', { startTime: later, endTime: time }, 'END_BEFORE_START', 'coupon.end_time'],
    ['an end at the start', { startTime: time, endTime: time }, 'END_BEFORE_START', 'coupon.end_time'],
    ['no time at all', { startTime: new Date(Number.NaN) }, 'TIME_OUT_OF_RANGE', 'coupon.start_time'],
    ['a fixed amount of 0', { discount: fixed(0) }, 'AMOUNT_OUT_OF_RANGE', 'coupon.fixed.amount'],
    ['a negative amount', { discount: fixed(-1) }, 'AMOUNT_OUT_OF_RANGE', 'coupon.fixed.amount'],
    ['a negative cap', { discount: percent(1, -1n) }, 'AMOUNT_OUT_OF_RANGE', 'coupon.percentage.max_discount'],
    ['a cap of 0', { discount: freeShipping(0n) }, 'AMOUNT_OUT_OF_RANGE', 'coupon.free_shipping.max_discount'],
    ['a negative minimum', { minimumSubtotal: inr(-1) }, 'AMOUNT_OUT_OF_RANGE', 'coupon.minimum_subtotal'],
    ['a budget of 0', { budget: inr(0) }, 'AMOUNT_OUT_OF_RANGE', 'coupon.budget'],
    ['too large a budget', { budget: inr(9_000_000_000_001n) }, 'AMOUNT_OUT_OF_RANGE', 'coupon.budget'],
    ['two currencies', { budget: { ...inr(1), currency: 'USD' } }, 'CURRENCY_MISMATCH', 'coupon.budget.currency'],
    ['a control character', { title: 'a\u0007' }, 'CONTROL_CHARACTER', 'coupon.title'],
    ['an odd id', { productIds: ['prd\0'] }, 'CONTROL_CHARACTER', 'coupon.product_ids[0]'],
  ])('%s is refused', (_claim, changes, reason, field) => {
    expect(refusalOf(() => make(changes))).toEqual({ reason, fields: [field] });
  });

  test('all that is wrong is named at once', () => {
    const wrong = { code: '', discount: fixed(0), endTime: time, startTime: later };
    expect(refusalOf(() => make(wrong)).fields).toEqual(['coupon.code', 'coupon.fixed.amount', 'coupon.end_time']);
  });
});

describe('changing', () => {
  test('what is named changes; what was counted stays', () => {
    const before = coupon({ uses: 3, spent: 100n });
    const after = updateCoupon(before, { title: 'New', maxUses: 3, budget: inr(100) }, later);
    expect(after).toEqual({ ...before, title: 'New', maxUses: 3, budget: inr(100), version: 2, updateTime: later });
  });

  test('limits can’t fall below what is used', () => {
    const used = coupon({ uses: 3, spent: 100n });
    expect(refusalOf(() => updateCoupon(used, { maxUses: 2 }, later)).reason).toBe('COUPON_LIMIT_BELOW_USED');
    expect(refusalOf(() => updateCoupon(used, { budget: inr(99) }, later)).reason).toBe('COUPON_LIMIT_BELOW_USED');
    expect(updateCoupon(used, { maxUses: 0, budget: undefined }, later).version).toBe(2);
  });

  test('the end is asked of the start that stays', () => {
    const begun = coupon({ startTime: later });
    expect(refusalOf(() => updateCoupon(begun, { endTime: time }, later)).fields).toEqual(['coupon.end_time']);
  });
});

test('a vendor manages its own, an admin all', () => {
  const [house, own] = [coupon(), coupon({ vendorId: 'usr_v' })];
  expect([mayManage(house, vendor), mayManage(own, vendor)]).toEqual([false, true]);
  expect([mayManage(house, admin), mayManage(own, admin)]).toEqual([true, true]);
});
