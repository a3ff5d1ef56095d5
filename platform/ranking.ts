import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { EventHandler } from './outbox.postgres.ts';
import type { Sql } from './statement.postgres.ts';

/** What an event adds to boards. */
export type Counted = {
  /** When it happened: it counts for that day of UTC. */
  readonly time: Date;
  readonly scores: readonly Score[];
};

export type Score = {
  readonly board: string;
  /** Whom it is for, such as a product's id. */
  readonly member: string;
  /** A whole number above 0: a day's score only grows. */
  readonly score: number;
};

export type Ranked = { readonly member: string; readonly score: number };

/**
 * A port: who came to most in the last days, on any number of boards. A board shows its best; on each day it keeps the best of that
 * day, so whoever was never among them isn't found.
 */
export type Ranking = {
  /**
   * Counts events, each together with remembering it: one that comes twice counts once. `plan` says what an event adds, undefined for
   * nothing; it only looks. Events from before the first day of the window, or from the future, count for nothing.
   */
  counting<S extends DescMessage>(
    schema: S,
    plan: (sql: Sql, event: MessageShape<S>) => Promise<Counted | undefined>,
  ): EventHandler;
  /** The best first; of equals the larger name, in the order of their bytes. May be some seconds old. */
  top(board: string, page: { readonly offset: number; readonly limit: number }): Promise<Ranked[]>;
  /** Its place, the best has 0, and its score; undefined when it isn't shown. */
  placeOf(board: string, member: string): Promise<{ readonly place: number; readonly score: number } | undefined>;
  close(): Promise<void>;
};

export type RankingWindow = {
  /** Today and the days before: 7 is a week. */
  readonly days: number;
  /** How many members a board shows, and keeps of each day. */
  readonly kept: number;
};

const dayMs = 24 * 3_600_000;

/** The day of UTC, "2026-11-23". */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

/** The window's days, today first. */
export function daysOf({ days }: RankingWindow, now: Date): string[] {
  return Array.from({ length: days }, (_, back) => dayOf(new Date(now.getTime() - back * dayMs)));
}
