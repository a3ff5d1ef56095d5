import type { Money } from '#platform/money.ts';

/** A variant as the shop offers it now. */
export type Offer = {
  readonly variantId: string;
  readonly productId: string;
  /** The user that sells it. */
  readonly vendorId: string;
  readonly title: string;
  readonly variantTitle: string;
  readonly handle: string;
  /** "" without a picture. */
  readonly imageUrl: string;
  readonly price: Money;
  /** Its category and all above it. */
  readonly categoryIds: readonly string[];
  readonly onSale: boolean;
  /** How many pieces one order can take now. */
  readonly maxQuantity: number;
};

/** Offers by variant; what nobody knows is missing. */
export type Offers = ReadonlyMap<string, Offer>;
