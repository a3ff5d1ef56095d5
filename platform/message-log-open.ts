import type { Logger } from 'pino';
import type { CassandraConfig } from './engine-config.ts';
import { type EngineState, whenReachable } from './engine.ts';
import { Fault } from './fault.ts';
import type { MessageLogs } from './message-log.ts';
import { createPostgresMessageLogs } from './message-log.postgres.ts';
import type { Database } from './pool.postgres.ts';
import { startSweeping } from './sweeping.ts';

export type OpenMessageLogsOptions = {
  readonly config: CassandraConfig;
  /** Where they are kept without CASSANDRA_HOSTS. */
  readonly database: Database;
  readonly log: Logger;
  now?(): Date;
};

export type OpenMessageLogs = {
  readonly logs: MessageLogs;
  readonly engines: readonly EngineState[];
  close(): Promise<void>;
};

const sweepEveryMs = 60_000;

/**
 * Opens the logs where the configuration says: Cassandra with CASSANDRA_HOSTS, else the service's own database. Resolves also while
 * Cassandra is away; its tables are made when it is there.
 */
export async function openMessageLogs(options: OpenMessageLogsOptions): Promise<OpenMessageLogs> {
  const { config, database, log } = options;
  const now = () => options.now?.() ?? new Date();
  const { CASSANDRA_HOSTS } = config;
  if (CASSANDRA_HOSTS !== undefined) return openInCassandra({ ...config, CASSANDRA_HOSTS }, log, now);
  const logs = createPostgresMessageLogs(database, now);
  const sweeping = startSweeping({
    everyMs: sweepEveryMs,
    batch: 1_000,
    sweeps: [(limit) => logs.sweep(limit)],
    onError: (error) => log.warn({ err: error }, 'message logs could not be swept'),
  });
  return { logs, engines: [], close: () => sweeping.close() };
}

async function openInCassandra(
  config: CassandraConfig & { readonly CASSANDRA_HOSTS: string },
  log: Logger,
  now: () => Date,
): Promise<OpenMessageLogs> {
  const [{ openCassandra }, { migrateCassandra }, { createCassandraMessageLogs }] = await Promise.all([
    import('./connection.cassandra.ts'),
    import('./migrate.cassandra.ts'),
    import('./message-log.cassandra.ts'),
  ]);
  const cassandra = await openCassandra(config, log);
  const stopped = new AbortController();
  const { signal } = stopped;
  const migrateOnce = () => migrateCassandra({ cassandra, replication: config.CASSANDRA_REPLICATION, log, signal });
  let migrated: Promise<void> = Promise.resolve();
  try {
    await migrateOnce();
  } catch (error) {
    if (!(error instanceof Fault)) {
      await cassandra.close();
      throw error;
    }
    migrated = whenReachable(migrateOnce, { engine: 'Cassandra', log, signal }).catch((later: unknown) => {
      if (!signal.aborted) log.error({ err: later }, 'Cassandra’s tables could not be made');
    });
  }
  return {
    logs: createCassandraMessageLogs(cassandra, { now }),
    engines: [cassandra.state(false)],
    async close() {
      stopped.abort();
      await cassandra.close();
      await migrated;
    },
  };
}
