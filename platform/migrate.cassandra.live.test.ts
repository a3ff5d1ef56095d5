import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, expect, test } from '@jest/globals';
import { openCassandra, type CassandraConnection, type CassandraSettings } from './connection.cassandra.ts';
import { examineCassandra } from './examination.cassandra.ts';
import { migrateCassandra } from './migrate.cassandra.ts';
import { silentLog } from './telemetry/log.ts';
import { testCassandraSettings } from './testing/cassandra.ts';
import { createTestAuthority } from './testing/rpc.ts';

const log = silentLog();
const opened: CassandraConnection[] = [];
const settings = testCassandraSettings(`test_${randomBytes(6).toString('hex')}`);
afterAll(async () => {
  await opened[0]?.askOnce(`DROP KEYSPACE IF EXISTS ${settings.CASSANDRA_KEYSPACE}`);
  await Promise.all(opened.map((cassandra) => cassandra.close()));
});

async function open(more: Partial<CassandraSettings> = {}): Promise<CassandraConnection> {
  const cassandra = await openCassandra({ ...settings, ...more }, log);
  opened.push(cassandra);
  return cassandra;
}

const refusal = (more: Partial<CassandraSettings>) => open(more).then(() => 'nothing', String);

test('eight processes that migrate at once leave one schema, and each migration ran once', async () => {
  const children = Array.from({ length: 8 }, () =>
    fork(new URL('./testing/migrate-cassandra.ts', import.meta.url), [JSON.stringify(settings)], { stdio: 'pipe' }),
  );
  let said = '';
  for (const { stdout, stderr } of children)
    for (const out of [stdout, stderr]) out?.on('data', (text: Buffer) => (said += text.toString()));
  const codes = await Promise.all(children.map(async (child) => ((await once(child, 'exit')) as unknown[])[0]));
  expect(codes.every((code) => code === 0) ? '' : said).toBe('');
  expect(said.match(/migrated/g)).toHaveLength(1);
  const cassandra = await open();
  const tables = await cassandra.askOnce('SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?', [
    settings.CASSANDRA_KEYSPACE,
  ]);
  expect(tables.rows.map((row) => String(row['table_name'])).toSorted()).toEqual([
    'entry_expiring',
    'entry_kept',
    'migration',
    'migration_lock',
    'span',
  ]);
  await cassandra.askOnce(
    `INSERT INTO ${cassandra.keyspace}.span (log, thread, level, slot, child) VALUES ('a', 'b', 0, 1, 2)`,
  );
  expect((await cassandra.askOnce(`SELECT child FROM ${cassandra.keyspace}.span`)).rows).toHaveLength(1);
  await migrateCassandra({ cassandra, replication: undefined, log });
});

test('a migration that has changed since it ran is refused, by name', async () => {
  const cassandra = await open();
  await cassandra.askOnce(
    `UPDATE ${cassandra.keyspace}.migration SET checksum = 'another' WHERE name = 'schema' AND number = '1'`,
  );
  await expect(migrateCassandra({ cassandra, replication: undefined, log })).rejects.toThrow(
    '0001_entries.cql has changed',
  );
});

test('what no waiting helps is refused at the start, in one line that says what to correct', async () => {
  const stranger = (await createTestAuthority('other').issue('other')).ca;
  expect(await refusal({ CASSANDRA_PASSWORD: 'wrong' })).toContain(
    'user or password is wrong. Correct CASSANDRA_USERNAME',
  );
  expect(await refusal({ CASSANDRA_USERNAME: '' })).toContain('user or password is wrong');
  expect(await refusal({ CASSANDRA_DATACENTER: 'moon' })).toContain(
    'no data center moon. Correct CASSANDRA_DATACENTER',
  );
  expect(await refusal({ CASSANDRA_CA: stranger })).toContain(
    'from an authority that is not in the CA file. Correct CASSANDRA_CA',
  );
  expect(await refusal({ CASSANDRA_CA: undefined })).toContain('it speaks TLS there, not plain text');
  expect(await refusal({ CASSANDRA_CA: undefined, CASSANDRA_TLS: 'on' })).toContain('not in the CA file');
});

test('a service starts while Cassandra is away, and is told so at once', async () => {
  const cassandra = await open({ CASSANDRA_HOSTS: '127.0.0.1:1' });
  await expect(cassandra.ask('SELECT release_version FROM system.local')).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'CASSANDRA_UNAVAILABLE',
    retryAfterMs: 1_000,
  });
  await expect(cassandra.state(true).check()).rejects.toThrow('try again');
});

test('the doctor says what is well', async () => {
  const findings: Record<string, string> = {};
  for await (const { about, verdict } of examineCassandra(settings)) findings[about] = verdict;
  expect(findings).toMatchObject({ reachable: 'good', version: 'good', tls: 'good', rights: 'good', clock: 'good' });
});
