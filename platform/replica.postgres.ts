import { codeOf } from './error-code.ts';
import { Fault } from './fault.ts';
import { type Database, openPool, type PoolOptions } from './pool.postgres.ts';
import type { Sql } from './statement.postgres.ts';

export type ReplicaOptions = PoolOptions & {
  readonly replica?: { readonly url: string; readonly maxLagMs: number } | undefined;
};

type Mark = { readonly atMs: number; readonly lsn: string };

const lookEveryMs = 500;
const keptMarks = 240; // two minutes; a replica that is further behind has to come nearer first

/**
 * The database with a standby beside it, which `replica` asks while that is no further behind than it may be, and while it is there.
 * How far it is behind is measured by the log itself, since clocks differ and a quiet primary writes nothing: whoever has replayed
 * what the primary had written at a time has all that was committed before.
 */
export function withReplica(primary: Database, options: ReplicaOptions): Database {
  const { replica: place, log, schema } = options;
  if (place === undefined) return primary;
  const { maxLagMs } = place;
  const standby = openPool({ ...options, url: place.url });
  let marks: Mark[] = [];
  let asOfMs = -Infinity; // what was committed before is there
  let said = true;
  let closed = false;
  let failure: unknown;
  let looking: Promise<void> | undefined;

  const lagMs = (): number => performance.now() - asOfMs;
  const keepsUp = (): boolean => lagMs() <= maxLagMs;

  async function look(): Promise<void> {
    const atMs = performance.now();
    try {
      const [[row], [seen]] = await Promise.all([
        primary.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn'),
        standby.query<{ standby: boolean; mark: number | null }>(
          `SELECT pg_is_in_recovery() AS standby, (
             SELECT max(mark)::int FROM unnest($1::pg_lsn[]) WITH ORDINALITY AS known (lsn, mark)
             WHERE lsn <= pg_last_wal_replay_lsn()) AS mark`,
          [marks.map(({ lsn }) => lsn)],
        ),
      ]);
      failure = seen?.standby === false ? new Error('DATABASE_REPLICA_URL names no standby') : undefined;
      const reached = seen?.standby === true ? marks[(seen.mark ?? 0) - 1] : undefined;
      if (reached !== undefined) {
        asOfMs = reached.atMs;
        marks = marks.slice(marks.indexOf(reached));
      }
      if (row !== undefined) marks = [...marks, { atMs, lsn: row.lsn }].slice(-keptMarks);
    } catch (error) {
      failure = error;
    }
    if (keepsUp() === said || closed) return;
    said = keepsUp();
    if (said) log?.info({ schema }, 'the replica keeps up, and is read from');
    else log?.warn({ err: failure, schema, maxLagMs }, 'the replica is away or behind; the database is read instead');
  }
  const timer = setInterval(() => {
    looking ??= look().finally(() => (looking = undefined));
  }, lookEveryMs).unref();

  const counts = { reads: 0, fallbacks: 0 };
  const replica: Sql = {
    async query(text, values) {
      if (keepsUp()) {
        try {
          const rows = await standby.query<never>(text, values);
          counts.reads++;
          return rows;
        } catch (error) {
          if (!isTheReplicas(error)) throw error;
          asOfMs = -Infinity; // until it is looked at again
        }
      }
      counts.fallbacks++;
      return primary.query(text, values);
    },
  };
  return {
    ...primary,
    replica,
    engines: [
      ...primary.engines,
      {
        name: 'PostgreSQL replica',
        needed: false,
        async check() {
          if (failure !== undefined) throw failure;
          if (!keepsUp()) throw new Error(`more than ${maxLagMs} ms behind`);
        },
      },
    ],
    load: () => ({ ...primary.load(), replica: { ...counts, lagSeconds: Math.min(lagMs(), 3_600_000) / 1_000 } }),
    async close() {
      closed = true;
      clearInterval(timer);
      await looking;
      await Promise.all([standby.close(), primary.close()]);
    },
  };
}

// It is away, busy, or it canceled the statement for the sake of what it replays (40001): the primary may do better.
function isTheReplicas(error: unknown): boolean {
  return codeOf(error) === '40001' || (error instanceof Fault && error.kind === 'unavailable');
}
