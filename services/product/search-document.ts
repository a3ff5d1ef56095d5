import { titleTails, vocabularyOf } from './search.ts';
import type { Product } from './product.ts';

/** A product as another engine's index holds it. */
export type SearchDocument = {
  readonly product_id: string;
  readonly doc: number;
  /** Lexemes by where they stand: the title, tags and brand, type and options, the description. */
  readonly title: readonly string[];
  readonly labels: readonly string[];
  readonly kinds: readonly string[];
  readonly rest: readonly string[];
  readonly vocabulary: readonly string[];
  readonly facets: readonly string[];
  readonly currency: string;
  readonly min_price: number;
  readonly max_price: number;
  readonly in_stock: boolean;
  readonly tails: Readonly<Record<string, string>>;
};

/** What an index is told of a product. */
export type SearchChange = {
  readonly productId: string;
  /** Of two states of a product the later one has the larger number. */
  readonly change: bigint;
  /** undefined when the product is not to be found any more. */
  readonly document: SearchDocument | undefined;
};

/** What of a document the product alone tells, without the dictionary and the stock. */
export function ownWords(product: Product): Pick<SearchDocument, 'vocabulary' | 'tails'> {
  return {
    vocabulary: vocabularyOf(product),
    tails: Object.fromEntries(titleTails(product.title).map((tail, place) => [`from_${place}`, tail])),
  };
}
