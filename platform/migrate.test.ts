import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { migrate } from './migrate.postgres.ts';
import { withConnection } from './pool.postgres.ts';
import { createTestDatabase } from './testing/database.ts';

let folder: string;
let database: { readonly url: string; close(): Promise<void> };
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u migrations '));
  database = await createTestDatabase();
  await write('0001_fruit.sql', "CREATE TABLE fruit (name text);\nINSERT INTO fruit VALUES ('fig');");
});
afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

const write = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text);
const run = (): Promise<boolean> => migrate({ url: database.url, schema: 'shop', migrations: pathToFileURL(folder) });
const fruit = (): Promise<object[]> => withConnection(database.url, (sql) => sql.query('SELECT name FROM shop.fruit'));

test('eight processes at once run each migration once, in a schema that they make', async () => {
  await Promise.all(Array.from({ length: 8 }, run));
  expect(await fruit()).toEqual([{ name: 'fig' }]);
  await write('0002_more.sql', "INSERT INTO fruit VALUES ('plum')");
  await run();
  await run();
  expect(await fruit()).toEqual([{ name: 'fig' }, { name: 'plum' }]);
});

test('a migration that changed since it ran is refused by its name', async () => {
  await run();
  await write('0001_fruit.sql', 'CREATE TABLE fruit (name citext);');
  await expect(run()).rejects.toThrow(/0001_fruit\.sql .*has changed since it ran/);
});

test('line ends are no change', async () => {
  await run();
  await write('0001_fruit.sql', "CREATE TABLE fruit (name text);\r\nINSERT INTO fruit VALUES ('fig');");
  await run();
});

test('a migration that fails leaves nothing of itself, and says its file and line', async () => {
  await write('0002_bad.sql', "INSERT INTO fruit VALUES ('plum');\nINSERT INTO vegetables VALUES ('leek');");
  await expect(run()).rejects.toThrow(/0002_bad\.sql of schema shop failed in line 2: .*vegetables/);
  expect(await fruit()).toEqual([{ name: 'fig' }]);
  await write('0002_bad.sql', "INSERT INTO fruit VALUES ('plum')");
  await run();
  expect(await fruit()).toHaveLength(2);
});

test('a gap, a repeat and a name without a number are refused', async () => {
  for (const file of ['0003_gap.sql', '0001_repeat.sql', 'plain.sql']) {
    await write(file, 'SELECT 1');
    await expect(run()).rejects.toThrow('numbered without gaps');
    await rm(join(folder, file));
  }
});

test('a database ahead of the code is left as it is', async () => {
  await write('0002_more.sql', "INSERT INTO fruit VALUES ('plum')");
  await run();
  await rm(join(folder, '0002_more.sql'));
  await run();
  expect(await fruit()).toHaveLength(2);
});

test('a database that does not let us in is told in one line that says what to correct, without its password', async () => {
  const refusals: readonly [change: (url: URL) => void, text: string][] = [
    [(url) => (url.password = 'secret-guess'), 'user or password is wrong. Correct DATABASE_URL.'],
    [(url) => (url.pathname = 'gone'), 'there is no such database. Correct DATABASE_URL.'],
  ];
  for (const [change, text] of refusals) {
    const url = new URL(database.url);
    change(url);
    const error = await at(url.href).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: 'StartError',
      message: `PostgreSQL (schema shop) refuses us: ${text}`,
    });
    expect(String(error)).not.toContain('secret-guess');
  }
});

test('a database that is not there is away: whoever opens it may wait', async () => {
  await expect(at('postgres://shop:secret-guess@127.0.0.1:1/shop')).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'DATABASE_UNAVAILABLE',
  });
});

function at(url: string): Promise<boolean> {
  return migrate({ url, schema: 'shop', migrations: pathToFileURL(folder) });
}
