import { createCoupon, type Coupon } from './coupon.ts';
import type { KnownCoupon } from './problem.ts';
import type { Purchase, PurchaseLine } from './purchase.ts';
import type { CouponDraft, Discount } from './terms.ts';

export const time = new Date('2026-05-01T10:00:00Z');

export const inr = (minorUnits: bigint | number) => ({ minorUnits: BigInt(minorUnits), currency: 'INR' });

export const draft: CouponDraft = {
  code: 'TEN',
  title: 'Ten percent',
  discount: { kind: 'percentage', basisPoints: 1_000, maxDiscount: undefined },
  currency: 'INR',
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
};

let made = 0;

/** A coupon of the house unless `vendorId` says otherwise. The later it is made, the later its id. */
export function coupon(changes: Partial<Coupon> = {}): Coupon {
  const id = `cpn_${String(++made).padStart(6, '0')}`;
  const fresh = createCoupon({ ...draft, code: `CODE-${made}` }, { id, actor: { id: '', isAdmin: true }, now: time });
  return { ...fresh, ...changes };
}

export function known(changes: Partial<Coupon> = {}, used: Partial<KnownCoupon> = {}): KnownCoupon {
  return { coupon: coupon(changes), usesByUser: 0, firstOrderTaken: false, ...used };
}

export const percent = (basisPoints: number, most?: bigint): Discount => ({
  kind: 'percentage',
  basisPoints,
  maxDiscount: most === undefined ? undefined : inr(most),
});

export const fixed = (amount: bigint | number): Discount => ({ kind: 'fixed', amount: inr(amount) });

export const freeShipping = (most?: bigint): Discount => ({
  kind: 'free-shipping',
  maxDiscount: most === undefined ? undefined : inr(most),
});

export const buyXGetY = (buyQuantity: number, getQuantity: number, basisPoints = 10_000, maxSets = 0): Discount => ({
  kind: 'buy-x-get-y',
  buyQuantity,
  getQuantity,
  basisPoints,
  maxSets,
});

export function line(unitPrice: bigint | number, quantity = 1, changes: Partial<PurchaseLine> = {}): PurchaseLine {
  const of = { productId: 'prd_a', vendorId: 'usr_v', categoryIds: ['cat_a'] };
  return { ...of, quantity, unitPrice: BigInt(unitPrice), ...changes };
}

export function purchase(changes: Partial<Purchase> = {}): Purchase {
  const of = { currency: 'INR', lines: [line(10_000)], shipping: 5_000n, codes: [] };
  return { ...of, userId: 'usr_c', firstOrder: true, ...changes };
}
