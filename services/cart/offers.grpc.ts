import { Code, ConnectError } from '@connectrpc/connect';
import type { ProductService, SellableVariant } from '#gen/only2u/product/v1/product_pb.ts';
import { Fault } from '#platform/fault.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import { isUpstream } from '#platform/rpc/status.ts';
import type { FindOffers } from './carts.ts';
import type { Offer } from './offer.ts';

const retryAfterMs = 1_000;

/** Asks the product service, once for all variants. */
export function createOffers(products: Pick<ClientFor<'cart', typeof ProductService>, 'batchGetVariants'>): FindOffers {
  return async (variantIds) => {
    const possible = variantIds.filter((id) => !id.includes('\u0000')); // which no database could hold
    if (possible.length === 0) return [];
    const { variants } = await products.batchGetVariants({ variantIds: possible }).catch((error: unknown) => {
      if (!isAway(error)) throw error;
      const text = 'Prices and stock can’t be looked up just now; try again.';
      throw new Fault('unavailable', 'OFFERS_UNAVAILABLE', text, { cause: error, retryAfterMs });
    });
    return variants.map(decode);
  };
}

/** Whether a peer did not answer, rather than answered something. */
export function isAway(error: unknown): boolean {
  const away = [Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted];
  return isUpstream(error) && away.includes(ConnectError.from(error).code);
}

function decode(variant: SellableVariant): Offer {
  const { variantId, productId, vendorId, productTitle, variantTitle, handle, imageUrl, price } = variant;
  if (price === undefined) throw new Error(`${variantId} has no price`);
  return {
    variantId,
    productId,
    vendorId,
    title: productTitle,
    variantTitle,
    handle,
    imageUrl,
    price: { minorUnits: price.minorUnits, currency: price.currency },
    categoryIds: variant.categoryIds,
    onSale: variant.onSale,
    maxQuantity: variant.maxQuantity,
  };
}
