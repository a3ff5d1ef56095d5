import type { Sql } from '#platform/database.postgres.ts';
import {
  correctQuery,
  nearestWord,
  queryWords,
  searchCap,
  searchWords,
  type ProductSearch,
  type SearchCursor,
  type SearchFacet,
  type SearchQuery,
  type SearchResult,
  type SearchSort,
  type Suggestion,
} from './search.ts';
import { facetOf, facetTerm } from './search-index.postgres.ts';

const most = searchCap + 1; // candidates: one more than is counted says that there are more
const gathered = 600; // matches that are ranked at most; a query of several words has fewer, save in a huge shop
const listed = 3_000; // of a term's list looked at, when few of them are in stock
const valuesPerFacet = 20;
const optionFacets = 10;
const lookedAlike = 30; // words with the most trigrams in common, of which the nearest is chosen
const completed = 20; // words that one may become
const tails = 60; // looked at for one prefix

/** The search that PostgreSQL does, on the tables that search-index.postgres.ts keeps. */
export function createPostgresSearch(sql: Sql): ProductSearch {
  return {
    async search(query) {
      const words = queryWords(query.query);
      if (words.length === 0 && query.query.trim() !== '') return nothing; // punctuation alone
      if (filtersOf(query).some((group) => group.length === 0)) return nothing; // one of none
      const wanted = words.map((word) => [word]);
      const found = await run(sql, query, wanted);
      const last = words.at(-1);
      if (found.total > 0 || last === undefined) return found;
      const complete = await completions(sql, last);
      const begun = complete.length === 0 ? found : await run(sql, query, [...wanted.slice(0, -1), complete]);
      if (begun.total > 0) return begun;
      const corrections = await correct(sql, words);
      if (corrections.size === 0) return found;
      const correctedQuery = correctQuery(words, corrections);
      const meant = await run(
        sql,
        query,
        queryWords(correctedQuery).map((word) => [word]),
      );
      return meant.total > 0 ? { ...meant, correctedQuery } : found;
    },
    suggest: (prefix, limit) => suggest(sql, prefix, limit),
  };
}

const nothing: SearchResult = {
  productIds: [],
  total: 0,
  capped: false,
  facets: [],
  correctedQuery: '',
  next: undefined,
};

type Row = {
  readonly total: number;
  readonly facets: Readonly<Record<string, number>> | null;
  readonly page: readonly (readonly [productId: string, price: number, doc: number])[] | null;
};

/** `words` are those that must all be there, each with its alternatives. */
async function run(sql: Sql, query: SearchQuery, words: readonly (readonly string[])[]): Promise<SearchResult> {
  const { price, cursor } = query;
  const filters = filtersOf(query);
  const terms = [...words, ...filters];
  const oneTerm = price === undefined && terms.length === 1 && terms[0]?.length === 1;
  const source: Source = terms.length === 0 ? 'all' : oneTerm ? 'term' : 'query';
  // What has no words has no relevance; the latest first then.
  const sort = query.sort === 'relevance' && words.length === 0 ? 'newest' : query.sort;
  const values: unknown[] = [
    query.limit + 1,
    ...(sort === 'relevance' ? [offsetOf(cursor), 0] : (cursor ?? beginnings[sort])),
    query.inStock,
    price?.currency ?? null,
    price?.min ?? 0n,
    price?.max ?? 0n,
  ];
  if (source !== 'all') {
    values.push(filters.map((group) => `(${group.map(quoted).join('|')})`).join('&'));
    values.push(...['', ':A', ':AB', ':ABC'].map((weights) => wordQuery(words, weights)));
  }
  if (source === 'term') values.push(words[0]?.[0] ?? null, filters[0]?.[0] ?? null);
  const [row] = await sql.query<Row>(statement(source, sort), values);
  if (row === undefined) throw new Error('a search answers one row');
  const page = row.page ?? [];
  const shown = page.slice(0, query.limit);
  const last = shown.at(-1);
  const next: SearchCursor | undefined =
    page.length <= query.limit || last === undefined
      ? undefined
      : sort === 'relevance'
        ? [offsetOf(cursor) + query.limit]
        : [sort === 'newest' ? 0 : last[1], last[2]];
  return {
    productIds: shown.map(([productId]) => productId),
    total: Math.min(row.total, searchCap),
    capped: row.total > searchCap,
    facets: facetsFrom(row.facets ?? {}),
    correctedQuery: '',
    next,
  };
}

function offsetOf(cursor: SearchCursor | undefined): number {
  return cursor?.[0] ?? 0;
}

