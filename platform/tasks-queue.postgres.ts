import type { Sql } from './statement.postgres.ts';

/** A value of JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** A task that this worker has taken, until its lease is over. */
export type TakenTask = {
  readonly kind: string;
  readonly key: string;
  readonly body: Json | undefined;
  /** Which time it is tried: 1 at first. */
  readonly attempts: number;
  readonly generation: string;
  readonly claim: string;
  readonly traceparent: string;
  readonly requestId: string;
};

export type Taken = {
  readonly tasks: readonly TakenTask[];
  /** By kind, how long until the next that is left is due, in milliseconds: 0 when one is. Kinds that have none are left out. */
  readonly waitMs: ReadonlyMap<string, number>;
};

/** Each statement is a transaction of its own: none is open while a task is done. */
export type TaskQueue = {
  /** Takes what is due, of each kind at most so many. */
  take(places: ReadonlyMap<string, number>): Promise<Taken>;
  /** It is done, unless it was scheduled again meanwhile; with a time it comes again then. Returns whether it is gone. */
  done(task: TakenTask, again: Date | undefined): Promise<boolean>;
  /** Puts it back, to come again after a while. `counted` tells whether this was one of its attempts. */
  release(
    task: TakenTask,
    after: { readonly waitMs: number; readonly error: string; readonly counted: boolean },
  ): Promise<void>;
  /** Gives it up, unless it was scheduled again meanwhile. Returns whether it is dead now. */
  bury(task: TakenTask, error: string): Promise<boolean>;
};

export type TaskQueueOptions = {
  readonly sql: Sql;
  readonly leaseMs: number;
  /** The database's clock decides when it is left out: the clocks of the machines need not agree. */
  readonly now: (() => Date) | undefined;
};

type Row = Omit<TakenTask, 'body' | 'claim'> & {
  readonly body: Json | null;
  readonly hasBody: boolean;
  /** null in the row of a kind of which none was taken. */
  readonly claim: string | null;
  readonly waitMs: number | null;
};

export function createTaskQueue({ sql, leaseMs, now }: TaskQueueOptions): TaskQueue {
  const clock = (): Date | null => now?.() ?? null;

  // Who was asked to do something else meanwhile leaves it to be taken for that.
  async function letGo({ kind, key, claim }: TakenTask): Promise<void> {
    await sql.query('UPDATE task SET claim = NULL, next_time = due_time WHERE kind = $1 AND key = $2 AND claim = $3', [
      kind,
      key,
      claim,
    ]);
  }

  return {
    async take(places) {
      const rows = await sql.query<Row>(
        `WITH place AS (
           SELECT kind, places FROM unnest($1::text[], $2::int[]) AS place (kind, places)
         ), head AS (
           SELECT due.kind, due.key FROM place CROSS JOIN LATERAL (
             SELECT kind, key FROM task
             WHERE task.kind = place.kind AND dead_time IS NULL AND next_time <= coalesce($3::timestamptz, now())
             ORDER BY next_time LIMIT place.places
             FOR UPDATE SKIP LOCKED
           ) AS due
         ), taken AS (
           UPDATE task SET claim = gen_random_uuid(), attempts = attempts + 1,
             next_time = coalesce($3::timestamptz, now()) + $4::int8 * interval '1 ms'
           FROM head WHERE task.kind = head.kind AND task.key = head.key
           RETURNING task.kind, task.key, body, body IS NOT NULL AS "hasBody", attempts, generation, claim, traceparent,
             request_id AS "requestId"
         )
         SELECT taken.*, place.kind, next."waitMs"
         FROM place LEFT JOIN taken ON taken.kind = place.kind LEFT JOIN LATERAL (
           SELECT 1000 * extract(epoch FROM
             greatest(next_time, coalesce($3::timestamptz, now())) - coalesce($3::timestamptz, now()))::float8 AS "waitMs"
           FROM task
           WHERE task.kind = place.kind AND dead_time IS NULL
             AND key <> ALL (ARRAY(SELECT key FROM head WHERE head.kind = place.kind))
           ORDER BY next_time LIMIT 1
         ) AS next ON true`,
        [[...places.keys()], [...places.values()], clock(), leaseMs],
      );
      return {
        tasks: rows.flatMap(({ hasBody, body, waitMs: _, claim, ...task }) =>
          claim === null ? [] : [{ ...task, claim, body: hasBody ? body : undefined }],
        ),
        waitMs: new Map(rows.flatMap(({ kind, waitMs }) => (waitMs === null ? [] : [[kind, waitMs]]))),
      };
    },

    async done(task, again) {
      const { kind, key, claim, generation } = task;
      const changed =
        again === undefined
          ? await sql.query(
              'DELETE FROM task WHERE kind = $1 AND key = $2 AND claim = $3 AND generation = $4 RETURNING 1',
              [kind, key, claim, generation],
            )
          : await sql.query(
              `UPDATE task SET claim = NULL, attempts = 0, error = '', due_time = $5, next_time = $5
               WHERE kind = $1 AND key = $2 AND claim = $3 AND generation = $4 RETURNING 1`,
              [kind, key, claim, generation, again],
            );
      if (changed.length === 0) await letGo(task);
      return changed.length > 0 && again === undefined;
    },

    async release(task, { waitMs, error, counted }) {
      const { kind, key, claim, generation } = task;
      const changed = await sql.query(
        `UPDATE task SET claim = NULL, error = $6, attempts = attempts - $7::int,
           next_time = coalesce($8::timestamptz, now()) + $5::int8 * interval '1 ms'
         WHERE kind = $1 AND key = $2 AND claim = $3 AND generation = $4 RETURNING 1`,
        [kind, key, claim, generation, Math.round(waitMs), error, counted ? 0 : 1, clock()],
      );
      if (changed.length === 0) await letGo(task);
    },

    async bury(task, error) {
      const { kind, key, claim, generation } = task;
      const buried = await sql.query(
        `UPDATE task SET claim = NULL, error = $5, dead_time = now()
         WHERE kind = $1 AND key = $2 AND claim = $3 AND generation = $4 RETURNING 1`,
        [kind, key, claim, generation, error],
      );
      if (buried.length === 0) await letGo(task);
      return buried.length > 0;
    },
  };
}
