import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { createPostgresImport } from './import-store.postgres.ts';
import { counts, importing } from './import.samples.ts';
import type { ImportOptions } from './import.ts';
import { findProduct } from './product-rows.postgres.ts';
import { migrations } from './store.postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('product', migrations);
});
const { empty, importText, product, onHand } = importing(() => database);
beforeEach(empty);
afterAll(() => database.close());

async function sell(handle: string, pieces: number): Promise<void> {
  await database.query(
    `update stock set on_hand = on_hand - $2 where variant_id in (
       select v.id from variant v join product p on p.id = v.product_id where p.handle = $1)`,
    [handle, pieces],
  );
}

const header =
  'Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Inventory Tracker,Variant Inventory Qty\n';
const shirt = 'shirt,Shirt,Size,S,499,shopify,10\nshirt,,,M,499,shopify,5\n';
const mug = 'mug,Mug,Title,Default Title,199,shopify,3\n';

test('products are made with their variants and stock, owned by the vendor', async () => {
  const result = await importText(header + shirt + mug);
  expect(counts(result)).toEqual([2, 0, 0, 0]);
  expect(result).toMatchObject({ rowCount: 3, faults: [], faultCount: 0 });
  expect(await product('shirt')).toMatchObject({ title: 'Shirt', vendorId: 'usr_a', status: 'published', version: 1 });
  expect(await onHand('shirt')).toEqual([10, 5]);
  const ledger = await database.query('select delta, kind, actor from stock_movement order by id');
  expect(ledger).toHaveLength(3);
  expect(ledger[0]).toEqual({ delta: 10, kind: 3, actor: 'usr_a' });
});

test('the second run changes nothing: no row is written', async () => {
  await importText(header + shirt + mug);
  const tables = ['product', 'variant', 'stock', 'stock_movement', 'search_document'];
  const look = async () =>
    Promise.all(tables.map((table) => database.query(`select xmin::text, ctid::text, * from ${table} order by 3`)));
  // What locks a row marks it (xmax), which is why xmin and ctid are looked at: they change with a write.
  const before = await look();
  expect(counts(await importText(header + shirt + mug))).toEqual([0, 0, 2, 0]);
  expect(await look()).toEqual(before);
});

test('a changed product is updated, and its variants keep their ids', async () => {
  await importText(header + shirt + mug);
  const before = await product('shirt');
  const changed = header + shirt.replace('Shirt', 'Linen shirt') + 'shirt,,,L,549,shopify,1\n' + mug;
  expect(counts(await importText(changed))).toEqual([0, 1, 1, 0]);
  const after = await product('shirt');
  expect(after.title).toBe('Linen shirt');
  expect(after.variants.map((variant) => variant.id).slice(0, 2)).toEqual(before.variants.map((variant) => variant.id));
  expect(await onHand('shirt')).toEqual([10, 5, 1]);
});

test('importing the same quantities again does not bring back what was sold', async () => {
  await importText(header + mug);
  await sell('mug', 2);
  expect(counts(await importText(header + mug))).toEqual([0, 0, 1, 0]);
  expect(await onHand('mug')).toEqual([1]);
});

test('another quantity than the last import’s is the new stock', async () => {
  await importText(header + mug);
  await sell('mug', 2);
  expect(counts(await importText(header + mug.replace(',3\n', ',8\n')))).toEqual([0, 1, 0, 0]);
  expect(await onHand('mug')).toEqual([8]);
});

test('a file without quantities leaves the stock alone', async () => {
  await importText(header + mug);
  expect(
    counts(await importText('Handle,Title,Variant Price,Variant Inventory Tracker\nmug,Mug,250,shopify\n')),
  ).toEqual([0, 1, 0, 0]);
  expect(await onHand('mug')).toEqual([3]);
});

test('a quantity below what is reserved is refused', async () => {
  await importText(header + mug);
  await database.query('update stock set reserved = 2');
  const result = await importText(header + mug.replace(',3\n', ',1\n'));
  expect(result.faults).toMatchObject([
    { line: 2, column: 'Variant Inventory Qty', handle: 'mug', reason: 'QUANTITY_BELOW_RESERVED' },
  ]);
  expect(await onHand('mug')).toEqual([3]);
});

