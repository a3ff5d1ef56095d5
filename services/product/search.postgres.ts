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
import { beginnings, searchStatement, type CandidateSource } from './search-statement.postgres.ts';

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
  /** Terms, and of each how many were found: as one object of as many names they took four times as long to read. */
  readonly facets: readonly [terms: readonly string[] | null, counts: readonly number[] | null];
  readonly page: readonly (readonly [productId: string, price: number, doc: number])[] | null;
};

/** `words` are those that must all be there, each with its alternatives. */
async function run(sql: Sql, query: SearchQuery, words: readonly (readonly string[])[]): Promise<SearchResult> {
  const { price, cursor } = query;
  const filters = filtersOf(query);
  // What has no words has no relevance; the latest first then.
  const sort = query.sort === 'relevance' && words.length === 0 ? 'newest' : query.sort;
  const source = sourceOf(query, sort, words, filters);
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
  if (source !== 'all' && source !== 'query') values.push(words[0]?.[0] ?? null, filters[0]?.[0] ?? null);
  if (source === 'pair') values.push(words[1]?.[0] ?? null);
  const [row] = await sql.query<Row>(searchStatement(source, sort), values);
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
    facets: facetsFrom(row.facets),
    correctedQuery: '',
    next,
  };
}

function sourceOf(
  { price, inStock }: SearchQuery,
  sort: SearchSort,
  words: readonly (readonly string[])[],
  filters: readonly (readonly string[])[],
): CandidateSource {
  const terms = [...words, ...filters];
  if (terms.length === 0) return 'all';
  if (terms[0]?.length !== 1) return 'query';
  if (sort === 'relevance' && words.length > 0 && terms[1]?.length === 1) return 'pair';
  if (terms.length > 1) return 'several';
  return words.length === 0 && !inStock && price === undefined ? 'filter' : 'list';
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

type FacetValue = SearchFacet['values'][number];

function facetsFrom([terms, counts]: Row['facets']): SearchFacet[] {
  const byName = new Map<string, FacetValue[]>();
  for (const [index, term] of (terms ?? []).entries()) {
    const { name, value } = facetOf(term);
    const counted = { value, count: counts?.[index] ?? 0 };
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [counted]);
    else values.push(counted);
  }
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

/** The commonest first. Keeping the few took a third of the time of sorting all. */
function commonest(values: readonly FacetValue[]): FacetValue[] {
  const best: FacetValue[] = [];
  for (const value of values) {
    const last = best.at(-1);
    if (best.length === valuesPerFacet && last !== undefined && !isCommoner(value, last)) continue;
    const place = best.findIndex((other) => isCommoner(value, other));
    best.splice(place === -1 ? best.length : place, 0, value);
    if (best.length > valuesPerFacet) best.pop();
  }
  return best;
}

function isCommoner(a: FacetValue, b: FacetValue): boolean {
  return a.count > b.count || (a.count === b.count && a.value < b.value);
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
