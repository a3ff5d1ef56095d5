import { expect, test } from '@jest/globals';
import type { ImportFault } from './import-fault.ts';
import { groupsOf, surveyFile } from './shopify-csv-file.ts';
import type { CsvFile } from './shopify-csv-file.ts';
import { readProduct } from './shopify-csv.ts';
import type { CsvProduct } from './shopify-csv.ts';

function fileOf(text: string | Uint8Array): CsvFile {
  return async function* () {
    yield Buffer.from(text);
  };
}

async function productsIn(text: string | Uint8Array, currency = 'INR'): Promise<CsvProduct[]> {
  const file = fileOf(text);
  const { header } = await surveyFile(file);
  if (header === undefined) throw new Error('the header is bad');
  const products: CsvProduct[] = [];
  for await (const groups of groupsOf(file)) {
    for (const { rows } of groups) products.push(readProduct(rows, { header, currency, cleanHtml: (html) => html }));
  }
  return products;
}

/** A file of one product: the columns that a test is about, around those that every product needs. */
function file(...rows: Record<string, string>[]): string {
  const base: Record<string, string>[] = rows.map((row, index) =>
    index === 0 ? { Handle: 'kurta', Title: 'Kurta', 'Variant Price': '499', ...row } : { Handle: 'kurta', ...row },
  );
  const names = [...new Set(base.flatMap((row) => Object.keys(row)))];
  const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [names, ...base.map((row) => names.map((name) => row[name] ?? ''))]
    .map((row) => `${row.map(cell).join(',')}\n`)
    .join('');
}

async function faultsIn(...rows: Record<string, string>[]): Promise<ImportFault[]> {
  return (await productsIn(file(...rows))).flatMap((product) => product.faults);
}

const size = (value: string, more: Record<string, string> = {}) => ({
  'Option1 Value': value,
  'Variant Price': '499',
  ...more,
});

test('a product with two options, three variants and two pictures is read whole', async () => {
  const [product] = await productsIn(
    file(
      {
        ...{ 'Body (HTML)': '<p>Soft</p>', Vendor: 'Indigo Loom', Type: 'Kurta', Tags: 'cotton, hand-block , cotton,' },
        ...{
          Published: 'TRUE',
          'Option1 Name': 'Size',
          'Option1 Value': 'S',
          'Option2 Name': 'Colour',
          'Option2 Value': 'Blue',
        },
        ...{
          'Variant SKU': 'K-S',
          'Variant Grams': '250',
          'Variant Inventory Tracker': 'shopify',
          'Variant Inventory Qty': '7',
        },
        ...{ 'Variant Inventory Policy': 'deny', 'Variant Price': '1299.50', 'Variant Compare At Price': '1,499' },
        ...{
          'Variant Requires Shipping': 'true',
          'Variant Taxable': 'no',
          'Variant Barcode': '890',
          'SEO Title': 'Kurtas',
        },
        ...{ 'Image Src': 'https://x.example/2.jpg', 'Image Position': '2', 'Image Alt Text': 'Back' },
      },
      {
        'Option1 Value': 'M',
        'Option2 Value': 'Blue',
        'Variant Price': '1299.5',
        'Variant Inventory Policy': 'continue',
      },
      {
        'Option1 Value': 'M',
        'Option2 Value': 'Red',
        'Variant Price': '0',
        'Variant Image': 'https://x.example/r.jpg',
      },
      { 'Image Src': 'https://x.example/1.jpg', 'Image Position': '1' },
    ).replace('"1,499"', '1499'),
  );
  expect(product?.faults).toEqual([]);
  expect(product?.quantities).toEqual([7, undefined, undefined]);
  expect(product?.content).toMatchObject({
    ...{ handle: 'kurta', title: 'Kurta', descriptionHtml: '<p>Soft</p>', brand: 'Indigo Loom', productType: 'Kurta' },
    ...{ tags: ['cotton', 'hand-block'], status: 'published', seo: { title: 'Kurtas', description: '' } },
    options: [
      { name: 'Size', values: ['S', 'M'] },
      { name: 'Colour', values: ['Blue', 'Red'] },
    ],
    images: [
      { url: 'https://x.example/1.jpg', alt: '' },
      { url: 'https://x.example/2.jpg', alt: 'Back' },
    ],
  });
  expect(product?.content.variants).toMatchObject([
    {
      ...{ sku: 'K-S', optionValues: ['S', 'Blue'], weightGrams: 250, barcode: '890' },
      price: { minorUnits: 129950n, currency: 'INR' },
      compareAtPrice: { minorUnits: 149900n, currency: 'INR' },
      ...{ requiresShipping: true, taxable: false, stockTracked: true, backorderAllowed: false },
    },
    { optionValues: ['M', 'Blue'], price: { minorUnits: 129950n }, stockTracked: false, backorderAllowed: true },
    { optionValues: ['M', 'Red'], price: { minorUnits: 0n }, imageUrl: 'https://x.example/r.jpg' },
  ]);
});

