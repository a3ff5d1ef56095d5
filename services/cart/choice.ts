import { Fault } from '#platform/fault.ts';
import { maxMinorUnits } from '#platform/money.ts';
import { addPieces, findItem, setPieces, type Cart, type Content, type Seen } from './cart.ts';
import type { Offer } from './offer.ts';
import type { PricedCart } from './view.ts';

/** Puts pieces of what the shop offers into a cart. Refuses what can't be bought. */
export function addOffer(cart: Cart, { variantId, quantity }: Content, offer: Offer | undefined): Cart {
  const known = forSale(variantId, offer);
  const after = addPieces(cart, { variantId, quantity, seen: seenOf(known) });
  assertEnough(known, findItem(after, variantId)?.quantity ?? 0);
  return after;
}

/** Changes the number of pieces of what is in a cart, at the price of now. Fewer is always possible, more only of what can be bought. */
export function setOffer(cart: Cart, { variantId, quantity }: Content, offer: Offer | undefined): Cart {
  const before = findItem(cart, variantId)?.quantity ?? 0;
  if (quantity === 0 || before === 0) return setPieces(cart, variantId, quantity);
  if (quantity > before) assertEnough(forSale(variantId, offer), quantity);
  return setPieces(cart, variantId, quantity, offer?.onSale === true ? seenOf(offer) : undefined);
}

/** Refuses more pieces of a variant than one order can be charged for. */
export function assertChargeable({ lines }: PricedCart, variantId: string): void {
  const line = lines.find(({ item }) => item.variantId === variantId);
  if (line === undefined || line.subtotal !== undefined) return;
  const text = `One order takes ${maxMinorUnits} minor units at most; take fewer pieces.`;
  throw new Fault('out-of-range', 'AMOUNT_TOO_LARGE', text, {
    metadata: { variant_id: variantId, max_minor_units: String(maxMinorUnits) },
  });
}

function seenOf({ price, productId, title, variantTitle }: Offer): Seen {
  return { unitPrice: price, productId, title, variantTitle };
}

function forSale(variantId: string, offer: Offer | undefined): Offer {
  const metadata = { variant_id: variantId };
  if (offer === undefined) throw new Fault('not-found', 'VARIANT_NOT_FOUND', 'There is no such variant.', { metadata });
  if (offer.onSale) return offer;
  throw new Fault('failed-precondition', 'NOT_ON_SALE', 'This is not for sale.', { metadata });
}

function assertEnough({ variantId, maxQuantity }: Offer, quantity: number): void {
  if (quantity <= maxQuantity) return;
  const text = maxQuantity === 0 ? 'This is sold out.' : `Only ${maxQuantity} can be bought now, not ${quantity}.`;
  throw new Fault('failed-precondition', 'OUT_OF_STOCK', text, {
    metadata: { variant_id: variantId, quantity: String(quantity), available: String(maxQuantity) },
  });
}
