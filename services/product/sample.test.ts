import { expect, test } from '@jest/globals';
import { newId } from '#platform/ids.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { importProducts } from './import.ts';
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
    expect(await countOf(database, 'product where category_id is null')).toBe(0);
    expect(await countOf(database, 'category')).toBe(26);
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
    expect(await countOf(database, 'category')).toBe(26);
  } finally {
    await database.close();
  }
});

test('a shop that has products gets no samples, ever', async () => {
  const database = await openTestDatabase('product', migrations);
  try {
    const options = { mayHoldOthers: false, requestId: 'r', actor: 'usr_v', currency: 'INR', dryRun: false };
    const { signal } = new AbortController();
    const file = async function* () {
      yield Buffer.from('Handle,Title,Variant Price\nown,Own,1\n');
    };
    const store = createPostgresImport(database);
    await importProducts(file, { ...options, store, vendorId: 'usr_v', cleanHtml: String, now, newId, signal });
    expect(await load(database)).toBeUndefined();
    await database.query('delete from product');
    expect(await load(database)).toBeUndefined();
  } finally {
    await database.close();
  }
});