test('"Default Title" is a product without options', async () => {
  const [product] = await productsIn(file({ 'Option1 Name': 'Title', 'Option1 Value': 'Default Title' }));
  expect(product?.faults).toEqual([]);
  expect(product?.content.options).toEqual([]);
  expect(product?.content.variants[0]?.optionValues).toEqual([]);
});

test('the newer header, in any order and case, is read like the older', async () => {
  const [product] = await productsIn(
    'price,TITLE,URL handle,Inventory quantity,Inventory tracker,Continue selling when out of stock,Product image URL,Charge tax\n' +
      '12,Mug,mug,3,shopify,CONTINUE,https://x.example/m.jpg,FALSE\n',
  );
  expect(product?.faults).toEqual([]);
  expect(product?.quantities).toEqual([3]);
  expect(product?.content.variants[0]).toMatchObject({ backorderAllowed: true, stockTracked: true, taxable: false });
  expect(product?.content.images).toEqual([{ url: 'https://x.example/m.jpg', alt: '' }]);
});

test.each([
  [{}, 'published'],
  [{ Published: 'true' }, 'published'],
  [{ Published: 'false' }, 'draft'],
  [{ Status: 'active' }, 'published'],
  [{ Published: 'FALSE', Status: 'Active' }, 'draft'],
  [{ Status: 'draft' }, 'draft'],
  [{ Published: 'true', Status: 'draft' }, 'draft'],
  [{ Status: 'archived' }, 'archived'],
])('Published and Status %j make the product %s', async (cells, status) => {
  const [product] = await productsIn(file(cells));
  expect(product?.faults).toEqual([]);
  expect(product?.content.status).toBe(status);
});

test.each([
  ['499', 'INR', 49900n],
  ['0499.5', 'INR', 49950n],
  ['499.50', 'INR', 49950n],
  ['-0.00', 'INR', 0n],
  ['50', 'JPY', 50n],
  ['50.00', 'JPY', 50n],
  ['1.234', 'KWD', 1234n],
  ['1.2', 'KWD', 1200n],
  ['0.07', 'INR', 7n],
  ['1.1000000000', 'INR', 110n],
  ['90000000000', 'INR', 9_000_000_000_000n],
])('the price %s of %s is %s minor units', async (price, currency, minorUnits) => {
  const [product] = await productsIn(file({ 'Variant Price': price }), currency);
  expect(product?.faults).toEqual([]);
  expect(product?.content.variants[0]?.price).toEqual({ minorUnits, currency });
});

const long = 'x'.repeat(256);
const withOptions = { 'Option1 Name': 'Size', 'Option1 Value': 'S' };

