import { Fault } from '#platform/fault.ts';
import type { Money } from '#platform/money.ts';

/** What the customer saw when they last touched an item: what has changed since is said, and what is gone still has a name. */
export type Seen = {
  readonly unitPrice: Money;
  readonly productId: string;
  readonly title: string;
  readonly variantTitle: string;
};

export type CartItem = {
  readonly variantId: string;
  readonly quantity: number;
  readonly seen: Seen;
  /** The cart's version from which on it has been in it: what was taken out and put in again is there since then. */
  readonly since: number;
};

export type CartCode = {
  /** In capitals. */
  readonly code: string;
  /** The cart's version from which on it has been in it, as with an item. */
  readonly since: number;
};

/** Pieces of a variant, and nothing that others know better. */
export type Content = Pick<CartItem, 'variantId' | 'quantity'>;

export type Cart = {
  /** "crt_…" */
  readonly id: string;
  /** "usr_…", or "" for a guest's, which belongs to whoever knows its id. */
  readonly userId: string;
  /** In the order in which they were put in, each variant once, all seen in one currency. */
  readonly items: readonly CartItem[];
  /** Coupon codes in the order in which they were applied, each once. */
  readonly codes: readonly CartCode[];
  /** From 1, one more with each change of what is in it. */
  readonly version: number;
  readonly expireTime: Date;
};

export const maxItems = 100; // what product looks up, and coupon reckons, in one call
export const maxPieces = 1_000; // of one variant; more is wholesale
export const maxCodes = 5; // what coupon takes

const dayMs = 86_400_000;
const guestDays = 7;
const userDays = 30;

export function createCart(id: string, userId: string, now: Date): Cart {
  return touch({ id, userId, items: [], codes: [], version: 1, expireTime: now }, now);
}

/** Lets it last from now on: a week for a guest, a month for a user. */
export function touch(cart: Cart, now: Date): Cart {
  const days = cart.userId === '' ? guestDays : userDays;
  return { ...cart, expireTime: new Date(now.getTime() + days * dayMs) };
}

/** What all its prices were seen in; undefined while it is empty. */
export function currencyOf(cart: Cart): string | undefined {
  return cart.items[0]?.seen.unitPrice.currency;
}

/** The coupon codes as texts. */
export function codesOf(cart: Cart): string[] {
  return cart.codes.map(({ code }) => code);
}

export function findItem(cart: Cart, variantId: string): CartItem | undefined {
  return cart.items.find((item) => item.variantId === variantId);
}

/** Puts pieces in; what is there already becomes more, and is seen anew. */
export function addPieces(cart: Cart, { variantId, quantity, seen }: Omit<CartItem, 'since'>): Cart {
  const before = findItem(cart, variantId);
  const sum = quantity + (before?.quantity ?? 0);
  assertCurrency(cart, seen.unitPrice);
  if (before === undefined && cart.items.length >= maxItems) throw cartFull();
  if (sum > maxPieces) throw quantityTooLarge(variantId, sum);
  return put(cart, { variantId, quantity: sum, seen, since: before?.since ?? cart.version + 1 });
}

/** Makes it so many pieces of what is in it; 0 takes it out. What is seen stays as it was unless given. */
export function setPieces(cart: Cart, variantId: string, quantity: number, seen?: Seen): Cart {
  const before = findItem(cart, variantId);
  if (quantity === 0) return removeItem(cart, variantId);
  if (before === undefined) throw itemNotFound(variantId);
  if (quantity > maxPieces) throw quantityTooLarge(variantId, quantity);
  if (seen !== undefined) assertCurrency(removeItem(cart, variantId), seen.unitPrice);
  return put(cart, { ...before, quantity, seen: seen ?? before.seen });
}

/** What is not there is out already. */
export function removeItem(cart: Cart, variantId: string): Cart {
  const items = cart.items.filter((item) => item.variantId !== variantId);
  return items.length === cart.items.length ? cart : changed(cart, { items });
}

export function addCode(cart: Cart, typed: string): Cart {
  const code = typed.toUpperCase();
  if (codesOf(cart).includes(code)) return cart;
  if (!/^[A-Z0-9-]{1,40}$/.test(code)) {
    const text = 'There is no such code: a code is letters, digits and hyphens.';
    throw new Fault('failed-precondition', 'COUPON_NOT_FOUND', text, { metadata: { code } });
  }
  if (cart.codes.length >= maxCodes) {
    const text = `A cart takes ${maxCodes} coupons at most; take one away first.`;
    throw new Fault('failed-precondition', 'TOO_MANY_COUPONS', text, { metadata: { max_coupons: String(maxCodes) } });
  }
  return changed(cart, { codes: [...cart.codes, { code, since: cart.version + 1 }] });
}

