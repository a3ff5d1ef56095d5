import {
  checkBody,
  checkEntry,
  checkKind,
  checkLimit,
  checkPlace,
  clocksDifferMs,
  type Entry,
  expiryMs,
  type LogKind,
  type MessageLog,
  type MessageLogs,
} from './message-log.ts';
import { entryIdAt } from './message-log-id.ts';
import type { Sql } from './statement.postgres.ts';

export type PostgresMessageLogs = MessageLogs & {
  /** Clears what has expired, up to so many; answers how many. Reading never shows it, so it may come late: see `startSweeping`. */
  sweep(limit: number): Promise<number>;
};

type Row = { readonly id: string; author: string; type: string; body: Buffer; edit_time: Date | null };

const rememberMs = 10 * 86_400_000; // what was erased; as long as Cassandra keeps its tombstones
const batch = 1_000;
const shown = `log = $1 AND thread = $2 AND NOT removed AND (expire_time IS NULL OR expire_time > $3)
  AND id > coalesce((SELECT up_to_id FROM message_log_erased WHERE log = $1 AND thread = $2), '')`;

/** Logs in tables that each service's schema has (migrations/0005_message_log.sql). */
export function createPostgresMessageLogs(sql: Sql, now: () => Date = () => new Date()): PostgresMessageLogs {
  return {
    of(kind) {
      checkKind(kind);
      return createLog(sql, kind, now);
    },
    async sweep(limit) {
      const [expired] = await sql.query<{ count: number }>(
        `WITH gone AS (
           DELETE FROM message_log WHERE (log, thread, id) IN (
             SELECT log, thread, id FROM message_log WHERE expire_time <= $1 ORDER BY expire_time LIMIT $2
           ) RETURNING 1
         ) SELECT count(*)::int AS count FROM gone`,
        [now(), limit],
      );
      await sweepErased(sql, now());
      return expired?.count ?? 0;
    },
  };
}

function createLog(sql: Sql, kind: LogKind, now: () => Date): MessageLog {
  const { name } = kind;

  async function page(thread: string, comparison: string, cursor: string | undefined, order: string, limit: number) {
    checkPlace(kind, thread, cursor);
    checkLimit(limit);
    const rows = await sql.query<Row>(
      `SELECT id, author, type, body, edit_time FROM message_log
       WHERE ${shown} ${cursor === undefined ? '' : `AND id ${comparison} $5`} ORDER BY id ${order} LIMIT $4`,
      [name, thread, now(), limit, ...(cursor === undefined ? [] : [cursor])],
    );
    return rows.map(entryOf);
  }

  return {
    async append(thread, entry) {
      const nowMs = now().getTime();
      checkEntry(kind, thread, entry, nowMs);
      const { id, author, type, body } = entry;
      const expires = expiryMs(kind, id);
      if (expires !== undefined && expires <= nowMs) return;
      await sql.query(
        `INSERT INTO message_log (log, thread, id, author, type, body, expire_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
        [name, thread, id, author, type, body, expires === undefined ? null : new Date(expires)],
      );
    },

    async get(thread, id) {
      checkPlace(kind, thread, id);
      const rows = await sql.query<Row>(
        `SELECT id, author, type, body, edit_time FROM message_log WHERE ${shown} AND id = $4`,
        [name, thread, now(), id],
      );
      return rows.map(entryOf)[0];
    },

    newestFirst: (thread, { before, limit }) => page(thread, '<', before, 'DESC', limit),
    oldestFirst: (thread, { after, limit }) => page(thread, '>', after, 'ASC', limit),

    async edit(thread, id, { body, time }) {
      checkPlace(kind, thread, id);
      checkBody(body);
      const found = await sql.query(
        `UPDATE message_log SET
           body = CASE WHEN edit_time > $5 THEN body ELSE $6 END, edit_time = greatest(edit_time, $5)
         WHERE ${shown} AND id = $4 RETURNING 1`,
        [name, thread, now(), id, time, body],
      );
      return found.length > 0;
    },

    async remove(thread, id) {
      checkPlace(kind, thread, id);
      await sql.query(
        `INSERT INTO message_log (log, thread, id, author, type, body, removed, expire_time)
         VALUES ($1, $2, $3, '', '', '', true, $4)
         ON CONFLICT (log, thread, id) DO UPDATE
           SET author = '', type = '', body = '', edit_time = NULL, removed = true, expire_time = excluded.expire_time
           WHERE NOT message_log.removed`,
        [name, thread, id, new Date(now().getTime() + rememberMs)],
      );
    },

    async removeThread(thread) {
      checkPlace(kind, thread);
      const upTo = entryIdAt(kind.prefix, new Date(now().getTime() + clocksDifferMs));
      await sql.query(
        `INSERT INTO message_log_erased AS erased (log, thread, up_to_id, expire_time) VALUES ($1, $2, $3, $4)
         ON CONFLICT (log, thread) DO UPDATE
           SET up_to_id = greatest(erased.up_to_id, excluded.up_to_id), expire_time = excluded.expire_time`,
        [name, thread, upTo, new Date(now().getTime() + rememberMs)],
      );
      await erase(sql, name, thread, upTo);
    },
  };
}

async function erase(sql: Sql, log: string, thread: string, upTo: string): Promise<void> {
  for (let found = batch; found === batch;) {
    const rows = await sql.query(
      `DELETE FROM message_log WHERE log = $1 AND thread = $2 AND id IN (
         SELECT id FROM message_log WHERE log = $1 AND thread = $2 AND id <= $3 ORDER BY id LIMIT $4
       ) RETURNING 1`,
      [log, thread, upTo, batch],
    );
    found = rows.length;
  }
}

// An append that was on its way when its thread was erased left a row that nobody sees: it goes with the memory of the erasure.
async function sweepErased(sql: Sql, now: Date): Promise<void> {
  const over = await sql.query<{ log: string; thread: string; up_to_id: string }>(
    'SELECT log, thread, up_to_id FROM message_log_erased WHERE expire_time <= $1 LIMIT 100',
    [now],
  );
  for (const { log, thread, up_to_id: upTo } of over) {
    await erase(sql, log, thread, upTo);
    await sql.query('DELETE FROM message_log_erased WHERE log = $1 AND thread = $2 AND up_to_id = $3', [
      log,
      thread,
      upTo,
    ]);
  }
}

function entryOf({ id, author, type, body, edit_time: editTime }: Row): Entry {
  return { id, author, type, body, ...(editTime !== null && { editTime }) };
}
