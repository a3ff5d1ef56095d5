import type { Sql } from '#platform/database.postgres.ts';
import { accountColumns, toAccount, type AccountRow } from './accounts.postgres.ts';
import type { Session } from './session.ts';
import type { Sessions } from './store.ts';

type SessionRow = {
  session_id: string;
  user_id: string;
  user_agent: string;
  address: string;
  session_create_time: Date;
  refresh_time: Date;
  expire_time: Date;
  end_time: Date | null;
  generation: number;
  token_hash: Buffer;
  request_id: string;
};

const columns = `s.id AS session_id, s.user_id, s.user_agent, s.address, s.create_time AS session_create_time, s.refresh_time,
  s.expire_time, s.end_time, s.generation, s.token_hash, s.request_id`;

export function createSessionTable(sql: Sql): Sessions {
  return {
    async add(session, opening) {
      // The update changes nothing: it makes the row that is there already come back, also while another adds it.
      const rows = await sql.query<SessionRow & { open_fingerprint: Buffer }>(
        `INSERT INTO session AS s (id, user_id, user_agent, address, create_time, refresh_time, expire_time, generation, token_hash,
          request_id, open_request_id, open_fingerprint)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT ON CONSTRAINT session_opening DO UPDATE SET open_request_id = s.open_request_id
        RETURNING ${columns}, s.open_fingerprint`,
        [
          session.id,
          session.userId,
          session.userAgent,
          session.address,
          session.createTime,
          session.refreshTime,
          session.expireTime,
          session.generation,
          session.tokenHash,
          session.requestId,
          opening.requestId,
          opening.fingerprint,
        ],
      );
      const [row] = rows;
      if (row === undefined) throw new Error('INSERT … DO UPDATE RETURNING answered no row');
      return { session: toSession(row), fingerprint: row.open_fingerprint };
    },
    async get(id) {
      const rows = await sql.query<SessionRow & AccountRow>(
        `SELECT ${columns}, ${accountColumns} FROM session s JOIN account a ON a.id = s.user_id
        WHERE s.id = $1 AND a.delete_time IS NULL`,
        [id],
      );
      const [row] = rows;
      return row && { session: toSession(row), account: toAccount(row) };
    },
    async rotate(from, to) {
      const rows = await sql.query(
        `UPDATE session SET generation = $4, token_hash = $5, request_id = $6, address = $7, refresh_time = $8, expire_time = $9
        WHERE id = $1 AND generation = $2 AND token_hash = $3 AND end_time IS NULL RETURNING id`,
        [
          from.id,
          from.generation,
          from.tokenHash,
          to.generation,
          to.tokenHash,
          to.requestId,
          to.address,
          to.refreshTime,
          to.expireTime,
        ],
      );
      return rows.length > 0;
    },
    async list(userId, { after, limit }, now) {
      // Ids grow with time.
      const rows = await sql.query<SessionRow>(
        `SELECT ${columns} FROM session s
        WHERE s.user_id = $1 AND s.end_time IS NULL AND s.expire_time > $2 AND ($3::text IS NULL OR s.id < $3)
        ORDER BY s.id DESC LIMIT $4`,
        [userId, now, after, limit],
      );
      return rows.map(toSession);
    },
    async end({ id, userId }, now) {
      const rows = await sql.query(
        `UPDATE session SET end_time = $3 WHERE id = $1 AND user_id = $2 AND end_time IS NULL AND expire_time > $3 RETURNING id`,
        [id, userId, now],
      );
      return rows.length > 0;
    },
    async endOthers({ id, userId }, now) {
      const rows = await sql.query<{ id: string }>(
        `UPDATE session SET end_time = $3 WHERE user_id = $2 AND id <> $1 AND end_time IS NULL RETURNING id`,
        [id, userId, now],
      );
      return rows.map((row) => row.id);
    },
    async endOldest(userId, keep, now) {
      const rows = await sql.query<{ id: string }>(
        `UPDATE session SET end_time = $3 WHERE id IN (
          SELECT id FROM session WHERE user_id = $1 AND end_time IS NULL ORDER BY id DESC OFFSET $2
        ) RETURNING id`,
        [userId, keep, now],
      );
      return rows.map((row) => row.id);
    },
  };
}

/** Records many rotations in one statement; what has moved on or ended since stays as it is. */
export async function recordRotations(sql: Sql, rotated: readonly Session[]): Promise<void> {
  await sql.query(
    `UPDATE session SET generation = r.generation, token_hash = r.token_hash, request_id = r.request_id, address = r.address,
       refresh_time = r.refresh_time, expire_time = r.expire_time
     FROM unnest($1::text[], $2::int[], $3::bytea[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])
       AS r (id, generation, token_hash, request_id, address, refresh_time, expire_time)
     WHERE session.id = r.id AND session.generation < r.generation AND session.end_time IS NULL`,
    [
      rotated.map(({ id }) => id),
      rotated.map(({ generation }) => generation),
      rotated.map(({ tokenHash }) => tokenHash),
      rotated.map(({ requestId }) => requestId),
      rotated.map(({ address }) => address),
      rotated.map(({ refreshTime }) => refreshTime),
      rotated.map(({ expireTime }) => expireTime),
    ],
  );
}

function toSession(row: SessionRow): Session {
  return {
    id: row.session_id,
    userId: row.user_id,
    userAgent: row.user_agent,
    address: row.address,
    createTime: row.session_create_time,
    refreshTime: row.refresh_time,
    expireTime: row.expire_time,
    endTime: row.end_time ?? undefined,
    generation: row.generation,
    tokenHash: row.token_hash,
    requestId: row.request_id,
  };
}
