import { type ChangeWith, onChange } from './change.postgres.ts';
import type { Database } from './pool.postgres.ts';
import type { Sql } from './statement.postgres.ts';
import { type Counted, dayOf, daysOf, type Ranked, type Ranking, type RankingWindow } from './ranking.ts';

export type PostgresRanking = Ranking & {
  /** What the days of a board came to, of each the best. */
  daysOf(board: string): Promise<DayScore[]>;
  /** What these came to on the day, those that were never counted left out. */
  scoresOf(day: string, of: readonly BoardMember[]): Promise<DayScore[]>;
  /** Forgets days that are over, and all but the best of those that have ended. A bounded number of rows at a time; answers how many. */
  tidy(limit: number): Promise<number>;
};

export type BoardMember = { readonly board: string; readonly member: string };

export type DayScore = BoardMember & { readonly day: string; readonly score: number };

export type PostgresRankingOptions = RankingWindow & { readonly database: Database; now(): Date };

/** Rankings in the service's own schema, written by the statement that remembers the event. The database stays the caller's. */
export function createPostgresRanking({ database, now, ...window }: PostgresRankingOptions): PostgresRanking {
  const { days, kept } = window;
  return {
    counting: (schema, plan) =>
      onChange(schema, async (sql, event) => {
        const counted = await plan(sql, event);
        return counted && additionOf(counted, daysOf(window, now()));
      }),
    top: (board, { offset, limit }) =>
      asRanked(
        database.query<SumRow>(
          `SELECT member, sum(score)::int8 AS score FROM ranking
           WHERE board = $1 AND day > $2::date - $3::int AND day <= $2::date
           GROUP BY member ORDER BY sum(score) DESC, member DESC LIMIT $4 OFFSET $5`,
          [board, dayOf(now()), days, Math.max(0, Math.min(limit, kept - offset)), offset],
        ),
      ),
    async placeOf(board, member) {
      const [row] = await database.query<{ place: bigint; score: bigint }>(
        `SELECT place, score FROM (
           SELECT member, sum(score)::int8 AS score, row_number() OVER (ORDER BY sum(score) DESC, member DESC) - 1 AS place
           FROM ranking WHERE board = $1 AND day > $2::date - $3::int AND day <= $2::date GROUP BY member) AS summed
         WHERE member = $4 AND place < $5`,
        [board, dayOf(now()), days, member, kept],
      );
      return row && { place: Number(row.place), score: Number(row.score) };
    },
    daysOf: (board) =>
      asDayScores(
        database.query<DayRow>(
          `SELECT board, day, member, score FROM (
             SELECT *, row_number() OVER (PARTITION BY day ORDER BY score DESC, member DESC) AS place
             FROM ranking WHERE board = $1 AND day > $2::date - $3::int AND day <= $2::date) AS placed
           WHERE place <= $4`,
          [board, dayOf(now()), days, kept],
        ),
      ),
    scoresOf: (day, of) =>
      asDayScores(
        database.query<DayRow>(
          `SELECT r.board, r.day, r.member, r.score FROM unnest($2::text[], $3::text[]) AS asked (board, member)
           JOIN ranking r ON r.board = asked.board AND r.day = $1::date AND r.member = asked.member`,
          [day, of.map(({ board }) => board), of.map(({ member }) => member)],
        ),
      ),
    tidy: (limit) => tidy(database, { today: dayOf(now()), days, kept, limit }),
    close: () => Promise.resolve(),
  };
}

type SumRow = { readonly member: string; readonly score: bigint };
type DayRow = SumRow & { readonly board: string; readonly day: string };

async function asRanked(rows: Promise<SumRow[]>): Promise<Ranked[]> {
  return (await rows).map(({ member, score }) => ({ member, score: Number(score) }));
}

async function asDayScores(rows: Promise<DayRow[]>): Promise<DayScore[]> {
  return (await rows).map((row) => ({ ...row, score: Number(row.score) }));
}

/** Rows are locked in the order of the key, so that no two events deadlock. */
function additionOf({ time, scores }: Counted, days: readonly string[]): ChangeWith | undefined {
  const day = dayOf(time);
  if (scores.length === 0 || !days.includes(day)) return undefined;
  return {
    text: `INSERT INTO ranking AS before (board, day, member, score)
      SELECT board, $1::date, member, sum(score) FROM unnest($2::text[], $3::text[], $4::int8[]) AS given (board, member, score)
      GROUP BY board, member ORDER BY board COLLATE "C", member COLLATE "C"
      ON CONFLICT (board, day, member) DO UPDATE SET score = before.score + excluded.score RETURNING 1`,
    values: [
      day,
      scores.map(({ board }) => board),
      scores.map(({ member }) => member),
      scores.map(({ score }) => score),
    ],
  };
}

type TidyOptions = {
  readonly today: string;
  readonly days: number;
  readonly kept: number;
  readonly limit: number;
};

async function tidy(sql: Sql, { today, days, kept, limit }: TidyOptions): Promise<number> {
  // Whoever counts a late event holds its rows in the order of the key; these step aside.
  const gone = await sql.query(
    `WITH long AS (
       SELECT board, day FROM ranking WHERE day > $1::date - $2::int AND day < $1::date GROUP BY board, day HAVING count(*) > $3),
     over AS (
       SELECT board, day, member FROM ranking WHERE day <= $1::date - $2::int
       UNION ALL
       SELECT long.board, long.day, placed.member FROM long CROSS JOIN LATERAL (
         SELECT member FROM ranking r WHERE r.board = long.board AND r.day = long.day
         ORDER BY score DESC, member DESC OFFSET $3) AS placed),
     mine AS (
       SELECT r.board, r.day, r.member FROM ranking r JOIN over USING (board, day, member)
       LIMIT $4 FOR UPDATE OF r SKIP LOCKED)
     DELETE FROM ranking r USING mine WHERE r.board = mine.board AND r.day = mine.day AND r.member = mine.member RETURNING 1`,
    [today, days, kept, limit],
  );
  return gone.length;
}
