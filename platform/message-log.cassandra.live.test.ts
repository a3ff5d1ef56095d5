import { randomBytes } from 'node:crypto';
import { afterAll, expect, test } from '@jest/globals';
import { openCassandra, type CassandraConnection } from './connection.cassandra.ts';
import { messageLogContract, kept } from './message-log.contract.ts';
import { createCassandraMessageLogs } from './message-log.cassandra.ts';
import { newEntryId } from './message-log-id.ts';
import { migrateCassandra } from './migrate.cassandra.ts';
import { silentLog } from './telemetry/log.ts';
import { testCassandraSettings } from './testing/cassandra.ts';

const log = silentLog();
const opened: CassandraConnection[] = [];
afterAll(() => Promise.all(opened.map((cassandra) => dropKeyspace(cassandra))));

async function newKeyspace(): Promise<CassandraConnection> {
  const settings = testCassandraSettings(`test_${randomBytes(6).toString('hex')}`);
  const cassandra = await openCassandra(settings, log);
  opened.push(cassandra);
  await migrateCassandra({ cassandra, replication: settings.CASSANDRA_REPLICATION, log });
  return cassandra;
}

async function dropKeyspace(cassandra: CassandraConnection): Promise<void> {
  try {
    await cassandra.askOnce(`DROP KEYSPACE IF EXISTS ${cassandra.keyspace}`);
  } finally {
    await cassandra.close();
  }
}

messageLogContract(async () => {
  // Spans are full after 60 entries: busy threads reach all levels.
  const cassandra = await newKeyspace();
  return { logs: createCassandraMessageLogs(cassandra, { room: 60 }), close: async () => undefined };
});

test('no partition grows far beyond its room, whatever is added to the thread in one hour', async () => {
  const cassandra = await newKeyspace();
  const writers = [1, 2, 3].map(() => createCassandraMessageLogs(cassandra, { room: 300 }).of(kept));
  const start = Math.floor(Date.now() / 3_600_000 - 2) * 3_600_000;
  let index = 0;
  await Promise.all(
    writers.map(async (writer) => {
      for (; index < 4_000; index++) {
        const id = newEntryId('msg', start + index * 900);
        await writer.append('busy', { id, author: '', type: 'text', body: Buffer.from('x') });
      }
    }),
  );
  const { rows } = await cassandra.askOnce(
    `SELECT level, slot, count(*) AS count FROM ${cassandra.keyspace}.entry_kept GROUP BY log, thread, level, slot`,
  );
  expect(rows.map((row) => Number(row['level'])).toSorted()).toEqual(expect.arrayContaining([0, 1, 2]));
  expect(Math.max(...rows.map((row) => Number(row['count'])))).toBeLessThan(450);
});
