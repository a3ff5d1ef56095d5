import type { estypes } from '@elastic/elasticsearch';
import { tailPlaces } from './elastic/product-index.ts';
import { filtersOf } from './search-facets.ts';
import { searchCap, type SearchCursor, type SearchQuery, type SearchSort } from './search.ts';

type Clause = estypes.QueryDslQueryContainer;

/** Each group's alternatives, each as the lexemes that must all be there. */
export type LexemeGroups = readonly (readonly (readonly string[])[])[];

export const candidates = searchCap + 1; // one more than is counted says that there are more

/** What is common to all: no stored field is read, only columns. */
const lean = { _source: false, stored_fields: '_none_' } as const;

/** The best that are counted, ranked and faceted: the tier first (see search-statement.postgres.ts), then the latest. */
export function bestRequest(query: SearchQuery, words: LexemeGroups): estypes.SearchRequest {
  return {
    ...lean,
    size: candidates,
    track_total_hits: candidates,
    docvalue_fields: ['product_id', 'min_price', 'facets'],
    query: {
      bool: { filter: filters(query, words), should: words.length === 0 ? [] : tiers(words), minimum_should_match: 0 },
    },
    sort: [...(words.length === 0 ? [] : [{ _score: { order: 'desc' as const } }]), { doc: 'desc' as const }],
  };
}

/** A page in another order of everything that matches, from the cursor on. */
export function pageRequest(query: SearchQuery, words: LexemeGroups, sort: SearchSort): estypes.SearchRequest {
  const direction = sort === 'price-ascending' ? 'asc' : 'desc';
  const { cursor } = query;
  return {
    ...lean,
    size: query.limit + 1,
    track_total_hits: false,
    docvalue_fields: ['product_id', 'min_price'],
    query: { bool: { filter: filters(query, words) } },
    sort: sort === 'newest' ? [{ doc: direction }] : [{ min_price: direction }, { doc: direction }],
    ...(cursor !== undefined && { search_after: afterOf(sort, cursor) }),
  };
}

function afterOf(sort: SearchSort, cursor: SearchCursor): number[] {
  const [price = 0, doc = 0] = cursor;
  return sort === 'newest' ? [doc] : [price, doc];
}

/** The titles that have a word that begins so, the earlier the word the better, then the latest. */
export function suggestRequest(typed: string, limit: number): estypes.SearchRequest {
  const queries = Array.from({ length: tailPlaces }, (_, place) => ({
    constant_score: { filter: { prefix: { [`tails.from_${place}`]: typed } }, boost: tailPlaces - place },
  }));
  return {
    ...lean,
    size: limit,
    track_total_hits: false,
    docvalue_fields: ['product_id'],
    query: { dis_max: { queries } },
    sort: [{ _score: { order: 'desc' } }, { doc: 'desc' }],
  };
}

/** The first words by alphabet that begin so. A word's letters and digits mean nothing in a pattern. */
export function completionsRequest(prefix: string, limit: number): estypes.SearchRequest {
  return {
    size: 0,
    track_total_hits: false,
    query: { prefix: { vocabulary: prefix } },
    aggs: { words: { terms: { field: 'vocabulary', include: `${prefix}.*`, order: { _key: 'asc' }, size: limit } } },
  };
}

/** Which of the words no product has but in a description, and what is spelled like each. */
export function alikeRequest(
  words: readonly { readonly typed: string; readonly lexemes: readonly string[] }[],
  limit: number,
): estypes.SearchRequest {
  const known = words.map(({ lexemes }) => ({
    bool: { filter: lexemes.map((word) => ({ term: { with_kinds: word } })) },
  }));
  return {
    size: 0,
    track_total_hits: false,
    aggs: { known: { filters: { filters: known } } },
    suggest: Object.fromEntries(
      words.map(({ typed }, place) => [
        `word_${place}`,
        {
          text: typed,
          term: {
            field: 'vocabulary',
            analyzer: 'keyword',
            size: limit,
            shard_size: limit,
            suggest_mode: 'always',
            max_edits: 2,
            prefix_length: 0,
            min_word_length: 3,
            accuracy: 0.1,
          },
        },
      ]),
    ),
  };
}

/** Which of the words are some product's still: the term dictionary keeps those of deleted ones for a while. */
export function livingRequest(words: readonly string[]): estypes.SearchRequest {
  return {
    size: 0,
    track_total_hits: false,
    query: { terms: { vocabulary: [...words] } },
    aggs: { words: { terms: { field: 'vocabulary', include: [...words], size: words.length } } },
  };
}

function filters(query: SearchQuery, words: LexemeGroups): Clause[] {
  const { price } = query;
  return [
    ...wordFilters('words', words),
    ...filtersOf(query).map((group) => ({ terms: { facets: group } })),
    ...(query.inStock ? [{ term: { in_stock: true } }] : []),
    ...(price === undefined
      ? []
      : [
          { term: { currency: price.currency } },
          { range: { max_price: { gte: String(price.min) } } },
          { range: { min_price: { lte: String(price.max) } } },
        ]),
  ];
}

function tiers(words: LexemeGroups): Clause[] {
  return ['title', 'with_labels', 'with_kinds'].map((field) => ({
    constant_score: { filter: { bool: { filter: wordFilters(field, words) } }, boost: 1 },
  }));
}

function wordFilters(field: string, words: LexemeGroups): Clause[] {
  return words.map((group) => {
    if (group.every((lexemes) => lexemes.length === 1)) return { terms: { [field]: group.flat() } };
    return {
      bool: { should: group.map((all) => ({ bool: { filter: all.map((word) => ({ term: { [field]: word } })) } })) },
    };
  });
}
