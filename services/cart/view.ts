import { maxMinorUnits, money, subtract, toDecimal, zero, type Money } from '#platform/money.ts';
import { currencyOf, maxPieces, type Cart, type CartItem } from './cart.ts';
import type { Offer, Offers } from './offer.ts';

export type ItemChangeKind = 'price-rose' | 'price-fell' | 'not-enough-stock' | 'out-of-stock' | 'not-on-sale';

/** Something that the customer should know of an item, in words too. */
export type ItemChange = { readonly kind: ItemChangeKind; readonly message: string };

/** An item as it stands now. */
export type Line = {
  readonly item: CartItem;
  /** Undefined when it is no longer for sale. */
  readonly offer: Offer | undefined;
  /** All pieces at the price of now; undefined when it is no longer for sale. */
  readonly subtotal: Money | undefined;
  readonly available: number;
  readonly changes: readonly ItemChange[];
  /** Whether all its pieces can be bought now. */
  readonly buyable: boolean;
};

/** A cart at the prices of now. */
export type PricedCart = {
  readonly cart: Cart;
  readonly lines: readonly Line[];
  /** The lines that can be bought; undefined in an empty cart. */
  readonly subtotal: Money | undefined;
};

/** What one code takes off. */
export type CodeDiscount = {
  /** As the coupon writes it. */
  readonly code: string;
  /** Of each line that was asked about, by variant. */
  readonly amounts: ReadonlyMap<string, bigint>;
  readonly freeShipping: boolean;
};

export type CodeProblem = { readonly code: string; readonly reason: string; readonly message: string };

/** What a cart's codes do now. */
export type Quote = { readonly discounts: readonly CodeDiscount[]; readonly problems: readonly CodeProblem[] };

/** A cart as it is shown. */
export type CartView = PricedCart & {
  readonly quote: Quote;
  readonly discount: Money | undefined;
  readonly total: Money | undefined;
  readonly readyForCheckout: boolean;
};

/** Looks at a cart with what the shop offers now. */
export function priceCart(cart: Cart, offers: Offers): PricedCart {
  const currency = currencyOf(cart);
  if (currency === undefined) return { cart, lines: [], subtotal: undefined };
  let sum = 0n;
  const lines = cart.items.map((item) => {
    const line = priceItem(item, offers.get(item.variantId), maxMinorUnits - sum);
    if (line.buyable) sum += line.subtotal?.minorUnits ?? 0n;
    return line;
  });
  return { cart, lines, subtotal: money(sum, currency) };
}

/** The same with what its codes take off. */
export function discountCart(priced: PricedCart, quote: Quote): CartView {
  const { lines, subtotal } = priced;
  const off = quote.discounts.flatMap(({ amounts }) => [...amounts.values()]).reduce((sum, amount) => sum + amount, 0n);
  const discount = subtotal && money(off, subtotal.currency);
  const readyForCheckout = lines.length > 0 && lines.every(({ buyable }) => buyable);
  const total = subtotal && subtract(subtotal, discount ?? zero(subtotal.currency));
  return { ...priced, quote, discount, total, readyForCheckout };
}

/** What all codes together take off a line. */
export function lineDiscount({ discounts }: Quote, variantId: string): bigint {
  return discounts.reduce((sum, { amounts }) => sum + (amounts.get(variantId) ?? 0n), 0n);
}

/** `room` is what the cart's sum may still grow by: an absurd price must not make a cart that nobody can look at. */
function priceItem(item: CartItem, offer: Offer | undefined, room: bigint): Line {
  const { quantity, seen } = item;
  const gone = (message: string): Line => ({
    item,
    offer: undefined,
    subtotal: undefined,
    available: 0,
    changes: [{ kind: 'not-on-sale', message }],
    buyable: false,
  });
  if (offer?.onSale !== true) return gone('This is no longer for sale.');
  const { price } = offer;
  if (price.currency !== seen.unitPrice.currency) {
    return gone(`This is sold in ${price.currency} now; take it out, and order it by itself.`);
  }
  const minorUnits = price.minorUnits * BigInt(quantity);
  if (minorUnits > room) return gone('This would cost more than one order can take.');
  const available = Math.min(offer.maxQuantity, maxPieces);
  const shortage = stockChange(quantity, available);
  const changes = [priceChange(seen.unitPrice, price), shortage].filter((change) => change !== undefined);
  const subtotal = money(minorUnits, price.currency);
  return { item, offer, subtotal, available, changes, buyable: shortage === undefined };
}

function priceChange(from: Money, to: Money): ItemChange | undefined {
  const values = `from ${toDecimal(from)} to ${toDecimal(to)} ${to.currency}`;
  if (to.minorUnits > from.minorUnits) return { kind: 'price-rose', message: `The price rose ${values}.` };
  if (to.minorUnits < from.minorUnits) return { kind: 'price-fell', message: `The price fell ${values}.` };
  return undefined;
}

function stockChange(quantity: number, available: number): ItemChange | undefined {
  if (available === 0) return { kind: 'out-of-stock', message: 'This is sold out.' };
  if (available < quantity) return { kind: 'not-enough-stock', message: `Only ${available} of ${quantity} are left.` };
  return undefined;
}
