import type { Registry } from 'prom-client';
import { register, type Value } from './metrics.ts';

/** How busy a service's pool of connections is. */
export type PoolLoad = {
  readonly connections: number;
  readonly idle: number;
  /** Who waits for a connection now. */
  readonly waiting: number;
  readonly most: number;
  /** Waits that were given up since the start. */
  readonly timedOut: number;
  readonly statements: StatementTimes;
  /** Reads by the replica, those that the database did in its place, and how far it is behind. */
  readonly replica?: { readonly reads: number; readonly fallbacks: number; readonly lagSeconds: number };
};

/** Statements by how long they took, waits for a connection included: one bucket for each bound, and one for what took longer. */
export type StatementTimes = { readonly buckets: Float64Array; readonly seconds: number };

/** Upper bounds in seconds: from a row by its key to the statement's time-out. */
export const statementSeconds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** Counts how long statements take, at the price of an array increment. */
export function createStatementTimes(): { took(ms: number): void; readonly seen: StatementTimes } {
  const seen = { buckets: new Float64Array(statementSeconds.length + 1), seconds: 0 };
  return {
    seen,
    took(ms) {
      const found = statementSeconds.findIndex((bound) => ms <= bound * 1_000);
      const bucket = found === -1 ? statementSeconds.length : found;
      seen.buckets[bucket] = (seen.buckets[bucket] ?? 0) + 1;
      seen.seconds += ms / 1_000;
    },
  };
}

/** Metrics of the services' databases. Returns how a service adds its own. */
export function createDatabaseMetrics(registry: Registry): (service: string, load: () => PoolLoad) => void {
  const loads = new Map<string, () => PoolLoad>();
  const each = (values: (load: PoolLoad, service: string) => readonly Value[]): Value[] =>
    [...loads].flatMap(([service, load]) => [...values(load(), service)]);

  register(
    registry,
    'database_connections',
    'Connections that a service holds, by whether they are at work.',
    'gauge',
    () =>
      each(({ connections, idle }, service) => [
        { labels: { service, state: 'busy' }, value: connections - idle },
        { labels: { service, state: 'idle' }, value: idle },
      ]),
  );
  register(registry, 'database_connections_most', 'The most connections that a service may hold.', 'gauge', () =>
    each(({ most }, service) => [{ labels: { service }, value: most }]),
  );
  register(registry, 'database_waiting', 'Statements that wait for a connection.', 'gauge', () =>
    each(({ waiting }, service) => [{ labels: { service }, value: waiting }]),
  );
  register(registry, 'database_wait_timeouts_total', 'Waits for a connection that were given up.', 'counter', () =>
    each(({ timedOut }, service) => [{ labels: { service }, value: timedOut }]),
  );
  register(
    registry,
    'database_statement_seconds',
    'How long statements took, waits for a connection included.',
    'histogram',
    () => each(({ statements }, service) => histogram('database_statement_seconds', service, statements)),
  );
  register(registry, 'database_replica_reads_total', 'Reads that a replica may do, by who did them.', 'counter', () =>
    each(({ replica }, service) =>
      replica === undefined
        ? []
        : [
            { labels: { service, by: 'replica' }, value: replica.reads },
            { labels: { service, by: 'primary' }, value: replica.fallbacks },
          ],
    ),
  );
  register(registry, 'database_replica_lag_seconds', 'How far the replica is behind, at most.', 'gauge', () =>
    each(({ replica }, service) => (replica === undefined ? [] : [{ labels: { service }, value: replica.lagSeconds }])),
  );
  return (service, load) => void loads.set(service, load);
}

function histogram(name: string, service: string, { buckets, seconds }: StatementTimes): Value[] {
  let count = 0;
  const values = [...buckets].map((value, index): Value => {
    count += value;
    const le = statementSeconds[index] ?? '+Inf';
    return { labels: { service, le }, value: count, metricName: `${name}_bucket` };
  });
  return [
    ...values,
    { labels: { service }, value: seconds, metricName: `${name}_sum` },
    { labels: { service }, value: count, metricName: `${name}_count` },
  ];
}