test.each<[string, Record<string, string>[], number, string]>([
  ['HANDLE_MISSING', [{ Handle: '' }], 2, 'Handle'],
  ['HANDLE_INVALID', [{ Handle: 'Blue Kurta' }], 2, 'Handle'],
  ['HANDLE_INVALID', [{ Handle: 'blue--kurta' }], 2, 'Handle'],
  ['HANDLE_MISSING', [withOptions, size('M', { Handle: '' })], 3, 'Handle'],
  ['TITLE_MISSING', [{ Title: ' ' }], 2, 'Title'],
  ['TOO_LONG', [{ Title: long }], 2, 'Title'],
  ['CONTROL_CHARACTER', [{ Title: 'a\u0007' }], 2, 'Title'],
  ['TOO_LONG', [{ 'Body (HTML)': 'x'.repeat(65_537) }], 2, 'Body (HTML)'],
  ['TOO_LONG', [{ Vendor: long }], 2, 'Vendor'],
  ['TOO_LONG', [{ Type: long }], 2, 'Type'],
  ['TOO_LONG', [{ Tags: `a,${long}` }], 2, 'Tags'],
  ['TOO_MANY', [{ Tags: Array.from({ length: 251 }, (_, i) => `t${i}`).join(',') }], 2, 'Tags'],
  ['BOOLEAN_UNKNOWN', [{ Published: 'maybe' }], 2, 'Published'],
  ['STATUS_UNKNOWN', [{ Status: 'sold' }], 2, 'Status'],
  ['GIFT_CARD', [{ 'Gift Card': 'true' }], 2, 'Gift Card'],
  ['TOO_LONG', [{ 'SEO Title': long }], 2, 'SEO Title'],
  ['TOO_LONG', [{ 'SEO Description': 'x'.repeat(1025) }], 2, 'SEO Description'],
  ['PRICE_MISSING', [{ 'Variant Price': '' }], 2, 'Variant Price'],
  ['PRICE_NOT_A_NUMBER', [{ 'Variant Price': '₹499' }], 2, 'Variant Price'],
  ['PRICE_NOT_A_NUMBER', [{ 'Variant Price': '1,299' }], 2, 'Variant Price'],
  ['PRICE_NOT_A_NUMBER', [{ 'Variant Price': '1e3' }], 2, 'Variant Price'],
  ['PRICE_NOT_A_NUMBER', [{ 'Variant Price': 'NaN' }], 2, 'Variant Price'],
  ['PRICE_NEGATIVE', [{ 'Variant Price': '-1' }], 2, 'Variant Price'],
  ['PRICE_TOO_LARGE', [{ 'Variant Price': '90000000000.01' }], 2, 'Variant Price'],
  ['PRICE_TOO_LARGE', [{ 'Variant Price': '9'.repeat(400) }], 2, 'Variant Price'],
  ['PRICE_TOO_PRECISE', [{ 'Variant Price': '1.001' }], 2, 'Variant Price'],
  ['PRICE_NOT_A_NUMBER', [{ 'Variant Compare At Price': 'old' }], 2, 'Variant Compare At Price'],
  ['COMPARE_AT_BELOW_PRICE', [{ 'Variant Compare At Price': '1' }], 2, 'Variant Compare At Price'],
  ['QUANTITY_NOT_AN_INTEGER', [{ 'Variant Inventory Qty': '1.5' }], 2, 'Variant Inventory Qty'],
  ['QUANTITY_NOT_AN_INTEGER', [{ 'Variant Inventory Qty': 'many' }], 2, 'Variant Inventory Qty'],
  ['QUANTITY_OUT_OF_RANGE', [{ 'Variant Inventory Qty': '99999999999' }], 2, 'Variant Inventory Qty'],
  ['QUANTITY_NEGATIVE', [{ 'Variant Inventory Qty': '-1' }], 2, 'Variant Inventory Qty'],
  ['POLICY_UNKNOWN', [{ 'Variant Inventory Policy': 'perhaps' }], 2, 'Variant Inventory Policy'],
  ['WEIGHT_NOT_AN_INTEGER', [{ 'Variant Grams': '-1' }], 2, 'Variant Grams'],
  ['WEIGHT_OUT_OF_RANGE', [{ 'Variant Grams': '1000000001' }], 2, 'Variant Grams'],
  ['BOOLEAN_UNKNOWN', [{ 'Variant Requires Shipping': 'si' }], 2, 'Variant Requires Shipping'],
  ['BOOLEAN_UNKNOWN', [{ 'Variant Taxable': '2' }], 2, 'Variant Taxable'],
  ['TOO_LONG', [{ 'Variant SKU': long }], 2, 'Variant SKU'],
  ['TOO_LONG', [{ 'Variant Barcode': long }], 2, 'Variant Barcode'],
  ['URL_INVALID', [{ 'Image Src': 'http://x.example/a.jpg' }], 2, 'Image Src'],
  ['URL_INVALID', [{}, { 'Image Src': 'javascript:alert(1)' }], 3, 'Image Src'],
  ['URL_INVALID', [{ 'Variant Image': 'a.jpg' }], 2, 'Variant Image'],
  ['POSITION_NOT_A_NUMBER', [{ 'Image Src': 'https://x.example/a.jpg', 'Image Position': '0' }], 2, 'Image Position'],
  ['IMAGE_MISSING', [{ 'Image Alt Text': 'Front' }], 2, 'Image Alt Text'],
  ['TOO_LONG', [{ 'Image Src': 'https://x.example/a.jpg', 'Image Alt Text': 'x'.repeat(513) }], 2, 'Image Alt Text'],
  ['OPTION_NAME_MISSING', [{ 'Option1 Value': 'S' }], 2, 'Option1 Value'],
  ['OPTION_NAME_MISSING', [{ ...withOptions, 'Option2 Value': 'Blue' }], 2, 'Option2 Value'],
  [
    'OPTION_NAME_MISSING',
    [{ 'Option1 Name': '', 'Option1 Value': 'S', 'Option2 Name': 'Colour', 'Option2 Value': 'Blue' }],
    2,
    'Option1 Name',
  ],
  ['OPTION_VALUE_MISSING', [{ ...withOptions, 'Option1 Value': '' }], 2, 'Option1 Value'],
  ['OPTION_VALUE_MISSING', [withOptions, { 'Variant Price': '1' }], 3, 'Option1 Value'],
  ['OPTION_TWICE', [{ ...withOptions, 'Option2 Name': 'size', 'Option2 Value': 'S' }], 2, 'Option2 Name'],
  ['TOO_LONG', [{ ...withOptions, 'Option1 Value': long }], 2, 'Option1 Value'],
  ['COMBINATION_TWICE', [withOptions, size('s')], 3, 'Option1 Value'],
  ['COMBINATION_TWICE', [{}, { 'Variant Price': '1' }], 3, ''],
  ['DIFFERS_FROM_FIRST_ROW', [withOptions, size('M', { Title: 'Shirt' })], 3, 'Title'],
  ['DIFFERS_FROM_FIRST_ROW', [withOptions, size('M', { 'Option1 Name': 'Colour' })], 3, 'Option1 Name'],
  ['ROW_EMPTY', [{}, {}], 3, ''],
  ['TOO_MANY_VARIANTS', [withOptions, ...Array.from({ length: 250 }, (_, i) => size(`M${i}`))], 252, ''],
  [
    'TOO_MANY_IMAGES',
    [{}, ...Array.from({ length: 251 }, (_, i) => ({ 'Image Src': `https://x.example/${i}.jpg` }))],
    253,
    'Image Src',
  ],
])('%s is found, and where', async (reason, rows, line, column) => {
  const faults = await faultsIn(...rows);
  expect(faults.map((fault) => [fault.reason, fault.line, fault.column])).toEqual([[reason, line, column]]);
  expect(faults[0]?.message).not.toBe('');
});

