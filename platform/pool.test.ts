import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { brokenUnique, openPool, withConnection } from './pool.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';
import { afterCommit } from './transaction.postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());

test('values come back exact: 64-bit numbers as bigint, times as Date, days as text, nothing rounded', async () => {
  const [row] = await database.query(
    `SELECT 9007199254740993::int8 AS big, ARRAY[1, NULL]::int8[] AS list, '2026-01-01T00:00:00Z'::timestamptz AS time,
            '2026-02-30'::text AS text, DATE '2026-02-28' AS day, 0.1::numeric AS exact`,
  );
  expect(row).toEqual({
    big: 9007199254740993n,
    list: [1n, null],
    time: new Date('2026-01-01T00:00:00Z'),
    text: '2026-02-30',
    day: '2026-02-28',
    exact: '0.1',
  });
});

test('values go in as they are', async () => {
  const values = [9007199254740993n, new Date('2026-01-01T00:00:00Z'), ['a', "b'c"], new Uint8Array([1, 2])];
  const [row] = await database.query(
    'SELECT $1::int8 AS a, $2::timestamptz AS b, $3::text[] AS c, $4::bytea AS d',
    values,
  );
  expect(row).toEqual({ a: values[0], b: values[1], c: values[2], d: Buffer.from([1, 2]) });
});

test('a statement whose answer a migration has changed is prepared anew, alone and in a transaction', async () => {
  const change = (type: string) => database.query(`ALTER TABLE altered ALTER COLUMN value TYPE ${type}`);
  const read = 'SELECT value FROM altered';
  await database.query('CREATE TABLE altered AS SELECT 1::int4 AS value');
  await Promise.all([database.query(read), database.query(read)]); // on two connections
  await change('float8');
  expect(await Promise.all([database.query(read), database.query(read)])).toEqual([[{ value: 1 }], [{ value: 1 }]]);
  await change('text');
  expect(await database.transaction((tx) => tx.query(read))).toEqual([{ value: '1' }]);
});

test('a transaction that throws leaves nothing', async () => {
  const failing = database.transaction(async (tx) => {
    await tx.query("INSERT INTO counters (name) VALUES ('gone')");
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await database.query("SELECT 1 FROM counters WHERE name = 'gone'")).toEqual([]);
});

test('transactions that lose against each other run again until all have won', async () => {
  await database.query("INSERT INTO counters (name) VALUES ('contested')");
  const count = (): Promise<void> =>
    database.transaction(
      async (tx) => {
        const [row] = await tx.query<{ value: bigint }>("SELECT value FROM counters WHERE name = 'contested'");
        await tx.query("UPDATE counters SET value = $1 WHERE name = 'contested'", [(row?.value ?? 0n) + 1n]);
      },
      { isolation: 'serializable' },
    );
  await Promise.all([count(), count(), count()]);
  expect(await database.query("SELECT value FROM counters WHERE name = 'contested'")).toEqual([{ value: 3n }]);
});

test('one that keeps losing is refused as aborted, with a word on when to come back', async () => {
  let runs = 0;
  const losing = database.transaction(async (tx) => {
    runs++;
    await tx.query("DO $$ BEGIN RAISE 'lost' USING ERRCODE = '40001'; END $$");
  });
  await expect(losing).rejects.toMatchObject({ kind: 'aborted', reason: 'CONCURRENT_CHANGE', retryAfterMs: 100 });
  expect(runs).toBe(5);
});

test('a broken unique constraint is told by its name', async () => {
  await database.query("INSERT INTO counters (name) VALUES ('twice')");
  const error = await database.query("INSERT INTO counters (name) VALUES ('twice')").catch((thrown: unknown) => thrown);
  expect(brokenUnique(error)).toBe('counters_pkey');
  expect(brokenUnique(new Error('another'))).toBeUndefined();
});

test('a statement that takes too long is refused as unavailable', async () => {
  const hasty = openPool({ url: database.url, schema: 'sample', statementTimeoutMs: 50 });
  await expect(hasty.query('SELECT pg_sleep(60)')).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'DATABASE_SLOW',
  });
  await hasty.close();
});

test('a database that is not there is unavailable, and its address stays untold', async () => {
  const url = 'postgres://somebody:secret@127.0.0.1:1/nothing';
  const pool = openPool({ url, schema: 'sample' });
  const error = await pool.query('SELECT 1').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: 'unavailable', reason: 'DATABASE_UNAVAILABLE' });
  expect(String(error)).not.toMatch(/127|secret/);
  await expect(pool.transaction(() => Promise.resolve())).rejects.toMatchObject({ reason: 'DATABASE_UNAVAILABLE' });
  await pool.close();
});

test('a pool whose connections were cut goes on with new ones', async () => {
  await withConnection(database.url, (sql) =>
    sql.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    ),
  );
  const again = (): Promise<object[]> => database.query('SELECT 1 AS one');
  expect(await again().catch(again)).toEqual([{ one: 1 }]);
});

test('who listens hears each notification, and is told when some may have been lost', async () => {
  const heard: string[] = [];
  let wake: () => void = () => undefined;
  const until = async (text: string): Promise<void> => {
    while (!heard.includes(text)) await new Promise<void>((resolve) => (wake = resolve));
  };
  const stop = await database.listen('news', (payload) => {
    heard.push(payload);
    wake();
  });
  await database.query("SELECT pg_notify('news', 'first')");
  await until('first');
  await withConnection(database.url, (sql) =>
    sql.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`,
    ),
  );
  await until('');
  await database.query("SELECT pg_notify('news', 'second')");
  await until('second');
  await stop();
  expect(heard).toEqual(['first', '', 'second']);
});

test('what waits for a commit hears of it once, and of no rollback', async () => {
  let heard = 0;
  const forget = database.onCommit('done', () => heard++);
  await database.transaction((tx) => {
    afterCommit(tx, 'done');
    afterCommit(tx, 'done');
    return Promise.resolve();
  });
  await database
    .transaction((tx) => {
      afterCommit(tx, 'done');
      return Promise.reject(new Error('no'));
    })
    .catch(() => undefined);
  expect(heard).toBe(1);
  forget();
});

test('a schema can’t be named so that it would read as SQL', () => {
  expect(() => openPool({ url: database.url, schema: 'a"; DROP' })).toThrow('name of a schema');
});
