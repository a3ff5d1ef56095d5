import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPool, type Database, withConnection } from './pool.postgres.ts';
import { withReplica } from './replica.postgres.ts';
import { openStandbyPair } from './testing/standby.ts';

let pair: Awaited<ReturnType<typeof openStandbyPair>>;
let database: Database;
beforeAll(async () => {
  pair = await openStandbyPair();
  await withConnection(pair.primary.url, (sql) => sql.run('CREATE SCHEMA shop; CREATE TABLE shop.fruit (name text)'));
  const options = { url: pair.primary.url, schema: 'shop', replica: { url: pair.standby.url, maxLagMs: 1_500 } };
  database = withReplica(openPool(options), options);
}, 120_000);
afterAll(async () => {
  await database.close();
  await pair.close();
});

/** Whether the next read is the standby's. */
async function byReplica(): Promise<boolean> {
  const [row] = await database.replica.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
  return row?.standby === true;
}

async function until(wanted: boolean): Promise<number> {
  const beganMs = performance.now();
  while ((await byReplica()) !== wanted) await sleep(20);
  return performance.now() - beganMs;
}

test('reads that may be seconds old go to the standby once it is known to keep up, and writes never do', async () => {
  await until(true);
  await database.query("INSERT INTO fruit VALUES ('fig')");
  expect(await database.query('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: false }]);
  const { replica } = database.load();
  expect(replica?.reads).toBeGreaterThan(0);
  expect(replica?.lagSeconds).toBeLessThan(1.5);
});

test('one that falls behind is not read from, however quiet it is, until it has caught up', async () => {
  await until(true);
  await withConnection(pair.standby.url, (sql) => sql.query('SELECT pg_wal_replay_pause()'));
  await database.query("INSERT INTO fruit VALUES ('plum')");
  expect(await until(false)).toBeLessThan(3_000); // the bound and two looks
  expect(await database.replica.query("SELECT 1 AS one FROM fruit WHERE name = 'plum'")).toHaveLength(1);
  const [, state] = database.engines;
  await expect(state?.check()).rejects.toThrow('behind');
  await withConnection(pair.standby.url, (sql) => sql.query('SELECT pg_wal_replay_resume()'));
  await until(true);
  await expect(state?.check()).resolves.toBeUndefined();
});

test('one that is killed costs no read, and is read from again when it is back', async () => {
  await until(true);
  const killed = pair.standby.kill();
  let over = false;
  void killed.finally(() => (over = true));
  while (!over) expect(await database.replica.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await killed;
  for (let each = 0; each < 50; each++) expect(await byReplica()).toBe(false);
  await pair.standby.start();
  expect(await until(true)).toBeLessThan(10_000);
});
