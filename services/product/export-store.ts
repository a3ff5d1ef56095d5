import type { Product } from './product.ts';

/** A product with what is on hand of each variant, in the variants' order. */
export type ExportedProduct = { readonly product: Product; readonly onHand: readonly (number | undefined)[] };

export type ExportPage = {
  /** "" for everybody's. */
  readonly vendorId: string;
  /** ISO 4217. */
  readonly currency: string;
  /** Products after this one, by id; "" for the first. */
  readonly after: string;
  readonly limit: number;
};

/** What an export reads. */
export type ExportStore = {
  /** The currencies that the vendor's products, or everybody's for "", are priced in. */
  currencies(vendorId: string): Promise<string[]>;
  /** The oldest first. */
  page(page: ExportPage): Promise<ExportedProduct[]>;
};
