import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { cassandraVariables } from './engine-config.ts';
import { kept } from './message-log.contract.ts';
import { newEntryId } from './message-log-id.ts';
import { type OpenMessageLogs, openMessageLogs } from './message-log-open.ts';
import { silentLog } from './telemetry/log.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('counters', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());

const open = (variables: Readonly<Record<string, string>>): Promise<OpenMessageLogs> =>
  openMessageLogs({ config: z.object(cassandraVariables).parse(variables), database, log: silentLog() });

const hello = () => ({ id: newEntryId('msg'), author: '', type: 'text', body: Buffer.from('hello') });

test('without Cassandra logs are kept in the service’s own database', async () => {
  const { logs, engines, close } = await open({});
  const entry = hello();
  await logs.of(kept).append('a', entry);
  expect(await logs.of(kept).newestFirst('a', { limit: 10 })).toMatchObject([{ id: entry.id }]);
  expect(engines).toEqual([]);
  await close();
});

test('logs open while their Cassandra is away: readiness says so, and what is asked is refused with when to come again', async () => {
  const { logs, engines, close } = await open({ CASSANDRA_HOSTS: '127.0.0.1:1' });
  const away = { kind: 'unavailable', reason: 'CASSANDRA_UNAVAILABLE', retryAfterMs: 1_000 };
  expect(engines.map(({ name, needed }) => [name, needed])).toEqual([['Cassandra', false]]);
  await expect(engines[0]?.check()).rejects.toMatchObject(away);
  await expect(logs.of(kept).append('a', hello())).rejects.toMatchObject(away);
  await expect(logs.of(kept).newestFirst('a', { limit: 10 })).rejects.toMatchObject(away);
  await close();
});
