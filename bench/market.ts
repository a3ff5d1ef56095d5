import type { Books } from './books.ts';
import type { Buyer } from './buyers.ts';
import type { Purchase } from './purchase.ts';
import type { BenchShop } from './shop.ts';

/** A shop that sells, with somebody to sell to. */
export type Market = {
  readonly shop: BenchShop;
  readonly books: Books;
  readonly purchase: Purchase;
  readonly buyers: readonly Buyer[];
};
