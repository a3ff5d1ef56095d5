import { fold } from './handle.ts';
import type { Product } from './product.ts';

export type SearchSort = 'relevance' | 'price-ascending' | 'price-descending' | 'newest';

export type OptionFilter = { readonly name: string; readonly values: readonly string[] };

export type SearchQuery = {
  /** As it was typed; "" finds everything. */
  readonly query: string;
  /** One of these. Those below a category are to be named too. undefined for all. */
  readonly categoryIds: readonly string[] | undefined;
  /** All of these. */
  readonly tags: readonly string[];
  /** One of these; empty for all. */
  readonly brands: readonly string[];
  /** Of each option named, one of its values. */
  readonly options: readonly OptionFilter[];
  /** In minor units. */
  readonly price: { readonly currency: string; readonly min: bigint; readonly max: bigint } | undefined;
  readonly inStock: boolean;
  readonly sort: SearchSort;
  readonly limit: number;
  /** Where the page before ended, as it said. */
  readonly cursor: SearchCursor | undefined;
};

/** `[offset]` in order of relevance, `[price, doc]` in the other orders. */
export type SearchCursor = readonly number[];

export type SearchFacet = {
  /** "category", "tag", "brand", or "option:" and an option's name. */
  readonly name: string;
  /** The commonest first. */
  readonly values: readonly { readonly value: string; readonly count: number }[];
};

export type SearchResult = {
  readonly productIds: readonly string[];
  /** How many were found; when `capped`, there are more. */
  readonly total: number;
  readonly capped: boolean;
  /** Counted over the found, or the best `searchCap` of them. */
  readonly facets: readonly SearchFacet[];
  /** What was searched for instead, because nothing was found; "" otherwise. */
  readonly correctedQuery: string;
  /** What was searched for in the end: the words typed, what the last of them may become, or what was meant. */
  readonly words: readonly string[];
  readonly next: SearchCursor | undefined;
};

export type Suggestion = {
  readonly productId: string;
  readonly handle: string;
  readonly title: string;
  readonly imageUrl: string;
};

/** Finds published products. */
export type ProductSearch = {
  search(query: SearchQuery): Promise<SearchResult>;
  /** Products whose title has a word that begins so; the best first. */
  suggest(prefix: string, limit: number): Promise<Suggestion[]>;
};

/**
 * How many are counted, ranked and faceted at most: five pages. What a search costs stops growing here: a common word took 0.8 ms
 * with 1,000 products, of which 63 have it, and 0.95 ms with 100,000. A cap of 1,000 had cost four times what 240 did.
 */
export const searchCap = 120;

const maxWords = 12;
const maxWordLength = 64;
const maxText = 20_000; // of each weight: a tsvector takes 1 MiB, which 250 variants with three long options would pass

/** The words of a text as the search knows them: lower case, without accents and apostrophes. "T-shirt" is t and shirt. */
export function searchWords(text: string): string[] {
  return (
    fold(text)
      .replace(/['’]/g, '')
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  ).map((word) => word.slice(0, maxWordLength));
}

/** The words of what was typed, each once. */
export function queryWords(query: string): string[] {
  return [...new Set(searchWords(query))].slice(0, maxWords);
}

/** A product's text by weight, as words. Hyphenated words stand in it joined too: "t-shirt" is found by "tshirt". */
export function searchText(product: Product): {
  readonly title: string;
  readonly labels: string;
  readonly kinds: string;
  readonly rest: string;
} {
  const text = (...parts: readonly string[]): string =>
    parts
      .flatMap((part) => [...searchWords(part), ...joined(part)])
      .join(' ')
      .slice(0, maxText);
  return {
    title: text(product.title),
    labels: text(...product.tags, product.brand),
    kinds: text(product.productType, ...product.options.flatMap((option) => option.values)),
    rest: text(
      plain(product.descriptionHtml).slice(0, 3_000),
      ...product.variants.flatMap(({ sku, barcode }) => [sku, barcode]),
    ),
  };
}

/** The words of a product that typing errors are corrected to, as they are written. */
export function vocabularyOf(product: Product): string[] {
  const { title, labels, kinds } = searchText(product);
  return [...new Set(searchWords(`${title} ${labels} ${kinds}`))].filter(
    (word) => word.length >= 3 && word.length <= 32 && /\p{L}/u.test(word),
  );
}

/** The rest of the title from each of its words on; the place of a tail is that of its first word. */
export function titleTails(title: string): string[] {
  const words = searchWords(title).slice(0, 10);
  return words.map((_, place) => words.slice(place).join(' ').slice(0, 100));
}

/** A corrected query: each word replaced by what it was corrected to, if it was. */
export function correctQuery(words: readonly string[], corrections: ReadonlyMap<string, string>): string {
  return words.map((word) => corrections.get(word) ?? word).join(' ');
}

type Near = { readonly word: string; readonly errors: number; readonly likeness: number };

/**
 * The likeliest of the words that was meant: the fewest letters typed wrong, left out, doubled or swapped; of equals the one with
 * most trigrams in common, then the first by alphabet. undefined when none is near: one error is forgiven in words of three letters,
 * two from six on, which is also the most that Elasticsearch looks for.
 */
export function nearestWord(typed: string, known: readonly string[]): string | undefined {
  const forgiven = typed.length >= 6 ? 2 : typed.length >= 3 ? 1 : 0;
  let best: Near | undefined;
  for (const word of known) {
    const errors = distance(typed, word, forgiven + 1);
    if (errors > forgiven || errors > (best?.errors ?? forgiven)) continue;
    const near = { word, errors, likeness: likeness(typed, word) };
    if (best === undefined || isNearer(near, best)) best = near;
  }
  return best?.word;
}

function isNearer(a: Near, b: Near): boolean {
  if (a.errors !== b.errors) return a.errors < b.errors;
  return a.likeness === b.likeness ? a.word < b.word : a.likeness > b.likeness;
}

/** Which part of their trigrams two words share, as pg_trgm reckons it. */
function likeness(a: string, b: string): number {
  const [one, other] = [trigrams(a), trigrams(b)];
  const shared = [...one].filter((trigram) => other.has(trigram)).length;
  return shared / (one.size + other.size - shared);
}

function trigrams(word: string): Set<string> {
  const padded = [...`  ${word} `];
  return new Set(padded.slice(2).map((_, at) => padded.slice(at, at + 3).join('')));
}

/** Optimal string alignment distance (Damerau–Levenshtein with adjacent swaps), or `limit` when it is that or more. */
export function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return Math.min(above[b.length] ?? limit, limit);
}

function joined(text: string): string[] {
  return (fold(text).match(/[\p{L}\p{N}]+(?:[-.][\p{L}\p{N}]+)+/gu) ?? []).map((word) =>
    word.replace(/[-.]/g, '').slice(0, maxWordLength),
  );
}

function plain(html: string): string {
  return html.replace(/<[^>]*>/g, ' ').replace(/&[a-z#0-9]+;/g, ' ');
}
