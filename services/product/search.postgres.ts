import type { Sql } from '#platform/database.postgres.ts';
import { facetsFrom, filtersOf } from './search-facets.ts';
import { type FoundByWords, searchForgiving } from './search-forgiving.ts';
import {
  searchCap,
  searchWords,
  type ProductSearch,
  type SearchCursor,
  type SearchQuery,
  type SearchSort,
  type Suggestion,
} from './search.ts';
import { beginnings, searchStatement, type CandidateSource } from './search-statement.postgres.ts';

const lookedAlike = 30; // words with the most trigrams in common, of which the nearest is chosen
const completed = 20; // words that one may become
const tails = 60; // looked at for one prefix

/** The search that PostgreSQL does, on the tables that search-index.postgres.ts keeps. */
export function createPostgresSearch(sql: Sql): ProductSearch {
  return {
    search: (query) =>
      searchForgiving(query, {
        run: (asked, words) => run(sql, asked, words),
        completions: (prefix) => completions(sql, prefix),
        alike: (words) => alike(sql, words),
      }),
    suggest: (prefix, limit) => suggest(sql, prefix, limit),
  };
}

type Row = {
  readonly total: number;
  /** Terms, and of each how many were found: as one object of as many names they took four times as long to read. */
  readonly facets: readonly [terms: readonly string[] | null, counts: readonly number[] | null];
  readonly page: readonly (readonly [productId: string, price: number, doc: number])[] | null;
};

/** `words` are those that must all be there, each with its alternatives. */
async function run(sql: Sql, query: SearchQuery, words: readonly (readonly string[])[]): Promise<FoundByWords> {
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
    facets: facetsFrom(counted(row.facets)),
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

/** The words as to_tsquery reads them, with the weights that each must have. Words are letters and digits alone. */
function wordQuery(words: readonly (readonly string[])[], weights: string): string {
  return words.map((group) => `(${group.map((word) => `${word}${weights}`).join('|')})`).join('&');
}

function quoted(term: string): string {
  return `'${term.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

function counted([terms, counts]: Row['facets']): [term: string, count: number][] {
  return (terms ?? []).map((term, index) => [term, counts?.[index] ?? 0]);
}

/** What a word may become that has only begun. */
async function completions(sql: Sql, prefix: string): Promise<string[]> {
  const rows = await sql.query<{ word: string }>(
    `select word from search_word where word >= $1 and word < $1 || U&'\\+10FFFF' order by word limit ${completed}`,
    [prefix],
  );
  return rows.map(({ word }) => word);
}

/** For each word that no product has: known words like it. */
async function alike(sql: Sql, words: readonly string[]): Promise<Map<string, readonly string[]>> {
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
  return new Map(rows.map((row) => [row.typed, row.alike ?? []]));
}

async function suggest(sql: Sql, prefix: string, limit: number): Promise<Suggestion[]> {
  const typed = searchWords(prefix).join(' ');
  if (typed === '') return [];
  return readSuggestions(
    sql,
    `select d.product_id, row_number() over (order by s.place, s.doc desc) as place
     from (select doc, min(place) as place from (
             select doc, place from suggestion where tail >= $1 and tail < $1 || U&'\\+10FFFF' order by tail limit ${tails}) near
           group by doc order by min(place), doc desc limit $2) s
     join search_document d on d.doc = s.doc`,
    [typed, limit],
  );
}

/** The products with these ids that are on sale, in this order, as suggestions. */
export function suggestionsOf(sql: Sql, productIds: readonly string[]): Promise<Suggestion[]> {
  return readSuggestions(
    sql,
    `select d.product_id, asked.place from unnest($1::text[]) with ordinality as asked (id, place)
     join search_document d on d.product_id = asked.id`,
    [productIds],
  );
}

async function readSuggestions(sql: Sql, which: string, values: readonly unknown[]): Promise<Suggestion[]> {
  const rows = await sql.query<{ id: string; handle: string; title: string; image_url: string | null }>(
    `select p.id, p.handle, p.content ->> 'title' as title, p.content -> 'images' -> 0 ->> 'url' as image_url
     from (${which}) as chosen join product p on p.id = chosen.product_id order by chosen.place`,
    values,
  );
  return rows.map((row) => ({
    productId: row.id,
    handle: row.handle,
    title: row.title,
    imageUrl: row.image_url ?? '',
  }));
}
