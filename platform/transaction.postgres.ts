import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { databaseFault, isDisconnected } from './connection.postgres.ts';
import { Fault } from './fault.ts';
import { ask, isPlannedAnew, type Sql, type StatementTimes } from './statement.postgres.ts';

export type TransactionOptions = {
  /** 'read committed' unless told. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  readonly readOnly?: boolean;
};

const attempts = 5; // of a transaction that lost against another; a sixth loss in a row means a hot spot, not bad luck

const marks = new WeakMap<Sql, Set<string>>();

/** Has the listeners of `onCommit` called once this transaction is committed. */
export function afterCommit(tx: Sql, name: string): void {
  marks.get(tx)?.add(name);
}

export type Transacting = {
  readonly pool: pg.Pool;
  readonly times: StatementTimes;
  waited(error: unknown): Fault | undefined;
  committed(name: string): void;
};

/** Runs `work` in one transaction of a pool, again when it lost against another. See `Database.transaction`. */
export async function transact<T>(
  { pool, times, waited, committed }: Transacting,
  work: (tx: Sql) => Promise<T>,
  { isolation = 'read committed', readOnly = false }: TransactionOptions,
): Promise<T> {
  const begin = `BEGIN ISOLATION LEVEL ${isolation} ${readOnly ? 'READ ONLY' : 'READ WRITE'}`;
  for (let attempt = 1; ; attempt++) {
    const client = await pool.connect().catch((error: unknown) => {
      throw waited(error) ?? databaseFault(error) ?? error;
    });
    let broken = false;
    let committing = false;
    try {
      await client.query(begin);
      const tx: Sql = { query: (text, values) => ask(client, times, text, values) };
      const marked = new Set<string>();
      marks.set(tx, marked);
      const result = await work(tx);
      committing = true;
      await client.query('COMMIT');
      for (const name of marked) committed(name);
      return result;
    } catch (error) {
      broken = isDisconnected(error instanceof Fault ? error.cause : error);
      if (broken && committing && !readOnly) throw outcomeUnknown(error);
      // On a connection that is gone nobody would answer.
      if (!broken) await client.query('ROLLBACK').catch(() => (broken = true));
      if (!lostRace(error)) throw databaseFault(error) ?? error;
      if (attempt === attempts) {
        throw new Fault('aborted', 'CONCURRENT_CHANGE', 'Others changed the same data at the same time; try again.', {
          cause: error,
          retryAfterMs: 100,
        });
      }
    } finally {
      client.release(broken);
    }
    await sleep(Math.random() * 10 * 2 ** attempt);
  }
}

// Cut off in the middle of COMMIT: only PostgreSQL knows, and whoever repeats the call with its request_id is told.
function outcomeUnknown(cause: unknown): Fault {
  const text =
    'The database was lost while it kept the change, which may be made or not; repeat the call with the same request_id.';
  return new Fault('unavailable', 'DATABASE_OUTCOME_UNKNOWN', text, { cause, retryAfterMs: 1_000 });
}

function lostRace(error: unknown): boolean {
  const cause = error instanceof Fault ? error.cause : error;
  return (
    cause instanceof pg.DatabaseError && (cause.code === '40001' || cause.code === '40P01' || isPlannedAnew(cause))
  );
}
