import type { Sql } from './statement.postgres.ts';
import type { Json } from './tasks-queue.postgres.ts';
import { afterCommit } from './transaction.postgres.ts';

/** A task that was given up. */
export type DeadTask = {
  readonly kind: string;
  readonly key: string;
  readonly body: Json | undefined;
  readonly attempts: number;
  readonly error: string;
  readonly traceparent: string;
  readonly scheduleTime: Date;
  readonly deadTime: Date;
};

export type DeadTaskId = Pick<DeadTask, 'kind' | 'key'>;

type Row = Omit<DeadTask, 'body'> & { readonly body: string | null };

const columns = `kind, key, body::text, attempts, error, traceparent, schedule_time AS "scheduleTime", dead_time AS "deadTime"`;

/** Dead tasks by kind and key, those after one. */
export async function deadTasks(sql: Sql, after: DeadTaskId | undefined, limit: number): Promise<DeadTask[]> {
  const rows = await sql.query<Row>(
    `SELECT ${columns} FROM task WHERE dead_time IS NOT NULL AND (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3`,
    [after?.kind ?? '', after?.key ?? '', limit],
  );
  return rows.map(decode);
}

export async function deadTask(sql: Sql, { kind, key }: DeadTaskId): Promise<DeadTask | undefined> {
  const [row] = await sql.query<Row>(
    `SELECT ${columns} FROM task WHERE dead_time IS NOT NULL AND kind = $1 AND key = $2`,
    [kind, key],
  );
  return row && decode(row);
}

/** Has a dead task done again at once, its attempts begun anew. False when there is none. */
export async function replayTask(tx: Sql, { kind, key }: DeadTaskId): Promise<boolean> {
  const back = await tx.query(
    `UPDATE task SET dead_time = NULL, attempts = 0, due_time = '-infinity', next_time = '-infinity', generation = gen_random_uuid()
     WHERE dead_time IS NOT NULL AND kind = $1 AND key = $2 RETURNING 1`,
    [kind, key],
  );
  afterCommit(tx, 'task');
  return back.length > 0;
}

/** Forgets a dead task. False when there is none. */
export async function dropTask(tx: Sql, { kind, key }: DeadTaskId): Promise<boolean> {
  const gone = await tx.query('DELETE FROM task WHERE dead_time IS NOT NULL AND kind = $1 AND key = $2 RETURNING 1', [
    kind,
    key,
  ]);
  return gone.length > 0;
}

/** How many tasks are dead, counted up to a limit. */
export async function countDeadTasks(sql: Sql, limit: number): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM (SELECT 1 FROM task WHERE dead_time IS NOT NULL LIMIT $1) AS counted',
    [limit],
  );
  return row?.count ?? 0;
}

/**
 * How long the task at the head of each kind's line has been due, in seconds; 0 when it is yet to come. Reads one entry of the
 * index a kind, however many tasks there are.
 */
export function overdueTasks(sql: Sql): Promise<{ readonly kind: string; readonly seconds: number }[]> {
  return sql.query(
    `WITH RECURSIVE known AS (
       (SELECT kind FROM task WHERE dead_time IS NULL ORDER BY kind LIMIT 1)
       UNION ALL
       SELECT (SELECT kind FROM task WHERE dead_time IS NULL AND task.kind > known.kind ORDER BY kind LIMIT 1)
       FROM known WHERE known.kind IS NOT NULL
     )
     SELECT known.kind, greatest(0, extract(epoch FROM now() - head.since))::float8 AS seconds
     FROM known CROSS JOIN LATERAL (
       SELECT greatest(next_time, schedule_time) AS since FROM task
       WHERE task.kind = known.kind AND dead_time IS NULL ORDER BY next_time LIMIT 1
     ) AS head`,
  );
}

// A body of null is another than none, so it is read as text.
function decode({ body, ...row }: Row): DeadTask {
  return { ...row, body: body === null ? undefined : (JSON.parse(body) as Json) };
}
