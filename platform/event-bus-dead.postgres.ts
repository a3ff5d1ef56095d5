import type { DeadEvent, EventBus } from './event-bus.ts';
import type { Sql } from './statement.postgres.ts';

const columns =
  'group_name AS "group", id, topic, key, body, traceparent, time, attempts, error, dead_time AS "deadTime"';

/** What a person does with the events that groups gave up. */
export function deadEventsOf(
  sql: Sql,
): Pick<EventBus, 'deadEvents' | 'countDeadEvents' | 'deadEvent' | 'replay' | 'drop'> {
  return {
    deadEvents: ({ service, after, limit }) =>
      sql.query<DeadEvent>(
        `SELECT ${columns} FROM dead_letter
         WHERE (group_name = $1 OR starts_with(group_name, $1 || '-')) AND (group_name, id) > ($2, $3)
         ORDER BY group_name, id LIMIT $4`,
        [service, after?.group ?? '', after?.id ?? '', limit],
      ),

    async countDeadEvents(service, limit) {
      const [row] = await sql.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM (
           SELECT 1 FROM dead_letter WHERE group_name = $1 OR starts_with(group_name, $1 || '-') LIMIT $2) AS counted`,
        [service, limit],
      );
      return row?.count ?? 0;
    },

    async deadEvent({ group, id }) {
      const [found] = await sql.query<DeadEvent>(
        `SELECT ${columns} FROM dead_letter WHERE group_name = $1 AND id = $2`,
        [group, id],
      );
      return found;
    },

    // The message may have been cleared meanwhile. Where it is still there, its place in the order is too.
    async replay({ group, id }) {
      const back = await sql.query(
        `WITH gone AS (
           DELETE FROM dead_letter WHERE group_name = $1 AND id = $2 RETURNING id, topic, key, body, traceparent, time
         ), kept AS (
           INSERT INTO message (id, topic, key, body, traceparent, time)
           SELECT id, topic, key, body, traceparent, time FROM gone
           ON CONFLICT (id) DO UPDATE SET arrive_time = now()
           RETURNING seq, key
         )
         INSERT INTO delivery (group_name, seq, key) SELECT $1, seq, key FROM kept
         RETURNING pg_notify('event_bus', group_name)`,
        [group, id],
      );
      return back.length > 0;
    },

    async drop({ group, id }) {
      const gone = await sql.query('DELETE FROM dead_letter WHERE group_name = $1 AND id = $2 RETURNING 1', [
        group,
        id,
      ]);
      return gone.length > 0;
    },
  };
}
