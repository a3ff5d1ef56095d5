import type { Logger } from 'pino';
import { handleAuditEntries } from './audit-entries.ts';
import { auditLog, openAudit } from './audit.ts';
import type { CassandraConfig } from './engine-config.ts';
import type { EngineState } from './engine.ts';
import { openMessageLogs } from './message-log-open.ts';
import type { Database } from './pool.postgres.ts';
import { auditing } from './rpc/auditing.ts';
import type { ServerHooks } from './rpc/hooks.ts';
import type { Handlers } from './service.ts';

export type AuditingOptions = {
  readonly service: string;
  readonly database: Database;
  /** Where the entries go; the database, unless it names Cassandra. */
  readonly config: CassandraConfig;
  readonly log: Logger;
  now(): Date;
};

/** What a service with a database gets from the platform so that its calls are audited. */
export type Auditing = {
  /** The same hooks, which also keep audited calls. */
  hooks(hooks: ServerHooks): ServerHooks;
  /** Shows operators what was kept. */
  readonly handlers: readonly Handlers[];
  /** The log's, which is not needed: calls wait in the database for it. */
  readonly engines: readonly EngineState[];
  /** To be closed after the server and before the database. */
  close(): Promise<void>;
};

/** Opens a service's audit: rows in its database, and the log that they go to. */
export async function openAuditing(options: AuditingOptions): Promise<Auditing> {
  const { service, database, log, now } = options;
  const { logs, engines, close } = await openMessageLogs(options);
  const entries = logs.of(auditLog);
  const audit = openAudit({ service, database, entries, log, now });
  return {
    hooks: (hooks) => auditing(hooks, audit),
    handlers: [handleAuditEntries({ service, entries })],
    engines,
    async close() {
      await audit.close();
      await close();
    },
  };
}
