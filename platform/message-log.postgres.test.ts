import { afterAll, expect, test } from '@jest/globals';
import { expiring, kept, messageLogContract } from './message-log.contract.ts';
import { newEntryId } from './message-log-id.ts';
import { createPostgresMessageLogs } from './message-log.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

const databases: TestDatabase[] = [];
afterAll(() => Promise.all(databases.map((database) => database.close())));

async function newDatabase(): Promise<TestDatabase> {
  const database = await openTestDatabase('counters', new URL('./testing/migrations/', import.meta.url));
  databases.push(database);
  return database;
}

messageLogContract(async () => {
  const database = await newDatabase();
  return { logs: createPostgresMessageLogs(database), close: () => database.close() };
});

test('sweeping clears what has expired or was erased, a bounded number at a time', async () => {
  const database = await newDatabase();
  let now = new Date();
  const logs = createPostgresMessageLogs(database, () => now);
  const [chat, feed] = [logs.of(kept), logs.of(expiring)];
  const entry = (prefix: string) => ({ id: newEntryId(prefix), author: '', type: 'text', body: Buffer.from('x') });
  const removed = entry('msg');
  for (let count = 0; count < 5; count++) await feed.append('a', entry('ntf'));
  await chat.append('a', removed);
  await chat.append('a', entry('msg'));
  await chat.append('b', entry('msg'));
  await chat.remove('a', removed.id);
  await chat.removeThread('b');
  await chat.append('b', entry('msg')); // on its way when the thread was erased
  const rows = async () => (await database.query('SELECT 1 FROM message_log')).length;
  expect(await logs.sweep(100)).toBe(0);
  expect(await rows()).toBe(8);
  now = new Date(now.getTime() + 31 * 86_400_000);
  expect(await logs.sweep(2)).toBe(2);
  expect(await logs.sweep(100)).toBe(4);
  expect(await logs.sweep(100)).toBe(0);
  expect(await rows()).toBe(1);
  expect((await database.query('SELECT 1 FROM message_log_erased')).length).toBe(0);
});
