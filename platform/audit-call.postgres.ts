import type { Code } from '#gen/google/rpc/code_pb.ts';
import type { Sql } from './statement.postgres.ts';
import type { AuditedCall } from './rpc/auditing.ts';

/** A call as it is kept until the log has it. */
export type KeptCall = Omit<AuditedCall, 'timeoutMs'> & { readonly id: string; readonly beginTime: Date };

/** How a call ended. */
export type CallEnd = { readonly id: string; readonly code: Code; readonly endTime: Date };

/** A call that has ended, without a code where nobody knows how. */
export type EndedCall = KeptCall & { readonly code: Code | null; readonly endTime: Date | null };

/** Writes that a call begins. Past `lapseTime` without an end its process must have been killed. */
export async function keepCall(sql: Sql, call: KeptCall, lapseTime: Date): Promise<void> {
  const { id, method, caller, userId, requestId, traceId, beginTime } = call;
  await sql.query(
    `INSERT INTO audit_call (id, method, caller, user_id, request_id, trace_id, begin_time, lapse_time)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [id, method, caller, userId, requestId, traceId, beginTime, lapseTime],
  );
}

/** Writes how calls ended. One that counts as killed already stays so: the log may have it. */
export async function endCalls(sql: Sql, ends: readonly CallEnd[]): Promise<void> {
  await sql.query(
    `UPDATE audit_call SET ended = true, code = done.code, end_time = done.end_time
     FROM unnest($1::text[], $2::int2[], $3::timestamptz[]) AS done (id, code, end_time)
     WHERE audit_call.id = done.id AND NOT audit_call.ended`,
    [ends.map(({ id }) => id), ends.map(({ code }) => code), ends.map(({ endTime }) => endTime)],
  );
}

/** Ends calls whose processes were killed: how, nobody knows. */
export async function lapseCalls(sql: Sql, now: Date): Promise<void> {
  await sql.query('UPDATE audit_call SET ended = true WHERE NOT ended AND lapse_time < $1', [now]);
}

/** So many calls that have ended, the first first. */
export function endedCalls(sql: Sql, limit: number): Promise<EndedCall[]> {
  return sql.query<EndedCall>(
    `SELECT id, method, caller, user_id AS "userId", request_id AS "requestId", trace_id AS "traceId",
       begin_time AS "beginTime", code, end_time AS "endTime"
     FROM audit_call WHERE ended ORDER BY id LIMIT $1`,
    [limit],
  );
}

/** Forgets what the log has. */
export async function forgetCalls(sql: Sql, ids: readonly string[]): Promise<void> {
  await sql.query('DELETE FROM audit_call WHERE id = ANY ($1)', [ids]);
}