test('all faults of a product are found at once, in the order of their lines', async () => {
  const faults = await faultsIn(
    { ...withOptions, 'Variant Price': 'x', Title: '' },
    size('M', { 'Variant Price': '-2' }),
    size('L', { 'Variant Grams': 'heavy' }),
  );
  expect(faults.map((fault) => `${fault.line} ${fault.reason}`)).toEqual([
    '2 PRICE_NOT_A_NUMBER',
    '2 TITLE_MISSING',
    '3 PRICE_NEGATIVE',
    '4 WEIGHT_NOT_AN_INTEGER',
  ]);
});

test('a message shows a long value short and on one line', async () => {
  const [fault] = await faultsIn({ 'Variant Price': 'a\nb'.repeat(100) });
  expect(fault?.message).toMatch(/^“a ba b[a b]*…” is not an amount/);
  expect(fault?.message.length).toBeLessThan(200);
});

test.each([
  ['a row with too few cells', 'Handle,Title,Variant Price\nkurta,Kurta\n', 'TOO_FEW_CELLS', 2],
  ['a row with too many', 'Handle,Title,Variant Price\nkurta,Kurta,1,2\n', 'TOO_MANY_CELLS', 2],
  ['a stray quote', 'Handle,Title,Variant Price\nkurta,5" Kurta,1\n', 'STRAY_QUOTE', 2],
])('%s spoils its product', async (_, text, reason, line) => {
  const [product] = await productsIn(text);
  expect(product?.faults).toMatchObject([{ reason, line, handle: 'kurta' }]);
});

