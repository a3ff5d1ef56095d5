import type { Coupon } from './coupon.ts';
import {
  budgetLeft,
  budgetSpent,
  notFound,
  notStackable,
  obstacleOf,
  takesNothing,
  type CouponProblem,
  type KnownCoupon,
  type Obstacle,
} from './problem.ts';
import { sum, type Purchase } from './purchase.ts';
import { leftAfter, leftOf, takeOff, type Left } from './take-off.ts';
import { toCode, type Discount } from './terms.ts';

/** What one code takes off, in minor units: `lineAmounts` (by the purchase's lines) and `shippingAmount` add up to `amount`. */
export type CouponDiscount = {
  readonly code: string;
  readonly couponId: string;
  readonly currency: string;
  readonly amount: bigint;
  readonly lineAmounts: readonly bigint[];
  readonly shippingAmount: bigint;
  /** Whether it takes off the shipping, known or not. */
  readonly freeShipping: boolean;
};

export type Reckoning = {
  /** In the order in which they are taken off. */
  readonly discounts: readonly CouponDiscount[];
  /** Of the codes that give nothing, in the order in which they were given. */
  readonly problems: readonly CouponProblem[];
};

/**
 * What the codes of a purchase take off. Stackable coupons are taken together, by kind and then by age; one that is not
 * stackable stands alone. Where that leaves a choice, the customer gets what takes the most off, so the order of the codes
 * decides nothing.
 */
export function reckon(known: readonly KnownCoupon[], purchase: Purchase, now: Date): Reckoning {
  const byCode = new Map(known.map((each) => [each.coupon.code, each]));
  const obstacles = new Map<string, Obstacle>();
  const usable: Coupon[] = [];
  const asked = askedCodes(purchase.codes);
  for (const code of asked.keys()) {
    const found = byCode.get(code);
    const obstacle = found === undefined ? notFound : obstacleOf(found, purchase, now);
    if (obstacle !== undefined) obstacles.set(code, obstacle);
    else if (found !== undefined) usable.push(found.coupon);
  }
  const { discounts, refused } = choose(usable.toSorted(inOrder), purchase);
  for (const [code, obstacle] of refused) obstacles.set(code, obstacle);
  return {
    discounts,
    problems: [...asked].flatMap(([code, given]) => {
      const obstacle = obstacles.get(code);
      return obstacle === undefined ? [] : [{ code: given, ...obstacle }];
    }),
  };
}

/** Each code once, as its coupon writes it, with how it was given first. What can't be a code stands for itself. */
export function askedCodes(codes: readonly string[]): ReadonlyMap<string, string> {
  const asked = new Map<string, string>();
  for (const given of codes) {
    const code = toCode(given) ?? given;
    if (!asked.has(code)) asked.set(code, given);
  }
  return asked;
}

export function discountTotal(discounts: readonly CouponDiscount[]): bigint {
  return sum(discounts.map(({ amount }) => amount));
}

type Outcome = { readonly discounts: readonly CouponDiscount[]; readonly refused: ReadonlyMap<string, Obstacle> };

// All stackable ones together, or one of the others alone: whichever takes the most off, the first of equals.
function choose(coupons: readonly Coupon[], purchase: Purchase): Outcome {
  const together = coupons.filter(({ stackable }) => stackable);
  const alone = coupons.filter(({ stackable }) => !stackable);
  const outcomes = [together, ...alone.map((coupon) => [coupon])].map((each) => takeTogether(each, purchase));
  const best = outcomes.reduce((first, next) => (isBetter(next, first) ? next : first));
  const refused = new Map<string, Obstacle>();
  for (const outcome of outcomes) {
    for (const [code, obstacle] of outcome.refused) refused.set(code, obstacle);
    if (outcome !== best) for (const { code } of outcome.discounts) refused.set(code, notStackable);
  }
  return { discounts: best.discounts, refused };
}

function isBetter(next: Outcome, first: Outcome): boolean {
  const [more, less] = [discountTotal(next.discounts), discountTotal(first.discounts)];
  return more === less ? first.discounts.length === 0 && next.discounts.length > 0 : more > less;
}

function takeTogether(coupons: readonly Coupon[], purchase: Purchase): Outcome {
  const discounts: CouponDiscount[] = [];
  const refused = new Map<string, Obstacle>();
  let left: Left = leftOf(purchase);
  for (const coupon of coupons) {
    const taken = takeOff(coupon, purchase, left);
    const amount = sum(taken.lines) + taken.shipping;
    const freeShipping = coupon.discount.kind === 'free-shipping';
    if (amount > budgetLeft(coupon)) {
      refused.set(coupon.code, budgetSpent);
    } else if (amount === 0n && !freeShipping) {
      // The shipping may become known, or dearer, only later: a code for it holds even where there is nothing to pay.
      refused.set(coupon.code, takesNothing);
    } else {
      left = leftAfter(left, taken);
      const { code, id: couponId, currency } = coupon;
      const of = { code, couponId, currency, amount, freeShipping };
      discounts.push({ ...of, lineAmounts: taken.lines, shippingAmount: taken.shipping });
    }
  }
  return { discounts, refused };
}

const kinds: Readonly<Record<Discount['kind'], number>> = {
  'buy-x-get-y': 1,
  percentage: 2,
  fixed: 3,
  'free-shipping': 4,
};

// Ids are in order of time.
function inOrder(a: Coupon, b: Coupon): number {
  const difference = kinds[a.discount.kind] - kinds[b.discount.kind];
  return difference !== 0 ? difference : a.id < b.id ? -1 : 1;
}