test('a product with a bad row is left out whole, and the others are written', async () => {
  const result = await importText(`${header}${shirt.replace('M,499', 'M,free')}${mug}`);
  expect(counts(result)).toEqual([1, 0, 0, 1]);
  expect(result.faults).toMatchObject([
    { line: 3, column: 'Variant Price', handle: 'shirt', reason: 'PRICE_NOT_A_NUMBER' },
  ]);
  expect(await findProduct(database, { handle: 'shirt' })).toBeUndefined();
});

test('a bad row far from the rest of its product keeps all of it out', async () => {
  const result = await importText(`${header}${shirt}${mug}shirt,,,L,bad,,\n`);
  expect(counts(result)).toEqual([1, 0, 0, 1]);
  expect(result.faults.map((fault) => `${fault.line} ${fault.reason}`)).toEqual([
    '2 ROWS_APART',
    '5 OPTION_NAME_MISSING',
    '5 PRICE_NOT_A_NUMBER',
    '5 TITLE_MISSING',
    '5 ROWS_APART',
  ]);
  expect(await findProduct(database, { handle: 'shirt' })).toBeUndefined();
});

test('after lines that can’t be read, a product that may have lost rows is left out', async () => {
  const result = await importText(`${header}cup,"Cup\n${mug.replace('Mug', 'M"ug')}${mug}`);
  expect(result.faults.map((fault) => `${fault.line} ${fault.handle} ${fault.reason}`)).toEqual([
    '2 cup STRAY_QUOTE',
    '4 mug ROWS_LOST',
  ]);
  expect(counts(result)).toEqual([0, 0, 0, 2]);
});

test('a file whose last quote is never closed still brings the products before it', async () => {
  const result = await importText(`${header}${mug}cup,"Cup,,,1,,\n`);
  expect(counts(result)).toEqual([1, 0, 0, 1]);
  expect(result.faults).toMatchObject([{ line: 3, handle: 'cup', reason: 'UNCLOSED_QUOTE' }]);
});

test('a file without a header writes nothing', async () => {
  const result = await importText(mug);
  expect(result.faults.map((fault) => fault.reason)).toEqual(['MISSING_COLUMN', 'MISSING_COLUMN']);
  expect(counts(result)).toEqual([0, 0, 0, 0]);
});

test('a handle of another vendor is refused, and its product stays as it was', async () => {
  await importText(header + mug, { vendorId: 'usr_b' });
  const result = await importText(`${header}${mug.replace('199', '1')}${shirt}`);
  expect(counts(result)).toEqual([1, 0, 0, 1]);
  expect(result.faults).toMatchObject([{ line: 2, column: 'Handle', handle: 'mug', reason: 'HANDLE_TAKEN' }]);
  expect((await product('mug')).variants[0]?.price.minorUnits).toBe(19900n);
});

test('an admin’s file may hold others’ products as they are, but not change them', async () => {
  await importText(header + mug, { vendorId: 'usr_b' });
  const house = { vendorId: 'usr_house', mayHoldOthers: true };
  expect(counts(await importText(header + mug, house))).toEqual([0, 0, 1, 0]);
  expect(counts(await importText(header + mug.replace('199', '1'), house))).toEqual([0, 0, 0, 1]);
});

test('a status that a product can’t take is a fault of the file', async () => {
  const file = (status: string) => `Handle,Title,Variant Price,Status\nmug,Mug,199,${status}\n`;
  await importText(file('active'));
  await importText(file('archived'));
  const result = await importText(file('draft'));
  expect(result.faults).toMatchObject([{ line: 2, column: 'Status', reason: 'STATUS_MOVE_REFUSED' }]);
});

test('a dry run finds the same and writes nothing', async () => {
  await importText(header + mug);
  const file = `${header}${shirt}${mug.replace('Mug', 'Cup')}bad,Bad,,,x,,\n`;
  const dry = await importText(file, { dryRun: true });
  expect(counts(dry)).toEqual([1, 1, 0, 1]);
  expect(await findProduct(database, { handle: 'shirt' })).toBeUndefined();
  expect(await importText(file)).toEqual(dry);
});

