import { backOff } from '#platform/back-off.ts';
import { Fault } from '#platform/fault.ts';
import { cartFull, cartNotFound, codesOf, createCart, maxItems, touch, type Cart, type Content } from './cart.ts';
import type { Offer, Offers } from './offer.ts';
import type { CartRequest, CartStore } from './store.ts';
import { createTurns } from './turns.ts';
import { discountCart, priceCart, type CartView, type Line, type PricedCart, type Quote } from './view.ts';

/** Asks what the shop offers now, once for all of these variants. Throws unavailable when it can't be known. */
export type FindOffers = (variantIds: readonly string[]) => Promise<readonly Offer[]>;

/** Lines that can be bought, and codes for them. */
export type Purchase = {
  readonly lines: readonly (Line & { readonly offer: Offer })[];
  readonly codes: readonly string[];
  /** "" for a guest. */
  readonly userId: string;
};

/** Asks what codes take off; undefined when that can't be known now. */
export type FindQuote = (purchase: Purchase) => Promise<Quote | undefined>;

/** Who calls, and which cart: by its id, or "" for the user's own. */
export type Whose = { readonly cartId: string; readonly userId: string };

export type Change = {
  readonly cart: Cart;
  /** A cart that ends with it. */
  readonly ends?: Cart;
  readonly leftOut?: readonly Content[];
  /** Refuses the change for what it looks like; nothing has been saved yet. */
  accept?(view: CartView): void;
};

export type ChangeOptions = Whose & {
  readonly request: CartRequest;
  /** Pure, as it may run again; asks for offers at once for all that the cart will hold, and not for them again. */
  apply(cart: Cart, findOffers: (variantIds: readonly string[]) => Promise<Offers>): Change | Promise<Change>;
};

export type Changed = { readonly view: CartView; readonly leftOut: readonly Content[] };

export type Carts = {
  /** The cart as it stands, or undefined when the user has none. Refuses one that is not theirs. */
  find(whose: Whose): Promise<Cart | undefined>;
  show(cart: Cart, userId: string): Promise<CartView>;
  /** Changes a cart, or a new one, once for each request. */
  change(options: ChangeOptions): Promise<Changed>;
};

export type CartsOptions = {
  readonly store: CartStore;
  readonly findOffers: FindOffers;
  readonly findQuote: FindQuote;
  now(): Date;
  newId(prefix: string): string;
};

const attempts = 20; // calls of one process take turns: each loss is another process's gain, and who lost asks no peer again
const nothing: Quote = { discounts: [], problems: [] };

export function createCarts({ store, findOffers, findQuote, now, newId }: CartsOptions): Carts {
  const inTurn = createTurns();

  async function find({ cartId, userId }: Whose): Promise<Cart | undefined> {
    if (cartId === '') return userId === '' ? undefined : store.findOf(userId, now());
    const cart = await store.find(cartId, now());
    if (cart === undefined || (cart.userId !== '' && cart.userId !== userId)) throw cartNotFound(cartId);
    return cart;
  }

  async function price(cart: Cart, offers: (ids: readonly string[]) => Promise<Offers>): Promise<PricedCart> {
    return priceCart(cart, await offers(cart.items.map(({ variantId }) => variantId)));
  }

  async function discount(priced: PricedCart, userId: string): Promise<CartView> {
    const codes = codesOf(priced.cart);
    if (codes.length === 0) return discountCart(priced, nothing);
    const lines = priced.lines.flatMap((line) =>
      line.buyable && line.offer !== undefined ? [{ ...line, offer: line.offer }] : [],
    );
    if (lines.length === 0) return discountCart(priced, withProblem(codes, nothingToBuy));
    const quote = await findQuote({ lines, codes, userId });
    return discountCart(priced, quote ?? withProblem(codes, couponsAway));
  }

  async function attempt(options: ChangeOptions, offers: (ids: readonly string[]) => Promise<Offers>) {
    const { userId, request, apply } = options;
    const before = await find(options);
    const from = before?.version;
    const change = await apply(before ?? createCart(newId('crt'), userId, now()), offers);
    const cart = touch(change.cart, now());
    const view = await discount(await price(cart, offers), userId);
    change.accept?.(view);
    const leftOut = change.leftOut ?? [];
    const outcome = { cartId: cart.id, leftOut };
    const result = await store.save({ cart, from, ends: change.ends, request, outcome });
    return { result, view, leftOut };
  }

  /** What a request that was answered before is answered now: its cart as it stands. */
  async function repeat({ request, userId }: ChangeOptions): Promise<Changed | undefined> {
    const outcome = request.requestId === '' ? undefined : await store.outcomeOf(request);
    if (outcome === undefined) return undefined;
    const cart = await find({ cartId: outcome.cartId, userId });
    if (cart === undefined) throw cartNotFound(outcome.cartId);
    return { view: await show(cart, userId), leftOut: outcome.leftOut };
  }

  async function show(cart: Cart, userId: string): Promise<CartView> {
    return discount(await price(cart, rememberOffers(findOffers)), userId);
  }

  async function change(options: ChangeOptions): Promise<Changed> {
    const offers = rememberOffers(findOffers);
    for (let count = 0; count < attempts; count++) {
      // Whether it is a repetition is asked only when something stands in the way: a first call needs no statement for it.
      const tried = await attempt(options, offers).catch(async (error: unknown) => {
        if (!(error instanceof Fault) || error.kind === 'unavailable') throw error;
        const before = await repeat(options);
        if (before === undefined) throw error;
        return { result: 'repeated' as const, ...before };
      });
      if (tried.result === 'saved' || tried.result === 'repeated') return tried;
      const before = tried.result === 'answered' ? await repeat(options) : undefined;
      if (before !== undefined) return before;
      await backOff(count + 1);
    }
    throw new Fault('aborted', 'CONCURRENT_CHANGE', 'Others change this cart at the same time; try again.', {
      retryAfterMs: 100,
    });
  }

  return {
    find,
    show,
    change: (options) => inTurn(options.cartId === '' ? options.userId : options.cartId, () => change(options)),
  };
}

const nothingToBuy = { reason: 'NOTHING_TO_BUY', message: 'Nothing in the cart can be bought just now.' };
const couponsAway = { reason: 'COUPON_SERVICE_AWAY', message: 'Coupons can’t be looked up just now; try again.' };

function withProblem(codes: readonly string[], problem: { readonly reason: string; readonly message: string }): Quote {
  return { discounts: [], problems: codes.map((code) => ({ code, ...problem })) };
}

/** Asks for each variant once, and for all of them together when they are named together. */
function rememberOffers(findOffers: FindOffers): (variantIds: readonly string[]) => Promise<Offers> {
  const known = new Map<string, Offer>();
  const asked = new Set<string>();
  return async (variantIds) => {
    const unknown = [...new Set(variantIds)].filter((id) => !asked.has(id));
    if (unknown.length > maxItems) throw cartFull();
    const found = unknown.length === 0 ? [] : await findOffers(unknown);
    for (const id of unknown) asked.add(id);
    for (const offer of found) known.set(offer.variantId, offer);
    return known;
  };
}
