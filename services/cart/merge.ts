import {
  changed,
  codesOf,
  currencyOf,
  findItem,
  maxCodes,
  maxItems,
  type Cart,
  type CartItem,
  type Content,
} from './cart.ts';

export type Merged = { readonly cart: Cart; readonly leftOut: readonly Content[] };

/**
 * A user's cart with a guest's in it. Of what both have the larger number counts: it is mostly the same wish twice. The user's
 * own comes first; the guest's things that find no room, or are sold in another currency, are left out.
 */
export function mergeCarts(own: Cart, guest: Cart): Merged {
  const currency = currencyOf(own) ?? currencyOf(guest);
  const items = own.items.map((item) => larger(item, findItem(guest, item.variantId)));
  const leftOut: Content[] = [];
  for (const item of guest.items) {
    const sameCurrency = item.seen.unitPrice.currency === currency;
    if (findItem(own, item.variantId) !== undefined) continue;
    if (sameCurrency && items.length < maxItems) items.push({ ...item, since: own.version + 1 });
    else leftOut.push({ variantId: item.variantId, quantity: item.quantity });
  }
  const more = codesOf(guest).filter((code) => !codesOf(own).includes(code));
  const codes = [...own.codes, ...more.map((code) => ({ code, since: own.version + 1 }))];
  return { cart: changed(own, { items, codes: codes.slice(0, maxCodes) }), leftOut };
}

function larger(own: CartItem, guest: CartItem | undefined): CartItem {
  return guest !== undefined && guest.quantity > own.quantity ? { ...own, quantity: guest.quantity } : own;
}
