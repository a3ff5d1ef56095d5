import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { fromBinary } from '@bufbuild/protobuf';
import { Code } from '#gen/google/rpc/code_pb.ts';
import { type AuditEntry, AuditEntrySchema } from '#gen/only2u/operation/v1/audit_pb.ts';
import { auditLog, openAudit } from './audit.ts';
import { engineAway } from './engine.ts';
import type { MessageLog } from './message-log.ts';
import { createPostgresMessageLogs } from './message-log.postgres.ts';
import type { AuditedCall } from './rpc/auditing.ts';
import { silentLog } from './telemetry/log.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

let database: TestDatabase;
let entries: MessageLog;
let isAway: boolean;
let now: Date;

beforeEach(async () => {
  isAway = false;
  now = new Date('2026-03-01T12:00:00Z');
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
  entries = createPostgresMessageLogs(database, () => now).of(auditLog);
});
afterEach(() => database.close());

/** A process of the service, whose way to the log may be cut. */
function open() {
  const cut = (thread: string, entry: Parameters<MessageLog['append']>[1]) =>
    isAway ? Promise.reject(engineAway('Cassandra', undefined)) : entries.append(thread, entry);
  const log = silentLog();
  return openAudit({ service: 'sample', database, entries: { ...entries, append: cut }, log, now: () => now });
}

function call(requestId: string): AuditedCall {
  return { method: 'a.B/Do', caller: 'operator', userId: '', requestId, traceId: '', timeoutMs: 5_000 };
}

async function shown(): Promise<AuditEntry[]> {
  const found = await entries.newestFirst('sample', { limit: 200 });
  return found.map(({ body }) => fromBinary(AuditEntrySchema, body));
}

/** Waits until the calls of these requests are shown, the last first. */
async function showing(...requestIds: readonly string[]): Promise<void> {
  const want = JSON.stringify(requestIds);
  while (JSON.stringify((await shown()).map(({ requestId }) => requestId)) !== want) await new Promise(setImmediate);
}

test('while the log is away calls go on, and are in it once it is back', async () => {
  const audit = open();
  isAway = true;
  for (const id of ['first', 'second']) {
    (await audit.begin(call(id)))(Code.OK);
    now = new Date(now.getTime() + 1_000);
  }
  while ((await database.query('SELECT 1 FROM audit_call WHERE ended')).length < 2) await new Promise(setImmediate);
  expect(await shown()).toEqual([]);
  isAway = false;
  (await audit.begin(call('third')))(Code.ABORTED);
  await showing('third', 'second', 'first');
  await audit.close();
  expect(await database.query('SELECT 1 FROM audit_call')).toEqual([]);
});

test('a call whose process was killed is handed over without an end, and a later end changes nothing', async () => {
  const audit = open();
  const end = await audit.begin(call('killed'));
  const other = open();
  now = new Date(now.getTime() + 1_000);
  (await other.begin(call('while it may still run')))(Code.OK);
  await showing('while it may still run');
  now = new Date(now.getTime() + 6 * 60_000);
  (await other.begin(call('later')))(Code.OK);
  await showing('later', 'while it may still run', 'killed');
  const killed = (await shown()).find(({ requestId }) => requestId === 'killed');
  expect(killed).toMatchObject({ method: 'a.B/Do', caller: 'operator' });
  expect([killed?.code, killed?.endTime]).toEqual([undefined, undefined]);
  end(Code.OK);
  await audit.close();
  await other.close();
  expect((await shown()).find(({ requestId }) => requestId === 'killed')).toEqual(killed);
});

test('what ended last is handed over before the process ends', async () => {
  const audit = open();
  (await audit.begin(call('closing')))(Code.OK);
  await audit.close();
  await showing('closing');
});

test('an entry that was added already is not there twice', async () => {
  const audit = open();
  (await audit.begin(call('once')))(Code.OK);
  await showing('once');
  const [entry] = await entries.newestFirst('sample', { limit: 1 });
  while ((await database.query('SELECT 1 FROM audit_call')).length > 0) await new Promise(setImmediate);
  await database.query(
    `INSERT INTO audit_call (id, method, caller, user_id, request_id, trace_id, begin_time, lapse_time, ended, code)
     VALUES ($1, 'a.B/Do', 'operator', '', 'once', '', $2, $2, true, 0)`,
    [entry?.id, now],
  ); // as a process leaves it that is killed between adding and forgetting
  (await audit.begin(call('next')))(Code.OK);
  await audit.close();
  expect((await shown()).map(({ requestId }) => requestId).sort()).toEqual(['next', 'once']);
});

test('a call from before the clock was set back waits for its time, and others don’t', async () => {
  const audit = open();
  now = new Date(now.getTime() + 3_600_000);
  isAway = true;
  (await audit.begin(call('ahead')))(Code.OK);
  while ((await database.query('SELECT 1 FROM audit_call WHERE ended')).length < 1) await new Promise(setImmediate);
  isAway = false;
  now = new Date(now.getTime() - 3_600_000);
  (await audit.begin(call('after')))(Code.OK);
  await showing('after');
  now = new Date(now.getTime() + 3_600_000 + 1);
  (await audit.begin(call('again')))(Code.OK);
  await showing('again', 'ahead', 'after');
  await audit.close();
});
