import type { Score } from '#platform/ranking.ts';

/** The last seven days, and of each day and board the best five hundred: some 0.4 MB a board in Redis. */
export const bestSellerWindow = { days: 7, kept: 500 };

/** Where what is sold in a category and below it is counted; "" for all that is sold. */
export function boardOf(categoryId: string): string {
  return categoryId === '' ? 'all' : categoryId;
}

export type SoldItem = { readonly variantId: string; readonly quantity: number };

/** What a variant that was sold counts for. */
export type SoldPlace = {
  readonly productId: string;
  /** The category that it stands in and those above. */
  readonly categoryIds: readonly string[];
};

/** What an order's items add to the boards. What the shop no longer has is left out. */
export function scoresOf(items: readonly SoldItem[], places: ReadonlyMap<string, SoldPlace>): Score[] {
  return items.flatMap(({ variantId, quantity }) => {
    const place = places.get(variantId);
    if (place === undefined || quantity <= 0) return [];
    return ['', ...place.categoryIds].map((categoryId) => ({
      board: boardOf(categoryId),
      member: place.productId,
      score: quantity,
    }));
  });
}

const leastShown = 10; // fewer would tell a rival about single orders

/** What everybody may know of a number of pieces: 0, 10, 50, 100, 500, 1000… */
export function soldAtLeast(pieces: number): number {
  if (pieces < leastShown) return 0;
  const ten = 10 ** Math.floor(Math.log10(pieces) + 1e-9); // a logarithm of 1000 may come out just below 3
  return pieces >= 5 * ten ? 5 * ten : ten;
}