/** A code that is not there is away already. */
export function removeCode(cart: Cart, typed: string): Cart {
  const codes = cart.codes.filter(({ code }) => code !== typed.toUpperCase());
  return codes.length === cart.codes.length ? cart : changed(cart, { codes });
}

export function clearCart(cart: Cart): Cart {
  return cart.items.length === 0 && cart.codes.length === 0 ? cart : changed(cart, { items: [], codes: [] });
}

export type Bought = {
  readonly items: readonly Content[];
  /** The codes that counted. */
  readonly codes: readonly string[];
  /** The cart as it was bought; "" when that isn't known. */
  readonly etag: string;
};

/**
 * What an order bought goes: so many pieces and no more, and the codes that counted; and only of what has been in the cart since
 * it was ordered. Days may lie between, and what was put in meanwhile stays, though it be the same again.
 */
export function takeOut(cart: Cart, bought: Bought): Cart {
  const pieces = new Map<string, number>();
  for (const { variantId, quantity } of bought.items) pieces.set(variantId, quantity + (pieces.get(variantId) ?? 0));
  const orderedAt = bought.etag === '' ? cart.version : Number(bought.etag);
  const wasIn = ({ since }: CartItem | CartCode): boolean => since <= orderedAt;
  const left = cart.items.map((item) => {
    const gone = wasIn(item) ? (pieces.get(item.variantId) ?? 0) : 0;
    return gone === 0 ? item : { ...item, quantity: item.quantity - gone };
  });
  const used = new Set(bought.codes.map((code) => code.toUpperCase()));
  const codes = cart.codes.filter((code) => !wasIn(code) || !used.has(code.code));
  const touched = left.some((item, index) => item !== cart.items[index]) || codes.length < cart.codes.length;
  return touched ? changed(cart, { items: left.filter(({ quantity }) => quantity > 0), codes }) : cart;
}

/** The cart with another content. */
export function changed(cart: Cart, content: Partial<Pick<Cart, 'items' | 'codes'>>): Cart {
  return { ...cart, ...content, version: cart.version + 1 };
}

export function etagOf(cart: Cart): string {
  return String(cart.version);
}

export function assertEtag(cart: Cart, etag: string): void {
  if (etag === '' || etag === etagOf(cart)) return;
  throw new Fault('aborted', 'ETAG_MISMATCH', 'The cart has changed since you saw it: look at it again.', {
    metadata: { etag: etagOf(cart) },
  });
}

/** Says the same of a cart that there is not, that is over, and that is another's. */
export function cartNotFound(cartId: string): Fault {
  const text = 'There is no such cart, or no longer; begin a new one.';
  return new Fault('not-found', 'CART_NOT_FOUND', text, { metadata: { cart_id: cartId } });
}

export function cartFull(): Fault {
  const text = `A cart holds ${maxItems} different variants at most; take one out first.`;
  return new Fault('failed-precondition', 'CART_FULL', text, { metadata: { max_items: String(maxItems) } });
}

function put(cart: Cart, item: CartItem): Cart {
  const there = findItem(cart, item.variantId) !== undefined;
  const items = there
    ? cart.items.map((other) => (other.variantId === item.variantId ? item : other))
    : [...cart.items, item];
  return changed(cart, { items });
}

function assertCurrency(cart: Cart, { currency }: Money): void {
  const own = currencyOf(cart);
  if (own === undefined || own === currency) return;
  const text = `Everything in this cart is sold in ${own}; what is sold in ${currency} needs an order of its own.`;
  throw new Fault('failed-precondition', 'CURRENCY_MISMATCH', text, {
    metadata: { currency: own, other_currency: currency },
  });
}

function quantityTooLarge(variantId: string, quantity: number): Fault {
  const text = `That makes ${quantity} pieces; a cart takes ${maxPieces} of a variant at most.`;
  const metadata = { variant_id: variantId, quantity: String(quantity), max_quantity: String(maxPieces) };
  return new Fault('failed-precondition', 'QUANTITY_TOO_LARGE', text, { metadata });
}

function itemNotFound(variantId: string): Fault {
  return new Fault('not-found', 'CART_ITEM_NOT_FOUND', 'This is not in the cart; add it instead.', {
    metadata: { variant_id: variantId },
  });
}
