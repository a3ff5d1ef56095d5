import type { Cart, CartCode, CartItem } from './cart.ts';

// JSON has no bigint; an amount of money is a number below 2^53.
type StoredItem = Omit<CartItem, 'seen' | 'since'> & {
  /** Not with items from before it was kept: there from the beginning. */
  readonly since?: number;
  readonly price: number;
  readonly currency: string;
  readonly productId: string;
  readonly title: string;
  readonly variantTitle: string;
};

/** What is in a cart, as every store keeps it: as JSON, read and written as a whole. */
export type StoredContent = {
  readonly items: readonly StoredItem[];
  /** Mere texts from before it was kept since when they are there: from the beginning. */
  readonly codes: readonly (CartCode | string)[];
};

export const emptyContent: StoredContent = { items: [], codes: [] };

export function encodeContent({ items, codes }: Pick<Cart, 'items' | 'codes'>): StoredContent {
  const stored = items.map(({ variantId, quantity, since, seen: { unitPrice, ...named } }) => {
    return { variantId, quantity, since, price: Number(unitPrice.minorUnits), currency: unitPrice.currency, ...named };
  });
  return { items: stored, codes };
}

export function decodeContent(content: StoredContent): Pick<Cart, 'items' | 'codes'> {
  const items = content.items.map(
    ({ variantId, quantity, since = 1, price, currency, productId, title, variantTitle }) => {
      const seen = { unitPrice: { minorUnits: BigInt(price), currency }, productId, title, variantTitle };
      return { variantId, quantity, since, seen };
    },
  );
  const codes = content.codes.map((code) => (typeof code === 'string' ? { code, since: 1 } : code));
  return { items, codes };
}
