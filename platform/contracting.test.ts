import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { openDatabase, type Database } from './database.postgres.ts';
import { migrate } from './migrate.postgres.ts';
import { createTestDatabase } from './testing/database.ts';

/*
 * A column is replaced while a shop runs: people are kept by one name, then by two. Version 1 knows the one, version 2 writes both and
 * reads either, version 3 knows the two. Each runs beside the one before.
 */
const migrations = {
  '0001_people.sql': 'CREATE TABLE person (id text PRIMARY KEY, name text NOT NULL);',
  '0002_two_names.sql': `
    ALTER TABLE person ADD COLUMN given_name text, ADD COLUMN family_name text, ALTER COLUMN name DROP NOT NULL;`,
  '0003_two_names_alone.sql': `-- contract
    UPDATE person SET given_name = split_part(name, ' ', 1), family_name = split_part(name, ' ', 2) WHERE given_name IS NULL;
    ALTER TABLE person DROP COLUMN name, ALTER COLUMN given_name SET NOT NULL, ALTER COLUMN family_name SET NOT NULL;`,
};

type Person = { readonly id: string; readonly given: string; readonly family: string };

/** What a version of the service makes of the table. */
type Version = {
  readonly files: number;
  add(database: Database, person: Person): Promise<unknown>;
  read(database: Database, id: string): Promise<string | undefined>;
};

const nameBy = (column: string) => async (database: Database, id: string) => {
  const [row] = await database.query<{ name: string }>(`SELECT ${column} AS name FROM person WHERE id = $1`, [id]);
  return row?.name;
};

const versions: readonly [Version, Version, Version] = [
  {
    files: 1,
    add: (database, { id, given, family }) =>
      database.query('INSERT INTO person (id, name) VALUES ($1, $2)', [id, `${given} ${family}`]),
    read: nameBy('name'),
  },
  {
    files: 2,
    add: (database, { id, given, family }) =>
      database.query('INSERT INTO person (id, name, given_name, family_name) VALUES ($1, $2, $3, $4)', [
        id,
        `${given} ${family}`,
        given,
        family,
      ]),
    read: nameBy(`coalesce(given_name || ' ' || family_name, name)`),
  },
  {
    files: 3,
    // Beside version 2, whose readers take either.
    add: (database, { id, given, family }) =>
      database.query('INSERT INTO person (id, given_name, family_name) VALUES ($1, $2, $3)', [id, given, family]),
    read: async (database, id) => {
      const [row] = await database.query<{ person: Record<string, string | null> }>(
        'SELECT to_jsonb(person) AS person FROM person WHERE id = $1',
        [id],
      );
      const { given_name: given, family_name: family, name } = row?.person ?? {};
      return typeof given === 'string' ? `${given} ${family}` : (name ?? undefined);
    },
  },
];

let folder: string;
let database: { readonly url: string; close(): Promise<void> };
const open = new Set<Database>();
const log = pino({ level: 'silent' });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u-versions-'));
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const each of open) await each.close();
  open.clear();
  await database.close();
  await rm(folder, { recursive: true });
});

// A version is its code and the migrations that it brings along.
async function startVersion({ files, ...code }: Version) {
  const own = await mkdtemp(join(folder, 'version-'));
  for (const [file, text] of Object.entries(migrations).slice(0, files)) await writeFile(join(own, file), text);
  const options = { url: database.url, schema: 'people', migrations: pathToFileURL(own), log, connections: 2 };
  const data = await openDatabase(options);
  open.add(data);
  return {
    add: (person: Person) => code.add(data, person),
    read: (id: string) => code.read(data, id),
    /** What a process does at its start, and every ten minutes. Answers whether nothing waits. */
    contract: () => migrate(options),
    async end() {
      open.delete(data);
      await data.close();
    },
  };
}

const asha = (id: string): Person => ({ id, given: 'Asha', family: 'Rao' });

/** Both write and read what the other wrote. */
async function workSideBySide(
  names: readonly string[],
  ...running: readonly Awaited<ReturnType<typeof startVersion>>[]
) {
  await Promise.all(running.flatMap((version, place) => names.map((name) => version.add(asha(`${name} of ${place}`)))));
  for (const reader of running) {
    for (const place of running.keys()) {
      const read = await Promise.all(names.map((name) => reader.read(`${name} of ${place}`)));
      expect(read).toEqual(names.map(() => 'Asha Rao'));
    }
  }
}

test('each version runs beside the one before while a column is replaced, and nobody misses a row', async () => {
  const [one, two, three] = versions;
  const first = await startVersion(one);
  await first.add(asha('from the beginning'));
  const second = await startVersion(two);
  await workSideBySide(['a', 'b', 'c'], first, second);
  expect(await second.read('from the beginning')).toBe('Asha Rao');
  await first.end();

  const third = await startVersion(three);
  await workSideBySide(['d', 'e', 'f'], second, third);
  await second.end();
  expect(await third.contract()).toBe(true);
  for (const id of ['from the beginning', 'a of 0', 'b of 1', 'c of 0', 'd of 0', 'e of 1'])
    expect(await third.read(id)).toBe('Asha Rao');
});

test('what an older version still reads is not taken away while a process of it is connected', async () => {
  const [one, , three] = versions;
  const old = await startVersion(one);
  const young = await startVersion(three);
  expect(await young.contract()).toBe(false);
  await old.add(asha('meanwhile'));
  expect(await old.read('meanwhile')).toBe('Asha Rao');
  await old.end();
  expect(await young.contract()).toBe(true);
  expect(await young.read('meanwhile')).toBe('Asha Rao');
});

test('a version that needs what was taken away is refused, and says so', async () => {
  const [one, two, three] = versions;
  await startVersion(three);
  await expect(startVersion(one)).rejects.toThrow(/up to migration 1, and 0003_two_names_alone.sql has taken away/);
  await expect(startVersion(two)).rejects.toThrow(/up to migration 2/);
});
