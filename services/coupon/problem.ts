import { maxMinorUnits, toDecimal } from '#platform/money.ts';
import type { Coupon } from './coupon.ts';
import { inScope, scopedPieces, scopedSubtotal, type Purchase } from './purchase.ts';

export type ProblemReason =
  | 'COUPON_NOT_FOUND'
  | 'COUPON_NOT_STARTED'
  | 'COUPON_ENDED'
  | 'COUPON_PAUSED'
  | 'COUPON_USED_UP'
  | 'COUPON_USED_UP_BY_USER'
  | 'COUPON_BUDGET_SPENT'
  | 'COUPON_MINIMUM_NOT_REACHED'
  | 'COUPON_OUT_OF_SCOPE'
  | 'COUPON_FIRST_ORDER_ONLY'
  | 'COUPON_NOT_STACKABLE'
  | 'COUPON_CURRENCY_MISMATCH'
  | 'COUPON_TAKES_NOTHING'
  | 'SIGN_IN_REQUIRED';

/** Why a code gives nothing. */
export type CouponProblem = {
  /** As it was given. */
  readonly code: string;
  readonly reason: ProblemReason;
  /** For the customer. */
  readonly message: string;
};

/** Why a coupon can't be used: a problem that has no code yet. */
export type Obstacle = Omit<CouponProblem, 'code'>;

/** A coupon with what the customer has used of it. */
export type KnownCoupon = {
  readonly coupon: Coupon;
  /** How many of the user's orders use it. */
  readonly usesByUser: number;
  /** Whether an order of the user uses a coupon for first orders, this one or another. */
  readonly firstOrderTaken: boolean;
};

const mostUses = 1_000_000_000; // the most that the contract lets anybody ask for, so that no counter runs over

/** Why the coupon can't be used for the purchase, whatever it would take off and whichever others there are. */
export function obstacleOf(known: KnownCoupon, purchase: Purchase, now: Date): Obstacle | undefined {
  const { coupon, usesByUser, firstOrderTaken } = known;
  const { currency, discount, minimumSubtotal } = coupon;
  if (currency !== purchase.currency) {
    return obstacle('COUPON_CURRENCY_MISMATCH', `This code is for purchases in ${currency}.`);
  }
  if (coupon.paused) return obstacle('COUPON_PAUSED', 'This code can’t be used at the moment.');
  if (coupon.startTime !== undefined && now < coupon.startTime) {
    return obstacle('COUPON_NOT_STARTED', 'This code can’t be used yet.');
  }
  if (coupon.endTime !== undefined && now >= coupon.endTime) return obstacle('COUPON_ENDED', 'This code has ended.');
  if (coupon.uses >= (coupon.maxUses === 0 ? mostUses : coupon.maxUses)) {
    return obstacle('COUPON_USED_UP', 'This code has been used up.');
  }
  if (budgetLeft(coupon) <= 0n) return budgetSpent;
  if (coupon.firstOrderOnly) {
    if (purchase.userId === '')
      return obstacle('SIGN_IN_REQUIRED', 'This code is for a first order: sign in to use it.');
    if (!purchase.firstOrder || firstOrderTaken) {
      return obstacle('COUPON_FIRST_ORDER_ONLY', 'This code is for a first order only.');
    }
  }
  if (purchase.userId !== '' && coupon.maxUsesPerUser !== 0 && usesByUser >= coupon.maxUsesPerUser) {
    return obstacle('COUPON_USED_UP_BY_USER', 'You have used this code as often as it can be.');
  }
  const scoped = purchase.lines.filter((line) => inScope(coupon, line));
  // What a purchase's shipping costs for one vendor isn't said, and nobody gives away what another is owed.
  const shipsOthers =
    discount.kind === 'free-shipping' &&
    coupon.vendorId !== '' &&
    purchase.lines.some((line) => line.vendorId !== coupon.vendorId);
  if (scoped.length === 0 || shipsOthers) {
    return obstacle('COUPON_OUT_OF_SCOPE', 'This code is not for what you are buying.');
  }
  if (minimumSubtotal !== undefined && scopedSubtotal(coupon, purchase) < minimumSubtotal.minorUnits) {
    const least = `${minimumSubtotal.currency} ${toDecimal(minimumSubtotal)}`;
    return obstacle('COUPON_MINIMUM_NOT_REACHED', `This code is for purchases of ${least} or more.`);
  }
  if (discount.kind === 'buy-x-get-y' && scopedPieces(coupon, purchase) < discount.buyQuantity + discount.getQuantity) {
    const pieces = discount.buyQuantity + discount.getQuantity;
    return obstacle('COUPON_MINIMUM_NOT_REACHED', `This code is for ${pieces} pieces or more.`);
  }
  return undefined;
}

/** What the coupon may still take off, in minor units. Without a budget, as much as one amount can say. */
export function budgetLeft({ budget, spent }: Coupon): bigint {
  return (budget?.minorUnits ?? maxMinorUnits) - spent;
}

export const notFound = obstacle('COUPON_NOT_FOUND', 'There is no such code.');
export const budgetSpent = obstacle('COUPON_BUDGET_SPENT', 'This code has been used up.');
export const notStackable = obstacle('COUPON_NOT_STACKABLE', 'This code can’t be taken together with the others.');
export const takesNothing = obstacle('COUPON_TAKES_NOTHING', 'This code takes nothing off this purchase.');

function obstacle(reason: ProblemReason, message: string): Obstacle {
  return { reason, message };
}
