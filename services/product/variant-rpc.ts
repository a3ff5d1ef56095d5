import type { ServiceImpl } from '@connectrpc/connect';
import type { ProductService, SellableVariant as VariantMessage } from '#gen/only2u/product/v1/product_pb.ts';
import type { CategoryTree, CategoryTreeCache } from './category-tree.ts';
import { availableOf } from './inventory.ts';
import { moneyMessage } from './messages.ts';
import { maxQuantityOf, variantTitle, type SellableVariant } from './variant.ts';
import type { VariantStore } from './variant-store.ts';

export type VariantRpcOptions = { readonly variants: VariantStore; readonly categories: CategoryTreeCache };

/** What carts and orders ask of variants. */
export function createVariantRpc({
  variants,
  categories,
}: VariantRpcOptions): Pick<ServiceImpl<typeof ProductService>, 'batchGetVariants'> {
  return {
    async batchGetVariants({ variantIds }) {
      const [found, tree] = await Promise.all([variants.findVariants(variantIds), categories.current()]);
      return { variants: found.map((variant) => variantMessage(variant, tree)) };
    },
  };
}

function variantMessage(variant: SellableVariant, tree: CategoryTree): VariantMessage {
  const { card, stock } = variant;
  return {
    $typeName: 'only2u.product.v1.SellableVariant',
    variantId: stock.variantId,
    productId: variant.productId,
    vendorId: variant.vendorId,
    productTitle: card.productTitle,
    handle: variant.handle,
    variantTitle: variantTitle(card),
    sku: variant.sku,
    imageUrl: card.imageUrl,
    price: moneyMessage(card.price),
    compareAtPrice: card.compareAtPrice && moneyMessage(card.compareAtPrice),
    categoryIds: categoryIdsOf(variant.categoryId, tree),
    productType: card.productType,
    brand: card.brand,
    onSale: variant.status === 'published',
    tracked: stock.tracked,
    backorderAllowed: stock.backorderAllowed,
    available: Math.max(availableOf(stock), 0),
    maxQuantity: maxQuantityOf(variant),
    requiresShipping: card.requiresShipping,
    taxable: card.taxable,
    weightGrams: card.weightGrams,
  };
}

// A category that was made since the tree was read is named alone.
function categoryIdsOf(categoryId: string, tree: CategoryTree): string[] {
  if (categoryId === '') return [];
  const line = tree.line(categoryId).map(({ id }) => id);
  return line.length === 0 ? [categoryId] : line.reverse();
}
