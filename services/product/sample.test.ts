import { expect, test } from '@jest/globals';
import { newId } from '#platform/ids.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { createPostgresImport } from './import-store.postgres.ts';
import { createPostgresSamples } from './sample-store.postgres.ts';
import { loadSampleCatalog } from './sample.ts';
import { migrations } from './store.postgres.ts';

const now = new Date('2026-05-01T10:00:00Z');

function load(database: TestDatabase, overrides = {}): Promise<number | undefined> {
  const [store, samples] = [createPostgresImport(database), createPostgresSamples(database)];
  return loadSampleCatalog({ store, samples, vendorId: 'usr_house', now, newId, ...overrides });
}

async function countOf(database: TestDatabase, table: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(`select count(*)::integer as count from ${table}`);
  return row?.count ?? Number.NaN;
}

test('an empty shop gets the catalog once, and what is deleted of it stays deleted', async () => {
  const database = await openTestDatabase('product', migrations);
  try {
    const made = await load(database);
    expect(made).toBeGreaterThanOrEqual(60);
    expect(await countOf(database, 'product')).toBe(made);
    expect(await countOf(database, 'variant')).toBeGreaterThan(200);
    await database.query('delete from product');
    expect(await load(database)).toBeUndefined();
    expect(await countOf(database, 'product')).toBe(0);
  } finally {
    await database.close();
  }
});

test('a load that broke off goes on at the next start', async () => {
  const database = await openTestDatabase('product', migrations);
  try {
    const store = createPostgresImport(database);
    const broken = { find: store.find, apply: () => Promise.reject(new Error('killed')) };
    await expect(load(database, { store: broken })).rejects.toThrow('killed');
    expect(await load(database)).toBeGreaterThanOrEqual(60);
  } finally {
    await database.close();
  }
});

test('a shop that has products gets no samples, ever', async () => {
  const database = await openTestDatabase('product', migrations);
  try {
    await database.query(`insert into product values ('prd_1', 'own', 'usr_v', null, 2, 1, now(), now(), '', '{}')`);
    expect(await load(database)).toBeUndefined();
    await database.query('delete from product');
    expect(await load(database)).toBeUndefined();
  } finally {
    await database.close();
  }
});
