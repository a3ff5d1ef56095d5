import { hash } from 'node:crypto';
import { fromBinary, toBinary, type DescMessage, type Message, type MessageShape } from '@bufbuild/protobuf';
import { brokenUnique } from './pool.postgres.ts';
import type { Sql } from './statement.postgres.ts';
import { Fault, requestIdReused } from './fault.ts';

export type OnceOptions<R extends DescMessage> = {
  /** Who asks, so that nobody gets another's answer: the user's id, or the workload for calls without a user. */
  readonly actor: string;
  /** The RPC, such as "only2u.product.v1.ProductService/CreateProduct". */
  readonly method: string;
  /** The client's request_id. Empty, where the contract lets it be: the work is done without being remembered. */
  readonly requestId: string;
  /** The request, without passwords, since a trace of it is kept; its own request_id field does not count as content. */
  readonly request: Message;
  /** What the answer is a message of. */
  readonly schema: R;
  readonly now: Date;
};

const keptHours = 48; // a phone that was offline over a day may still repeat what it sent
const tidyBatch = 1_000;

/**
 * Does the work once for a request_id, and gives whoever repeats the request the first answer again. It stands in the
 * transaction of the work itself, so both last or neither; a repeat that comes meanwhile waits for the first one's end. A
 * request that was refused is not remembered. The idea: github.com/brandur/rocket-rides-atomic.
 *
 * The answer is kept as it was: not for answers that carry secrets.
 */
export async function once<R extends DescMessage>(
  tx: Sql,
  { actor, method, requestId, request, schema, now }: OnceOptions<R>,
  work: () => Promise<MessageShape<R>>,
): Promise<MessageShape<R>> {
  if (requestId === '') return work();
  const key = [actor, method, requestId];
  const fingerprint = fingerprintOf(request);
  const expireTime = new Date(now.getTime() + keptHours * 3_600_000);
  const claimed = await tx.query(
    `INSERT INTO request_ids AS known (actor, method, request_id, fingerprint, answer, expire_time)
     VALUES ($1, $2, $3, $4, '', $5)
     ON CONFLICT (actor, method, request_id) DO UPDATE
       SET fingerprint = excluded.fingerprint, answer = '', expire_time = excluded.expire_time
       WHERE known.expire_time <= $6
     RETURNING 1`,
    [...key, fingerprint, expireTime, now],
  );
  if (claimed.length === 0) {
    const [first] = await tx.query<{ fingerprint: Buffer; answer: Buffer }>(
      'SELECT fingerprint, answer FROM request_ids WHERE actor = $1 AND method = $2 AND request_id = $3',
      key,
    );
    if (first === undefined)
      throw new Fault('aborted', 'CONCURRENT_CHANGE', 'The same request ended just now; try again.');
    if (!first.fingerprint.equals(fingerprint)) throw requestIdReused(requestId);
    return fromBinary(schema, first.answer);
  }
  const answer = await work();
  await tx.query('UPDATE request_ids SET answer = $4 WHERE actor = $1 AND method = $2 AND request_id = $3', [
    ...key,
    toBinary(schema, answer),
  ]);
  return answer;
}

/** What `changeOnce` throws for a request that was answered before. Nothing was changed: ask `firstAnswer`. */
export class AnsweredBefore extends Error {}

/**
 * Makes a change and remembers its answer in one and the same statement, which saves the round trips of a transaction: for hot
 * changes whose answer is known before them. `change` is one INSERT, UPDATE or DELETE that returns a row for each row that it
 * changed. Answers whether it changed any; what changed none is not remembered.
 */
export async function changeOnce<R extends DescMessage>(
  sql: Sql,
  { actor, method, requestId, request, schema, now }: OnceOptions<R>,
  change: { readonly text: string; readonly values: readonly unknown[]; readonly answer: MessageShape<R> },
): Promise<boolean> {
  const { text, values, answer } = change;
  if (requestId === '') return (await sql.query(text, values)).length > 0;
  const at = (place: number): string => `$${values.length + place}`;
  const expireTime = new Date(now.getTime() + keptHours * 3_600_000);
  try {
    const changed = await sql.query(
      `WITH changed AS (${text}), remembered AS (
         INSERT INTO request_ids (actor, method, request_id, fingerprint, answer, expire_time)
         SELECT ${at(1)}::text, ${at(2)}::text, ${at(3)}::text, ${at(4)}::bytea, ${at(5)}::bytea, ${at(6)}::timestamptz
         FROM (SELECT FROM changed LIMIT 1) AS any_row)
       SELECT FROM changed LIMIT 1`,
      [...values, actor, method, requestId, fingerprintOf(request), toBinary(schema, answer), expireTime],
    );
    return changed.length > 0;
  } catch (error) {
    if (brokenUnique(error) !== 'request_ids_pkey') throw error;
    throw new AnsweredBefore(`${method} answered the request_id ${requestId} before`, { cause: error });
  }
}

/** What the request was answered before, or undefined when it is new. Refuses an id that came with another request. */
export async function firstAnswer<R extends DescMessage>(
  sql: Sql,
  { actor, method, requestId, request, schema }: OnceOptions<R>,
): Promise<MessageShape<R> | undefined> {
  const [first] = await sql.query<{ fingerprint: Buffer; answer: Buffer }>(
    'SELECT fingerprint, answer FROM request_ids WHERE actor = $1 AND method = $2 AND request_id = $3',
    [actor, method, requestId],
  );
  if (first === undefined) return undefined;
  if (!first.fingerprint.equals(fingerprintOf(request))) throw requestIdReused(requestId);
  return fromBinary(schema, first.answer);
}

/** Forgets some of the answers that are too old, a bounded number at a time. Returns how many. */
export async function forgetAnswers(sql: Sql, now: Date): Promise<number> {
  const gone = await sql.query(
    `DELETE FROM request_ids WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM request_ids WHERE expire_time <= $1 ORDER BY expire_time LIMIT $2 FOR UPDATE SKIP LOCKED))
     RETURNING 1`,
    [now, tidyBatch],
  );
  return gone.length;
}

/** What tells a request from another that came with the same id. Fields may come in any order on the wire, so they are sorted. */
export function fingerprintOf(request: Message): Buffer {
  const text = JSON.stringify(request, (key, value: unknown) => {
    if (key === 'requestId') return undefined;
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return hash('sha256', text, 'buffer');
}