test('empty cells past the header’s last are nothing', async () => {
  const [product] = await productsIn('Handle,Title,Variant Price\nkurta,Kurta,1,,\n');
  expect(product?.faults).toEqual([]);
});

test.each([
  ['', 'FILE_EMPTY', ''],
  ['Title,Variant Price\n', 'MISSING_COLUMN', 'Handle'],
  ['Handle,Title\n', 'MISSING_COLUMN', 'Variant Price'],
  ['Handle,Title,Variant Price,title\n', 'DUPLICATE_COLUMN', 'title'],
  ['Handle,Title,Variant Price,Price\n', 'DUPLICATE_COLUMN', 'Price'],
  ['Handle;Title;Variant Price\n', 'MISSING_COLUMN', 'Handle'],
  ['Handle,"Title,Variant Price\n', 'UNCLOSED_QUOTE', ''],
  [Buffer.from('\uFEFFHandle,Title\n', 'utf16le'), 'NOT_UTF8', ''],
])('a file that begins %j is refused whole', async (text, reason, column) => {
  const survey = await surveyFile(fileOf(text));
  expect(survey.header).toBeUndefined();
  expect(survey.faults[0]).toMatchObject({ reason, column, line: 1 });
});

test('semicolons instead of commas are named', async () => {
  const { faults } = await surveyFile(fileOf('Handle;Title;Variant Price\n'));
  expect(faults[0]?.message).toContain('semicolons');
});

test('columns that no product has a place for are named once, when they hold something', async () => {
  const { ignoredColumns } = await surveyFile(
    fileOf('Handle,Shelf,Title,Cost,Variant Price,\na,1,A,,1,\nb,2,B,,1,note\n'),
  );
  expect(ignoredColumns).toEqual(['Shelf', 'column 6']);
});

test('rows of one handle that stand apart are found', async () => {
  const { scattered, rowCount } = await surveyFile(fileOf('Handle,Title,Variant Price\na,A,1\nb,B,1\na,,2\nc,C,1\n'));
  expect([...scattered]).toEqual(['a']);
  expect(rowCount).toBe(4);
});

async function groups(text: string) {
  const found = [];
  for await (const batch of groupsOf(fileOf(text))) found.push(...batch);
  return found.map(({ handle, rows, lostLines }) => [handle, rows.map((row) => row.line), lostLines]);
}

test('a row that names nobody goes with the product before it', async () => {
  expect(await groups('Handle,Title,Variant Price\na,A,1\n,,2\nb,B,1\n')).toEqual([
    ['a', [2, 3], undefined],
    ['b', [4], undefined],
  ]);
});

test('after lines that can’t be read, the next product is under suspicion', async () => {
  expect(await groups('Handle,Title,Variant Price\na,"A\nb,B",1"x\nb,,2\nc,C,1\n')).toEqual([
    ['a', [2], undefined],
    ['b', [4], { from: 2, to: 3 }],
    ['c', [5], undefined],
  ]);
});
