import { expect, test } from '@jest/globals';
import { createClient, createRouterTransport } from '@connectrpc/connect';
import { AuditService } from '#gen/only2u/operation/v1/audit_pb.ts';
import { openAuditing } from './audit-open.ts';
import { openCassandra } from './connection.cassandra.ts';
import { newId } from './ids.ts';
import type { AuditedCall } from './rpc/auditing.ts';
import { auditLog, openAudit } from './audit.ts';
import { openMessageLogs } from './message-log-open.ts';
import { silentLog } from './telemetry/log.ts';
import { testCassandraSettings } from './testing/cassandra.ts';
import { openTestDatabase } from './testing/database.ts';

test('calls go to Cassandra and are listed from there, page by page', async () => {
  const keyspace = newId('audit').toLowerCase().slice(0, 30);
  const config = testCassandraSettings(keyspace);
  const database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
  const options = { service: 'sample', database, config, log: silentLog(), now: () => new Date() };
  const { logs, close } = await openMessageLogs(options);
  const auditing = await openAuditing(options);
  const [engine] = auditing.engines;
  expect(engine).toMatchObject({ name: 'Cassandra', needed: false });
  await engine?.check();

  const audit = openAudit({ ...options, entries: logs.of(auditLog) });
  const call = (requestId: string): AuditedCall => ({
    ...{ method: 'a.B/Do', caller: 'operator', userId: '', traceId: '' },
    ...{ requestId, timeoutMs: 1_000 },
  });
  for (let count = 0; count < 7; count++) (await audit.begin(call(String(count))))(0);
  await audit.close();
  expect(await database.query('SELECT 1 FROM audit_call')).toEqual([]);

  const transport = createRouterTransport(({ service }) => {
    for (const { contract, implementation } of auditing.handlers) service(contract, implementation);
  });
  const client = createClient(AuditService, transport);
  const seen: string[] = [];
  for (let pageToken = '', pages = 0; pages === 0 || pageToken !== ''; pages++) {
    const page = await client.listAuditEntries({ pageSize: 3, pageToken });
    seen.push(...page.auditEntries.map(({ requestId }) => requestId));
    pageToken = page.nextPageToken;
  }
  expect([...seen].sort()).toEqual(['0', '1', '2', '3', '4', '5', '6']);

  await auditing.close();
  await close();
  const cassandra = await openCassandra(config, silentLog());
  await cassandra.askOnce(`DROP KEYSPACE ${keyspace}`);
  await cassandra.close();
  await database.close();
});
