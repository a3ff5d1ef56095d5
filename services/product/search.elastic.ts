import type { estypes } from '@elastic/elasticsearch';
import { type ElasticConnection, isMissing } from '#platform/connection.elastic.ts';
import { engineAway } from '#platform/engine.ts';
import { productAlias } from './elastic/product-index.ts';
import { facetsFrom } from './search-facets.ts';
import { type FoundByWords, searchForgiving } from './search-forgiving.ts';
import type { Lexemes } from './search-lexemes.ts';
import {
  alikeRequest,
  bestRequest,
  candidates,
  completionsRequest,
  type LexemeGroups,
  livingRequest,
  pageRequest,
  suggestRequest,
} from './search-request.elastic.ts';
import {
  type ProductSearch,
  searchCap,
  type SearchCursor,
  type SearchQuery,
  type SearchSort,
  searchWords,
  type Suggestion,
} from './search.ts';

export type ElasticSearchOptions = {
  readonly connection: ElasticConnection;
  readonly lexemes: Lexemes;
  /** What is shown of products, as the database has it now: the index may be a second behind. */
  readonly suggestionsOf: (productIds: readonly string[]) => Promise<Suggestion[]>;
  /** What a search may take with all that it asks: 800 ms unless told. A suggestion may take half. */
  readonly timeoutMs?: number;
};

// Whoever waits longer is better served by the database, which needs its time too: contracts give a search 2 s, a suggestion 1 s.
const defaultTimeoutMs = 800;
const ownShare = 0.7; // of that is Elasticsearch's to search; the rest is for the way
const completed = 20; // words that one may become
const spelledAlike = 30;

type Ask = (request: estypes.SearchRequest) => Promise<estypes.SearchResponse>;

/** The search that Elasticsearch does, on the index that search-follow.ts keeps. Finds what the one in PostgreSQL finds. */
export function createElasticSearch(options: ElasticSearchOptions): ProductSearch {
  const { connection, lexemes, suggestionsOf, timeoutMs = defaultTimeoutMs } = options;
  const { client } = connection;
  const index = connection.index(productAlias);
  /** How to ask for so long, whatever the number of questions. */
  function asking(forMs: number): Ask {
    const timeout = `${Math.round(forMs * ownShare)}ms`;
    const signal = AbortSignal.timeout(forMs);
    // The client lets go of a request when it has a connection for it, and one to a paused Elasticsearch is never made.
    const late = new Promise<never>((_, reject) => {
      const refuse = (): void => reject(engineAway('Elasticsearch', new Error(`no answer within ${forMs} ms`)));
      signal.addEventListener('abort', refuse, { once: true });
    });
    late.catch(() => undefined); // a search that was answered waits for it no more
    return async (request) => {
      const asked = connection.ask(client.search({ ...request, index, timeout }, { signal }));
      const answer = await Promise.race([asked, late]).catch((error: unknown) => {
        throw isMissing(error) ? engineAway('Elasticsearch', new Error(`there is no ${index}`)) : error;
      });
      // What a search cut short has found is less than there is.
      if (answer.timed_out || answer._shards.failed > 0)
        throw engineAway('Elasticsearch', new Error('a search was cut short'));
      return answer;
    };
  }
  return {
    search(query) {
      const ask = asking(timeoutMs);
      return searchForgiving(query, {
        run: async (asked, words) => run(ask, asked, await groupsOf(lexemes, words), words.length > 0),
        completions: (prefix) => completions(ask, prefix),
        alike: (words) => alike(ask, lexemes, words),
      });
    },
    async suggest(prefix, limit) {
      const typed = searchWords(prefix).join(' ');
      if (typed === '') return [];
      const { hits } = await asking(timeoutMs / 2)(suggestRequest(typed, limit));
      return hits.hits.length === 0 ? [] : suggestionsOf(hits.hits.map(productIdOf));
    },
  };
}

/** Words that mean nothing are left out, as to_tsquery does. */
async function groupsOf(lexemes: Lexemes, words: readonly (readonly string[])[]): Promise<LexemeGroups> {
  const known = await lexemes.of(words.flat());
  return words
    .map((group) => group.map((word) => known.get(word) ?? []).filter((each) => each.length > 0))
    .filter((group) => group.length > 0);
}

