/**
 * What a search knows words as: "shirts" is shirt, "the" is nothing. PostgreSQL says so for every engine, and it is what the
 * documents hold in each, so all of them find the same.
 */
export type Lexemes = {
  /** The lexemes of each of these words, which are as `searchWords` gives them. */
  of(words: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
};
