import type { SellableVariant } from './variant.ts';

/** Where variants are looked up as they are sold. */
export type VariantStore = {
  /** In the order of the ids, all of one moment; those that aren't there are left out. */
  findVariants(ids: readonly string[]): Promise<SellableVariant[]>;
};
