import type { Category } from './category.ts';

/** What is kept of sample data, and which of it was loaded. */
export type SampleStore = {
  /** Whether to load it: when it was begun but never ended, or when it is unknown and there is no product yet. */
  begin(name: string, now: Date): Promise<boolean>;
  /** Adds the categories whose path is not there, parents first, and answers those that are there now. */
  placeCategories(categories: readonly Category[]): Promise<Category[]>;
  end(name: string, now: Date): Promise<void>;
};
