import { createCoupon, type Coupon } from './coupon.ts';
import type { CouponDraft } from './terms.ts';

export type SampleOptions = { readonly now: Date; newId(prefix: string): string };

/** What a shop that is tried out begins with, in the currency of its sample catalog. */
export function sampleCoupons({ now, newId }: SampleOptions): Coupon[] {
  const house = { id: '', isAdmin: true };
  return [welcome, freeShipping].map((draft) => createCoupon(draft, { id: newId('cpn'), actor: house, now }));
}

const currency = 'INR';

const plain = {
  currency,
  minimumSubtotal: undefined,
  startTime: undefined,
  endTime: undefined,
  productIds: [],
  categoryIds: [],
  firstOrderOnly: false,
  maxUses: 0,
  maxUsesPerUser: 0,
  budget: undefined,
  stackable: true,
  paused: false,
} as const;

const welcome: CouponDraft = {
  ...plain,
  code: 'WELCOME10',
  title: '10% off, up to ₹500',
  discount: { kind: 'percentage', basisPoints: 1_000, maxDiscount: { minorUnits: 50_000n, currency } },
};

const freeShipping: CouponDraft = {
  ...plain,
  code: 'FREESHIP',
  title: 'Free shipping from ₹999',
  minimumSubtotal: { minorUnits: 99_900n, currency },
  discount: { kind: 'free-shipping', maxDiscount: undefined },
};
