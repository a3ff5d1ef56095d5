import type { Coupon } from './coupon.ts';

/** A number of pieces at one price, in minor units of the purchase's currency. */
export type PurchaseLine = {
  readonly productId: string;
  readonly vendorId: string;
  /** Its categories and all above them. */
  readonly categoryIds: readonly string[];
  readonly quantity: number;
  readonly unitPrice: bigint;
};

/** What codes are asked for. */
export type Purchase = {
  readonly currency: string;
  readonly lines: readonly PurchaseLine[];
  /** Before discounts, in minor units; undefined while it is not known. */
  readonly shipping: bigint | undefined;
  /** "" for a guest. */
  readonly userId: string;
  readonly firstOrder: boolean;
  /** As they were given. */
  readonly codes: readonly string[];
};

export function lineSubtotal({ unitPrice, quantity }: PurchaseLine): bigint {
  return unitPrice * BigInt(quantity);
}

/** Whether the coupon holds for the line: a vendor's only for its own, and then for the products or categories named, if any. */
export function inScope(coupon: Pick<Coupon, 'vendorId' | 'productIds' | 'categoryIds'>, line: PurchaseLine): boolean {
  const { vendorId, productIds, categoryIds } = coupon;
  if (vendorId !== '' && vendorId !== line.vendorId) return false;
  if (productIds.length === 0 && categoryIds.length === 0) return true;
  return productIds.includes(line.productId) || line.categoryIds.some((id) => categoryIds.includes(id));
}

/** What the lines in scope cost together, before discounts. */
export function scopedSubtotal(coupon: Coupon, { lines }: Purchase): bigint {
  return sum(lines.map((line) => (inScope(coupon, line) ? lineSubtotal(line) : 0n)));
}

/** How many pieces are in scope. */
export function scopedPieces(coupon: Coupon, { lines }: Purchase): number {
  return lines.reduce((count, line) => count + (inScope(coupon, line) ? line.quantity : 0), 0);
}

export function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}

export function least(...amounts: readonly [bigint, ...bigint[]]): bigint {
  return amounts.reduce((smallest, amount) => (amount < smallest ? amount : smallest));
}
