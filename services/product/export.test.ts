import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newId } from '#platform/ids.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { cleanHtml } from './clean-html.ts';
import { counts, importing } from './import.samples.ts';
import { writeProducts } from './product-write.postgres.ts';
import { sampleContent, sampleVariant } from './product.samples.ts';
import { createProduct } from './product.ts';
import { migrations } from './store.postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('product', migrations);
});
const { empty, importText, exported, product } = importing(() => database);
beforeEach(empty);
afterAll(() => database.close());

test('a cell that begins like a formula is kept as it is, out and in', async () => {
  const file = 'Handle,Title,Variant SKU,Variant Price\nmug,=1+1,+91,1\n';
  await importText(file);
  expect((await product('mug')).title).toBe('=1+1');
  expect(await exported()).toContain('=1+1');
});

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('Shirt, "blue"', 'two\nlines', '<p>Soft &amp; <b>warm</b></p>', '=1', ' x ', '€', 'a  b', "'"),
);
const word = fc.stringMatching(/^[A-Za-z0-9 ]{0,8}[A-Za-z0-9]$/);
const price = fc.bigInt({ min: 0n, max: 10_000_000n });
const decimal = (minorUnits: bigint) => `${minorUnits / 100n}.${String(minorUnits % 100n).padStart(2, '0')}`;
const bool = fc.constantFrom('true', 'false', 'TRUE', '');

const fileRows = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1, maxLength: 5 }).chain((handles) =>
  fc.tuple(
    ...handles.map((handle) =>
      fc
        .record({
          title: word,
          body: text,
          vendor: word,
          type: word,
          tags: fc.array(word, { maxLength: 3 }),
          published: bool,
          seo: word,
          sizes: fc.uniqueArray(word, {
            maxLength: 3,
            selector: (value) => value.trim().toLowerCase().replace(/\s+/g, ' '),
          }),
          price,
          more: price,
          quantity: fc.option(fc.nat(500)),
          tracked: fc.boolean(),
          policy: fc.constantFrom('deny', 'continue', ''),
          grams: fc.nat(5_000),
          barcode: word,
          images: fc.uniqueArray(word, { maxLength: 3 }),
          taxable: bool,
        })
        .map((p) => {
          const rows = Math.max(p.sizes.length, p.images.length, 1);
          return Array.from({ length: rows }, (_, index): string[] => {
            const first = index === 0;
            const isVariant = index < Math.max(p.sizes.length, 1);
            return [
              handle,
              ...(first
                ? [p.title, p.body, p.vendor, p.type, p.tags.join(','), p.published, p.seo]
                : ['', '', '', '', '', '', '']),
              first && p.sizes.length > 0 ? 'Size' : '',
              p.sizes[index] ?? '',
              ...(isVariant
                ? [
                    decimal(p.price),
                    decimal(p.price + p.more),
                    p.quantity === null ? '' : String(p.quantity),
                    p.tracked ? 'shopify' : '',
                    p.policy,
                    String(p.grams),
                    p.barcode,
                    p.taxable,
                  ]
                : ['', '', '', '', '', '', '', '']),
              p.images[index] === undefined
                ? ''
                : `https://images.example.com/${encodeURIComponent(p.images[index])}.jpg`,
            ];
          });
        }),
    ),
  ),
);

const wide = [
  ...[
    'Handle',
    'Title',
    'Body (HTML)',
    'Vendor',
    'Type',
    'Tags',
    'Published',
    'SEO Title',
    'Option1 Name',
    'Option1 Value',
  ],
  ...['Variant Price', 'Variant Compare At Price', 'Variant Inventory Qty', 'Variant Inventory Tracker'],
  ...['Variant Inventory Policy', 'Variant Grams', 'Variant Barcode', 'Variant Taxable', 'Image Src'],
];

test('importing an export changes nothing, and exporting again gives the same file', async () => {
  const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(fileRows, async (products) => {
      await empty();
      const rows = [wide, ...products.flat()].map((row) => `${row.map(quoted).join(',')}\n`);
      const result = await importText(rows.join(''));
      expect(result.faults).toEqual([]);
      const first = await exported();
      const again = await importText(first);
      expect(again.faults).toEqual([]);
      expect(counts(again)).toEqual([0, 0, products.length, 0]);
      expect(again.ignoredColumns).toEqual([]);
      expect(await exported()).toBe(first);
      // In an empty shop the export makes the same products.
      await empty();
      expect(counts(await importText(first))).toEqual([products.length, 0, 0, 0]);
      const lines = (file: string) => file.split('\n').sort(); // of products made in one millisecond the order is open
      expect(lines(await exported())).toEqual(lines(first));
    }),
    { numRuns: 15 },
  );
}, 60_000);

test('a product that was not imported comes back from an export as it was', async () => {
  const content = sampleContent({
    handle: 'odd',
    title: '=SUM(A1), "quoted" & Ünï',
    descriptionHtml: '<p>one</p>\n<p>two,\t"three"</p>\r\n',
    brand: '+91 Brand',
    tags: ['a b', '@c'],
    status: 'archived',
    options: [
      { name: 'Title', values: [] },
      { name: 'Größe', values: [] },
    ],
    variants: [
      sampleVariant({ optionValues: ['Default Title', '1'], barcode: "'0012", backorderAllowed: true, taxable: false }),
      sampleVariant({
        optionValues: ['Default Title', '2'],
        stockTracked: true,
        weightGrams: 7,
        requiresShipping: false,
      }),
    ],
    images: [
      { url: 'https://images.example.com/a,b.jpg', alt: 'Say "hi"' },
      { url: 'https://images.example.com/2.jpg', alt: '' },
      { url: 'https://images.example.com/3.jpg', alt: 'last' },
    ],
    seo: { title: '-1', description: 'x' },
  });
  const made = createProduct(content, {
    ...{ id: newId('prd'), vendorId: 'usr_a', now: new Date('2026-05-01T10:00:00Z'), cleanHtml },
    newVariantId: () => newId('var'),
  });
  await database.transaction((tx) => writeProducts(tx, [made]));
  const before = await product('odd');
  expect(counts(await importText(await exported()))).toEqual([0, 0, 1, 0]);
  expect(await product('odd')).toEqual(before);
});
