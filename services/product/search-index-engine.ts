import type { SearchChange } from './search-document.ts';

/** What keeps an index of products beside the database's own. */
export type SearchIndexEngine = {
  /** What is asked, whichever index stands behind it; it names the mapping. */
  readonly alias: string;
  /** Makes an index that is not asked yet; one that is there already stays as it is. */
  create(name: string): Promise<void>;
  exists(name: string): Promise<boolean>;
  /**
   * Brings products up to date. In any order and however often: the state with the largest number stays. False when there is no such
   * index.
   */
  tell(name: string, changes: readonly SearchChange[], signal?: AbortSignal): Promise<boolean>;
  /** Whether this index, and no other, is asked. */
  isAsked(name: string): Promise<boolean>;
  /** From now on this one is asked and no other. False when there is no such index. */
  point(name: string): Promise<boolean>;
  remove(name: string): Promise<void>;
  /** How many documents it shows. */
  count(name: string): Promise<number>;
  /** Shows what it was told. */
  refresh(name: string): Promise<void>;
};

export type SearchIndexState = 'filling' | 'live' | 'old';

export type SearchIndex = {
  readonly name: string;
  readonly state: SearchIndexState;
  /** While it is filled: the last product in it, how many are, and how many there are to be. */
  readonly filledTo: string;
  readonly filled: number;
  readonly total: number;
};

export type Lag = {
  /** Products whose change is not told yet, counted up to 100,000. */
  readonly waiting: number;
  /** How long the first of them has waited. */
  readonly oldestMs: number;
};

/** A port: which indexes there are and what they have yet to be told, kept in the transactions that change products. */
export type SearchFeed = {
  indexes(mapping: string): Promise<SearchIndex[]>;
  /** Names an index to be filled, unless there is one already; from then on changes are kept for it. Answers which. */
  begin(mapping: string, name: string): Promise<string>;
  /** Whether the index is this one's to fill for the next 30 s. */
  lease(name: string, owner: string): Promise<boolean>;
  /** Products after this one, by id. */
  page(after: string, limit: number): Promise<SearchChange[]>;
  /** Notes how far it is filled. False when it is another's to fill now. */
  filled(name: string, owner: string, progress: { readonly to: string; readonly more: number }): Promise<boolean>;
  /** It is asked now, and the one before is to be removed. */
  live(mapping: string, name: string): Promise<void>;
  /** There is no such index any more, so nothing is kept for it. */
  forget(name: string): Promise<void>;
  /** Takes what has changed longest ago, as it is now; nobody else gets it for 30 s. */
  take(name: string, limit: number): Promise<Taken[]>;
  /** They are told: what has not changed since is off the list. */
  told(name: string, taken: readonly Taken[]): Promise<void>;
  /** They could not be told: whoever takes next gets them again at once. */
  release(name: string, taken: readonly Taken[]): Promise<void>;
  lag(name: string): Promise<Lag>;
  /** Notes that these are kept up to date; marks those that nobody has kept for an hour as old, and forgets what is kept for none. */
  tidy(mapping: string): Promise<void>;
  /** Those to be removed, of whichever mapping. */
  old(): Promise<string[]>;
};

export type Taken = SearchChange & {
  /** The change that was noted; the document may be later. */
  readonly noted: bigint;
};
