import { Fault } from '#platform/fault.ts';
import type { FieldViolation } from '#platform/fault.ts';
import type { Money } from '#platform/money.ts';

export type ProductStatus = 'draft' | 'published' | 'archived';

/** One thing that a customer chooses. `values` come from the variants, in their order. */
export type ProductOption = { readonly name: string; readonly values: readonly string[] };

/** What can be bought: one combination of option values. Its stock is counted elsewhere, by its id. */
export type Variant = {
  /** "var_…"; "" in content that hasn't been stored yet. */
  readonly id: string;
  readonly sku: string;
  /** One for each option, in the options' order. */
  readonly optionValues: readonly string[];
  readonly price: Money;
  readonly compareAtPrice: Money | undefined;
  readonly barcode: string;
  readonly weightGrams: number;
  readonly requiresShipping: boolean;
  readonly taxable: boolean;
  readonly stockTracked: boolean;
  readonly backorderAllowed: boolean;
  /** "" for the product's own picture. */
  readonly imageUrl: string;
};

export type Image = { readonly url: string; readonly alt: string };
export type Seo = { readonly title: string; readonly description: string };

/** What a vendor writes: a product without what the shop gives it. */
export type ProductContent = {
  /** "" to have it made from the title. */
  readonly handle: string;
  readonly title: string;
  readonly descriptionHtml: string;
  readonly brand: string;
  readonly productType: string;
  /** "cat_…", or "" for none. */
  readonly categoryId: string;
  readonly tags: readonly string[];
  readonly status: ProductStatus;
  readonly options: readonly ProductOption[];
  readonly variants: readonly Variant[];
  readonly images: readonly Image[];
  readonly seo: Seo;
};

export type Product = ProductContent & {
  /** "prd_…" */
  readonly id: string;
  /** The user that sells it, "usr_…". */
  readonly vendorId: string;
  /** From 1, one more with each change: the etag. */
  readonly version: number;
  readonly createTime: Date;
  readonly updateTime: Date;
};

/** Who asks: as much of the user as the rules need. */
export type Actor = { readonly id: string; readonly isAdmin: boolean };

export const maxVariants = 250;
export const maxOptions = 3;