/** What must hold, each an alternative of terms. */
function filtersOf(query: SearchQuery): string[][] {
  return [
    ...(query.categoryIds === undefined ? [] : [query.categoryIds.map((id) => facetTerm('category', id))]),
    ...query.tags.map((tag) => [facetTerm('tag', tag)]),
    ...(query.brands.length === 0 ? [] : [query.brands.map((brand) => facetTerm('brand', brand))]),
    ...query.options.map(({ name, values }) => values.map((value) => facetTerm(`option:${name}`, value))),
  ];
}

/** The words as to_tsquery reads them, with the weights that each must have. Words are letters and digits alone. */
function wordQuery(words: readonly (readonly string[])[], weights: string): string {
  return words.map((group) => `(${group.map((word) => `${word}${weights}`).join('|')})`).join('&');
}

function quoted(term: string): string {
  return `'${term.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** Where the candidates come from: everything, the list of one term, or what matches a query. */
type Source = 'all' | 'term' | 'query';

type Order = Exclude<SearchSort, 'relevance'>;

const orders: Readonly<Record<Order, { readonly by: string; readonly after: string }>> = {
  'price-ascending': { by: 'd.min_price, d.doc', after: '(d.min_price, d.doc) > ($2::bigint, $3::integer)' },
  'price-descending': { by: 'd.min_price desc, d.doc desc', after: '(d.min_price, d.doc) < ($2::bigint, $3::integer)' },
  newest: { by: 'd.doc desc', after: '$2::bigint = 0 and d.doc < $3::integer' },
};

// The place before the first: a condition that always holds lets the index begin where the page does.
const endOfDocs = 2 ** 31 - 1;
const beginnings: Readonly<Record<Order, SearchCursor>> = {
  'price-ascending': [-1, 0],
  'price-descending': [Number.MAX_SAFE_INTEGER, endOfDocs],
  newest: [0, endOfDocs],
};

const statements = new Map<string, string>();

/**
 * One statement finds, counts, ranks and pages. The candidates, at most the cap and one more, come
 * - of one term (the commonest search) from its list, best first: 0.1 ms whether 70 or 7,000 of 100,000 products have it;
 *   when the list is shorter than the cap, from the query after all, so that words of descriptions count too;
 * - of several from GIN, which intersects their lists: 0.2 to 1 ms at 100,000 products.
 * The score is the tier: 3 for all words in the title, 2 with tags and brand, 1 with type and options, 0 with the description;
 * the latest of a tier first. ts_rank, which also weighs how near the words stand, took 6 µs a product, this 1 µs.
 * In an order other than relevance, a page comes from the candidates when they are all, else from walking the order's index:
 * more than the cap match, so the next match is never far.
 */
function statement(source: Source, sort: SearchSort): string {
  const key = `${source} ${sort}`;
  const known = statements.get(key);
  if (known !== undefined) return known;
  const holds = `(not $4::boolean or d.in_stock)
    and ($5::text is null or (d.currency = $5 and d.max_price >= $6::bigint and d.min_price <= $7::bigint))`;
  const match = source === 'all' ? holds : `d.words @@ (select words from asked) and ${holds}`;
  // The function instead of the operator: GIN would fetch all that match and sort them.
  const walked = source === 'all' ? holds : `ts_match_vq(d.words, (select words from asked)) and ${holds}`;
  const columns = 'd.doc, d.product_id, d.min_price, d.facets';
  const tier = ['title', 'labels', 'kinds']
    .map((part) => `(d.words @@ (select ${part} from asked))::integer`)
    .join(' + ');
  const gather = `select * from (select ${columns}, ${tier} as score from search_document d where ${match} limit ${gathered}) d
    order by score desc, doc desc limit ${most}`;
  const candidates = {
    all: `found as materialized (select ${columns}, 0 as score from search_document d where ${match} order by d.doc desc limit ${most})`,
    query: `found as materialized (${gather})`,
    term: `top as materialized (
        select ${columns}, p.tier as score from (
          select doc, tier from search_posting where term = coalesce($14::text, (ts_lexize('english_stem', $13::text))[1])
          order by tier desc, doc desc limit ${listed}) p
        join search_document d on d.doc = p.doc where ${holds} order by p.tier desc, p.doc desc limit ${most}),
      found as materialized (
        select * from top where (select count(*) from top) = ${most}
        union all
        (select * from (${gather}) d where (select count(*) from top) < ${most}))`,
  }[source];
  // Made once: in a plan without the values to_tsquery would be called again for each row, three times 10 µs.
  const asked =
    source === 'all'
      ? ''
      : `asked as materialized (select to_tsquery('english', $9) && $8::tsquery as words,
          to_tsquery('english', $10) as title, to_tsquery('english', $11) as labels, to_tsquery('english', $12) as kinds),`;
  const text = `with ${asked} ${candidates}, page as (${page(sort, walked)})
    select (select count(*)::integer from found) as total,
      (select json_object_agg(facet, products) from (
        select facet, count(*) as products from (select unnest(facets) as facet from found) each group by facet) counted) as facets,
      (select json_agg(json_build_array(product_id, min_price, doc)) from page) as page`;
  statements.set(key, text);
  return text;
}

function page(sort: SearchSort, walked: string): string {
  if (sort === 'relevance') {
    return `select product_id, min_price, doc from (select * from found order by score desc, doc desc limit ${searchCap}) best
      order by score desc, doc desc offset $2::bigint + $3::integer limit $1`;
  }
  const { by, after } = orders[sort];
  return `(select product_id, min_price, doc from found d
       where ${after} and (select count(*) from found) < ${most} order by ${by} limit $1)
      union all
      (select d.product_id, d.min_price, d.doc from search_document d
       where ${walked} and ${after} and (select count(*) from found) = ${most} order by ${by} limit $1)`;
}

function facetsFrom(counts: Readonly<Record<string, number>>): SearchFacet[] {
  const byName = new Map<string, { value: string; count: number }[]>();
  for (const [term, count] of Object.entries(counts)) {
    const { name, value } = facetOf(term);
    const values = byName.get(name) ?? [];
    values.push({ value, count });
    byName.set(name, values);
  }
  const commonest = (values: { value: string; count: number }[]): { value: string; count: number }[] =>
    values.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)).slice(0, valuesPerFacet);
  const options = [...byName.keys()]
    .filter((name) => name.startsWith('option:'))
    .sort((a, b) => weight(b) - weight(a) || (a < b ? -1 : 1))
    .slice(0, optionFacets);
  return ['category', 'brand', 'tag', ...options].flatMap((name) => {
    const values = byName.get(name);
    // A category's counts are still to be added up along the tree, so all of them are needed.
    return values === undefined ? [] : [{ name, values: name === 'category' ? values : commonest(values) }];
  });

  function weight(name: string): number {
    return (byName.get(name) ?? []).reduce((sum, { count }) => sum + count, 0);
  }
}

/** What a word may become that has only begun. */
async function completions(sql: Sql, prefix: string): Promise<string[]> {
  const rows = await sql.query<{ word: string }>(
    `select word from search_word where word >= $1 and word < $1 || U&'\\+10FFFF' order by word limit ${completed}`,
    [prefix],
  );
  return rows.map(({ word }) => word);
}

/** For each word that no product has: the word that was probably meant. */
async function correct(sql: Sql, words: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql.query<{ typed: string; alike: string[] | null }>(
    // A word stays in search_word when its last product is gone, so each is asked for again. Stop words are no errors.
    `select typed, (select array_agg(word) from (
        select word from (select word from search_word order by word <-> typed limit ${lookedAlike}) near
        where exists (select 1 from search_posting where term = (ts_lexize('english_stem', word))[1])) alike) as alike
     from unnest($1::text[]) as asked (typed)
     where numnode(plainto_tsquery('english', typed)) > 0
       and not exists (select 1 from search_posting where term = (ts_lexize('english_stem', typed))[1])`,
    [words],
  );
  const corrections = new Map<string, string>();
  for (const { typed, alike } of rows) {
    const meant = nearestWord(typed, alike ?? []);
    if (meant !== undefined) corrections.set(typed, meant);
  }
  return corrections;
}

async function suggest(sql: Sql, prefix: string, limit: number): Promise<Suggestion[]> {
  const typed = searchWords(prefix).join(' ');
  if (typed === '') return [];
  const rows = await sql.query<{ id: string; handle: string; title: string; image_url: string | null }>(
    `select p.id, p.handle, p.content ->> 'title' as title, p.content -> 'images' -> 0 ->> 'url' as image_url
     from (select doc, min(place) as place from (
             select doc, place from suggestion where tail >= $1 and tail < $1 || U&'\\+10FFFF' order by tail limit ${tails}) near
           group by doc order by min(place), doc desc limit $2) s
     join search_document d on d.doc = s.doc join product p on p.id = d.product_id
     order by s.place, s.doc desc`,
    [typed, limit],
  );
  return rows.map((row) => ({
    productId: row.id,
    handle: row.handle,
    title: row.title,
    imageUrl: row.image_url ?? '',
  }));
}