test('two imports of the same new products at once make each of them once', async () => {
  const file = header + Array.from({ length: 150 }, (_, i) => mug.replace('mug', `mug-${i}`)).join('');
  const results = await Promise.all([importText(file), importText(file), importText(file)]);
  expect(results.map((result) => result.faultCount)).toEqual([0, 0, 0]);
  expect(results.map((result) => result.createdCount).reduce((a, b) => a + b)).toBe(150);
  expect(await onHand('mug-149')).toEqual([3]);
});

test('the first 1,000 faults are kept and all are counted', async () => {
  const file = header + Array.from({ length: 1_200 }, (_, i) => `m-${i},Mug,,,x,,\n`).join('');
  const result = await importText(file);
  expect(result.faults).toHaveLength(1_000);
  expect(result).toMatchObject({ faultCount: 1_200, rejectedCount: 1_200 });
});

test('an import that nobody waits for stops, and the same file goes on where it stopped', async () => {
  const file = header + Array.from({ length: 300 }, (_, i) => mug.replace('mug', `mug-${i}`)).join('');
  const controller = new AbortController();
  const store = createPostgresImport(database);
  const stopping: ImportOptions['store'] = {
    find: (handles) => store.find(handles),
    async apply(handles, plan) {
      await store.apply(handles, plan);
      controller.abort(new Error('gone'));
    },
  };
  await expect(importText(file, { store: stopping, signal: controller.signal })).rejects.toThrow('gone');
  const result = await importText(file);
  expect(result.createdCount).toBeLessThan(300);
  expect(result.createdCount + result.unchangedCount).toBe(300);
});

test('HTML is cleaned of what runs', async () => {
  await importText('Handle,Title,Body (HTML),Variant Price\nmug,Mug,<p onclick=x()>Hi<script>x()</script></p>,1\n');
  expect((await product('mug')).descriptionHtml).toBe('<p>Hi</p>');
});

test('others have their turn while a large file is read', async () => {
  const html = `"<p>${'<b>x</b> '.repeat(400)}</p>"`;
  const file = `Handle,Title,Body (HTML),Variant Price\n${Array.from({ length: 400 }, (_, i) => `p-${i},P,${html},1\n`).join('')}`;
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns++;
    if (counting) setImmediate(count);
  };
  count();
  await importText(file, { dryRun: true });
  counting = false;
  expect(turns).toBeGreaterThan(2 * Math.floor(file.length / (1 << 16))); // it is read twice
});

test('whatever the bytes, an import answers with counts and faults, and what it wrote is whole', async () => {
  const good = Buffer.from(header + shirt + mug + 'cup,"Cup, ""big""",Size,S,9.50,,\n,,,,,,\n');
  const junk = fc.constantFrom(
    '"',
    ',',
    '\n',
    '\r\n',
    '\0',
    '\ud83e',
    'é',
    '-',
    '1e9',
    '99999999999999999999',
    '=',
    ';',
    '\ufeff',
  );
  const spot = fc.record({ at: fc.nat(good.length), cut: fc.nat(6), put: fc.oneof(junk, fc.string({ maxLength: 3 })) });
  await fc.assert(
    fc.asyncProperty(fc.array(spot, { minLength: 1, maxLength: 4 }), async (spots) => {
      await empty();
      let file = good;
      for (const { at, cut, put } of spots) {
        file = Buffer.concat([file.subarray(0, at), Buffer.from(put), file.subarray(at + cut)]);
      }
      const result = await importText(file);
      expect(result.updatedCount + result.unchangedCount).toBe(0);
      if (result.rejectedCount > 0) expect(result.faultCount).toBeGreaterThan(0);
      const [stored] = await database.query<{ count: number }>('select count(*)::integer as count from product');
      expect(stored?.count).toBe(result.createdCount);
      expect(counts(await importText(file))).toEqual([0, 0, result.createdCount, result.rejectedCount]);
    }),
    { numRuns: 30 },
  );
}, 60_000);
