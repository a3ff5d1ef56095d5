import { filtersOf } from './search-facets.ts';
import { correctQuery, nearestWord, queryWords, type SearchQuery, type SearchResult } from './search.ts';

/** What an engine does of a search; what it is asked for in turn is the same for every one. */
export type WordEngine = {
  /** Finds what has one word of each group. */
  run(query: SearchQuery, words: readonly (readonly string[])[]): Promise<FoundByWords>;
  /** Known words that begin so, by alphabet; few. */
  completions(prefix: string): Promise<string[]>;
  /** For each of the words that no product has: known words like it. */
  alike(words: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
};

export type FoundByWords = Omit<SearchResult, 'correctedQuery' | 'words'>;

const nothing: FoundByWords = { productIds: [], total: 0, capped: false, facets: [], next: undefined };

/**
 * Searches for what was typed; when nothing is found, for what its last word may become, and then for the words that were
 * probably meant.
 */
export async function searchForgiving(query: SearchQuery, engine: WordEngine): Promise<SearchResult> {
  const words = queryWords(query.query);
  if (words.length === 0 && query.query.trim() !== '') return asked(nothing, []); // punctuation alone
  if (filtersOf(query).some((group) => group.length === 0)) return asked(nothing, words); // one of none
  const wanted = words.map((word) => [word]);
  const found = await engine.run(query, wanted);
  const last = words.at(-1);
  if (found.total > 0 || last === undefined) return asked(found, words);
  const complete = await engine.completions(last);
  if (complete.length > 0) {
    const before = wanted.slice(0, -1);
    const begun = await engine.run(query, [...before, complete]);
    if (begun.total > 0) return asked(begun, [...before.flat(), ...complete]);
  }
  const corrections = new Map<string, string>();
  for (const [typed, alike] of await engine.alike(words)) {
    const meant = nearestWord(typed, alike);
    if (meant !== undefined) corrections.set(typed, meant);
  }
  if (corrections.size === 0) return asked(found, words);
  const correctedQuery = correctQuery(words, corrections);
  const corrected = queryWords(correctedQuery);
  const meant = await engine.run(
    query,
    corrected.map((word) => [word]),
  );
  return meant.total > 0 ? { ...meant, correctedQuery, words: corrected } : asked(found, words);
}

function asked(found: FoundByWords, words: readonly string[]): SearchResult {
  return { ...found, correctedQuery: '', words };
}
