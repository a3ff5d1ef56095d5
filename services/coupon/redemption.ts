import { Fault } from '#platform/fault.ts';
import { toDecimal, type Money } from '#platform/money.ts';
import { discountTotal, reckon, type CouponDiscount } from './discount.ts';
import type { KnownCoupon } from './problem.ts';
import type { Purchase } from './purchase.ts';

/** What became of an order's coupons. A closed order has given them back, or never had any and never will. */
export type OrderRedemption =
  { readonly state: 'redeemed'; readonly discounts: readonly CouponDiscount[] } | { readonly state: 'closed' };

/** What an order uses, or why it may not. */
export type Decision =
  { readonly discounts: readonly CouponDiscount[]; readonly refusal?: undefined } | { readonly refusal: Fault };

export type Wish = {
  readonly purchase: Purchase;
  /** What the customer was told that the coupons take off in all. */
  readonly expected: Money;
};

/** Uses all codes of the purchase, or none of them: the first that doesn't hold, or another sum than expected, refuses all. */
export function decide(known: readonly KnownCoupon[], { purchase, expected }: Wish, now: Date): Decision {
  const { discounts, problems } = reckon(known, purchase, now);
  const [problem] = problems;
  if (problem !== undefined) {
    const { code, reason, message } = problem;
    return { refusal: new Fault('failed-precondition', reason, message, { metadata: { code } }) };
  }
  const refusal = asExpected(discounts, expected);
  return refusal === undefined ? { discounts } : { refusal };
}

/** The stored answer for an order that asks again, or the refusal that it gets now. */
export function answerAgain(stored: OrderRedemption, orderId: string, expected: Money): readonly CouponDiscount[] {
  if (stored.state === 'closed') throw orderClosed(orderId);
  const refusal = asExpected(stored.discounts, expected);
  if (refusal !== undefined) throw refusal;
  return stored.discounts;
}

function asExpected(discounts: readonly CouponDiscount[], expected: Money): Fault | undefined {
  const total = discountTotal(discounts);
  if (total === expected.minorUnits) return undefined;
  const actual = toDecimal({ ...expected, minorUnits: total });
  return new Fault(
    'failed-precondition',
    'COUPON_DISCOUNT_CHANGED',
    `The coupons take off ${expected.currency} ${actual} now, not ${toDecimal(expected)}: show the customer the new total.`,
    { metadata: { actual: String(total), expected: String(expected.minorUnits), currency: expected.currency } },
  );
}

function orderClosed(orderId: string): Fault {
  return new Fault('failed-precondition', 'ORDER_CLOSED', 'The coupons of this order have been given back for good.', {
    metadata: { order_id: orderId },
  });
}