async function run(ask: Ask, query: SearchQuery, words: LexemeGroups, anyWords: boolean): Promise<FoundByWords> {
  const isFiltered =
    query.categoryIds !== undefined || query.tags.length + query.brands.length + query.options.length > 0;
  // "the" alone finds nothing; with a filter it is no word among others.
  if (anyWords && words.length === 0 && !isFiltered) {
    return { productIds: [], total: 0, capped: false, facets: [], next: undefined };
  }
  const sort = query.sort === 'relevance' && !anyWords ? 'newest' : query.sort;
  const { hits } = await ask(bestRequest(query, words));
  const all = hits.hits.map(toHit);
  const best = all.slice(0, searchCap);
  const counts = new Map<string, number>();
  for (const { facets } of all) for (const facet of facets) counts.set(facet, (counts.get(facet) ?? 0) + 1);
  const found = { total: best.length, capped: all.length === candidates, facets: facetsFrom(counts) };
  if (sort === 'relevance') {
    const from = query.cursor?.[0] ?? 0;
    const next = from + query.limit < best.length ? [from + query.limit] : undefined;
    return { ...found, productIds: best.slice(from, from + query.limit).map(({ productId }) => productId), next };
  }
  const isInOrder = sort === 'newest' && words.length === 0 && query.cursor === undefined;
  const rows =
    found.capped && !isInOrder
      ? (await ask(pageRequest(query, words, sort))).hits.hits.map(toHit)
      : all.filter((hit) => isAfter(hit, query.cursor, sort)).sort((a, b) => inOrder(a, b, sort));
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    ...found,
    productIds: shown.map(({ productId }) => productId),
    next: rows.length <= query.limit || last === undefined ? undefined : placeOf(last, sort),
  };
}

type Hit = {
  readonly productId: string;
  readonly price: number;
  readonly doc: number;
  readonly facets: readonly string[];
};

function toHit(hit: estypes.SearchHit): Hit {
  const fields = (hit.fields ?? {}) as { readonly min_price?: number[]; readonly facets?: string[] };
  return {
    productId: productIdOf(hit),
    price: fields.min_price?.[0] ?? 0,
    doc: Number(hit.sort?.at(-1) ?? 0),
    facets: fields.facets ?? [],
  };
}

function productIdOf(hit: estypes.SearchHit): string {
  const [id] = (hit.fields?.['product_id'] ?? []) as string[];
  if (id === undefined) throw new Error('a document has no product');
  return id;
}

/** [price, doc], as the cursors of the search in PostgreSQL: a page token holds with either. */
function placeOf({ price, doc }: Hit, sort: SearchSort): SearchCursor {
  return [sort === 'newest' ? 0 : price, doc];
}

function inOrder(a: Hit, b: Hit, sort: SearchSort): number {
  const [[priceA = 0], [priceB = 0]] = [placeOf(a, sort), placeOf(b, sort)];
  const difference = priceA - priceB || a.doc - b.doc;
  return sort === 'price-ascending' ? difference : -difference;
}

function isAfter(hit: Hit, cursor: SearchCursor | undefined, sort: SearchSort): boolean {
  if (cursor === undefined) return true;
  const [price = 0, doc = 0] = cursor;
  return inOrder({ productId: '', price, doc, facets: [] }, hit, sort) < 0;
}

async function completions(ask: Ask, prefix: string): Promise<string[]> {
  return wordsOf(await ask(completionsRequest(prefix, completed)));
}

async function alike(ask: Ask, lexemes: Lexemes, words: readonly string[]): Promise<Map<string, readonly string[]>> {
  const known = await lexemes.of(words);
  const asked = words
    .map((typed) => ({ typed, lexemes: known.get(typed) ?? [] }))
    .filter((word) => word.lexemes.length > 0); // a word that means nothing is no error
  if (asked.length === 0) return new Map();
  const answer = await ask(alikeRequest(asked, spelledAlike));
  const { buckets } = answer.aggregations?.['known'] as { readonly buckets: readonly { readonly doc_count: number }[] };
  const near = asked.flatMap(({ typed }, place) => {
    if ((buckets[place]?.doc_count ?? 0) > 0) return [];
    const options = answer.suggest?.[`word_${place}`]?.[0]?.options ?? [];
    return [{ typed, alike: [options].flat().map(({ text }) => text) }];
  });
  const spelled = [...new Set(near.flatMap((word) => word.alike))];
  const living = new Set(spelled.length === 0 ? [] : wordsOf(await ask(livingRequest(spelled))));
  return new Map(near.map((word) => [word.typed, word.alike.filter((each) => living.has(each))]));
}

function wordsOf(answer: estypes.SearchResponse): string[] {
  const words = answer.aggregations?.['words'] as { readonly buckets: readonly { readonly key: string }[] };
  return words.buckets.map(({ key }) => key);
}
