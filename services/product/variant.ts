import type { Money } from '#platform/money.ts';
import type { ProductStatus } from './content.ts';
import type { Stock } from './inventory.ts';

/** A variant with all that buying it needs. */
export type SellableVariant = {
  readonly productId: string;
  readonly vendorId: string;
  readonly handle: string;
  readonly status: ProductStatus;
  /** "" for none. */
  readonly categoryId: string;
  readonly sku: string;
  readonly card: VariantCard;
  readonly stock: Stock;
};

/** What a product says of one of its variants, with what goes for all of them. */
export type VariantCard = {
  readonly productTitle: string;
  readonly brand: string;
  readonly productType: string;
  readonly optionValues: readonly string[];
  /** Its own picture or the product's first, "" without one. */
  readonly imageUrl: string;
  readonly price: Money;
  readonly compareAtPrice: Money | undefined;
  readonly requiresShipping: boolean;
  readonly taxable: boolean;
  readonly weightGrams: number;
};

export const maxAtOnce = 100_000; // pieces of a variant that the contract lets one reservation take

/** How many one order can take now. */
export function maxQuantityOf({ status, stock }: Pick<SellableVariant, 'status' | 'stock'>): number {
  if (status !== 'published') return 0;
  if (!stock.tracked || stock.backorderAllowed) return maxAtOnce;
  return Math.min(Math.max(stock.onHand - stock.reserved, 0), maxAtOnce);
}

/** What tells it from the product's other variants, such as "M / Blue". */
export function variantTitle({ optionValues }: Pick<VariantCard, 'optionValues'>): string {
  return optionValues.join(' / ');
}
