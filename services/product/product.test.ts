import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Fault } from '#platform/fault.ts';
import { cleanHtml } from './clean-html.ts';
import { contentViolations } from './content.ts';
import { sampleContent, sampleProduct, sampleVariant } from './product.samples.ts';
import type { ProductContent, ProductStatus } from './content.ts';
import {
  assertEtag,
  assertMayChange,
  contentOf,
  createProduct,
  etagOf,
  maySee,
  updateProduct,
  type Product,
} from './product.ts';

const now = new Date('2026-05-01T10:00:00Z');
const later = new Date('2026-05-02T10:00:00Z');

function counting(): () => string {
  let count = 0;
  return () => `var_${count++}`;
}

const make = (changes: Partial<ProductContent> = {}): Product =>
  createProduct(sampleContent(changes), { id: 'prd_1', vendorId: 'usr_v', now, newVariantId: counting(), cleanHtml });

const change = (product: Product, changes: Partial<ProductContent>): Product => {
  let count = 0;
  return updateProduct(product, changes, { now: later, newVariantId: () => `var_new${count++}`, cleanHtml });
};

function refusal(work: () => unknown): Fault {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });
const sizes = (...values: readonly string[]): Partial<ProductContent> => ({
  options: [{ name: 'Size', values: [] }],
  variants: values.map((value) => sampleVariant({ optionValues: [value] })),
});

describe('a new product', () => {
  test('has version 1, an id for each variant and option values in the variants’ order', () => {
    const product = make(sizes('M', 'S', 'L'));
    expect(product).toMatchObject({ version: 1, vendorId: 'usr_v', createTime: now, updateTime: now });
    expect(product.options).toEqual([{ name: 'Size', values: ['M', 'S', 'L'] }]);
    expect(product.variants.map(({ id }) => id)).toEqual(['var_0', 'var_1', 'var_2']);
  });

  test('is tidied: spaces, repeated tags, scripts', () => {
    const product = make({
      title: '  Ocean \n Blue  Shirt ',
      tags: ['men', ' men ', 'summer'],
      descriptionHtml: '<p onclick="x()">Hi<script>alert(1)</script></p>',
    });
    expect(product.title).toBe('Ocean Blue Shirt');
    expect(product.tags).toEqual(['men', 'summer']);
    expect(product.descriptionHtml).toBe('<p>Hi</p>');
  });

  test.each<[reason: string, field: string, Partial<ProductContent>]>([
    ['TITLE_MISSING', 'product.title', { title: '  ' }],
    ['TOO_LONG', 'product.title', { title: 'x'.repeat(256) }],
    ['CONTROL_CHARACTER', 'product.title', { title: 'a\0b' }],
    ['HANDLE_INVALID', 'product.handle', { handle: 'Not A Handle' }],
    ['TOO_LONG', 'product.description_html', { descriptionHtml: 'é'.repeat(40_000) }],
    ['EMPTY', 'product.tags[1]', { tags: ['a', ' '] }],
    ['TOO_MANY', 'product.tags', { tags: Array.from({ length: 251 }, (_, index) => `tag ${index}`) }],
    ['URL_INVALID', 'product.images[0].url', { images: [{ url: 'http://example.com/a.jpg', alt: '' }] }],
    [
      'URL_INVALID',
      'product.variants[0].image_url',
      { variants: [sampleVariant({ imageUrl: 'javascript:alert(1)' })] },
    ],
    ['VARIANT_MISSING', 'product.variants', { variants: [] }],
    ['TOO_MANY', 'product.variants', sizes(...Array.from({ length: 251 }, (_, index) => `${index}`))],
    [
      'TOO_MANY',
      'product.options',
      {
        options: ['a', 'b', 'c', 'd'].map((name) => ({ name, values: [] })),
        variants: [sampleVariant({ optionValues: ['1', '2', '3', '4'] })],
      },
    ],
    [
      'OPTION_TWICE',
      'product.options[1].name',
      {
        options: [
          { name: 'Size', values: [] },
          { name: 'size', values: [] },
        ],
        variants: [sampleVariant({ optionValues: ['M', 'L'] })],
      },
    ],
    ['OPTION_VALUES_MISMATCH', 'product.variants[0].option_values', { options: [{ name: 'Size', values: [] }] }],
    [
      'OPTION_VALUES_MISMATCH',
      'product.variants[0].option_values',
      { variants: [sampleVariant({ optionValues: ['M'] })] },
    ],
    ['EMPTY', 'product.variants[0].option_values[0]', sizes(' ')],
    ['COMBINATION_TWICE', 'product.variants[1].option_values', sizes('M', 'm')],
    ['COMBINATION_TWICE', 'product.variants[1].option_values', { variants: [sampleVariant(), sampleVariant()] }],
    ['PRICE_OUT_OF_RANGE', 'product.variants[0].price', { variants: [sampleVariant({ price: inr(-1n) })] }],
    [
      'PRICE_OUT_OF_RANGE',
      'product.variants[0].price',
      { variants: [sampleVariant({ price: inr(9_000_000_000_001n) })] },
    ],
    [
      'CURRENCY_INVALID',
      'product.variants[0].price.currency',
      { variants: [sampleVariant({ price: { minorUnits: 1n, currency: '' } })] },
    ],
    [
      'COMPARE_AT_BELOW_PRICE',
      'product.variants[0].compare_at_price',
      { variants: [sampleVariant({ price: inr(2n), compareAtPrice: inr(1n) })] },
    ],
    ['WEIGHT_OUT_OF_RANGE', 'product.variants[0].weight_grams', { variants: [sampleVariant({ weightGrams: -1 })] }],
  ])('is refused with %s at %s', (reason, field, changes) => {
    const fault = refusal(() => make(changes));
    expect(fault).toMatchObject({ kind: 'invalid-argument', reason });
    expect(fault.fields.map((violation) => violation.field)).toContain(field);
  });

  test('has one currency', () => {
    const { options } = make(sizes('M', 'L'));
    const variants = [
      sampleVariant({ optionValues: ['M'], price: inr(1n) }),
      sampleVariant({ optionValues: ['L'], price: { minorUnits: 1n, currency: 'EUR' } }),
    ];
    expect(refusal(() => make({ options, variants }))).toMatchObject({ reason: 'CURRENCY_MIXED' });
  });

  test('every wrong field is named at once', () => {
    const fault = refusal(() => make({ title: '', tags: [''], variants: [sampleVariant({ price: inr(-1n) })] }));
    expect(fault.fields.map(({ field }) => field)).toEqual([
      'product.title',
      'product.tags[0]',
      'product.variants[0].price',
    ]);
  });
});

describe('a change', () => {
  test('touches what it names and counts the version up', () => {
    const before = make({ title: 'Old', brand: 'Nila' });
    const after = change(before, { title: 'New' });
    expect(after).toEqual({ ...before, title: 'New', version: 2, updateTime: later });
  });

  test('keeps a variant’s id by its id, or by its options, and gives the others new ones', () => {
    const before = make(sizes('S', 'M', 'L'));
    const after = change(before, {
      variants: [
        sampleVariant({ optionValues: ['l'] }),
        sampleVariant({ id: 'var_1', optionValues: ['XL'] }),
        sampleVariant({ optionValues: ['M'] }),
      ],
    });
    expect(after.variants.map(({ id }) => id)).toEqual(['var_2', 'var_1', 'var_new0']);
  });

  test('refuses a variant’s id that is another product’s or comes twice', () => {
    const before = make(sizes('S', 'M'));
    const variant = (id: string, value: string) => sampleVariant({ id, optionValues: [value] });
    expect(refusal(() => change(before, { variants: [variant('var_9', 'S')] }))).toMatchObject({
      reason: 'VARIANT_UNKNOWN',
    });
    expect(refusal(() => change(before, { variants: [variant('var_0', 'S'), variant('var_0', 'M')] }))).toMatchObject({
      reason: 'VARIANT_TWICE',
    });
  });

  test('an empty handle leaves the handle as it is', () => {
    expect(change({ ...make(), handle: 'mine' }, { handle: '' }).handle).toBe('mine');
  });

  test.each<[ProductStatus, ProductStatus, boolean]>([
    ['draft', 'published', true],
    ['draft', 'archived', true],
    ['published', 'draft', true],
    ['published', 'archived', true],
    ['archived', 'published', true],
    ['archived', 'draft', false],
  ])('from %s to %s: %s', (from, to, allowed) => {
    const product = make({ status: from });
    if (allowed) expect(change(product, { status: to }).status).toBe(to);
    else expect(refusal(() => change(product, { status: to }))).toMatchObject({ reason: 'STATUS_MOVE_REFUSED' });
  });

  test('with the etag of another version is refused, without one it is not', () => {
    const product = make();
    expect(refusal(() => assertEtag(product, '7'))).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
    assertEtag(product, etagOf(product));
    assertEtag(product, '');
  });
});

describe('who may', () => {
  const owner = { id: 'usr_v', isAdmin: false };
  const other = { id: 'usr_w', isAdmin: false };
  const admin = { id: 'usr_a', isAdmin: true };

  test('see: drafts their vendor and admins, the rest everybody', () => {
    const draft = sampleProduct(1, { status: 'draft' });
    expect([maySee(draft, owner), maySee(draft, admin), maySee(draft, other), maySee(draft, undefined)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(maySee(sampleProduct(1, { status: 'archived' }), undefined)).toBe(true);
  });

  test('change: the vendor and admins; of another’s draft nobody learns that it is there', () => {
    const product = sampleProduct(1);
    assertMayChange(product, owner);
    assertMayChange(product, admin);
    expect(refusal(() => assertMayChange(product, other))).toMatchObject({
      kind: 'permission-denied',
      reason: 'NOT_YOUR_PRODUCT',
    });
    expect(refusal(() => assertMayChange({ ...product, status: 'draft' }, other))).toMatchObject({ kind: 'not-found' });
  });
});

describe('for all content', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  const variant = fc
    .record({
      sku: text,
      optionValues: fc.array(text, { maxLength: 3 }),
      price: fc.record({
        minorUnits: fc.bigInt({ min: -10n, max: 10n ** 13n }),
        currency: fc.constantFrom('INR', 'EUR', 'x'),
      }),
    })
    .map(sampleVariant);
  const content: fc.Arbitrary<ProductContent> = fc
    .record({
      title: text,
      descriptionHtml: fc.oneof(
        text,
        fc.constantFrom('<p>a</p>', '<script>x', '<b><i>y</b>', '&lt;img&gt; <img src=x onerror=y>'),
      ),
      tags: fc.array(text, { maxLength: 5 }),
      options: fc.array(
        text.map((name) => ({ name, values: [] })),
        { maxLength: 3 },
      ),
      variants: fc.array(variant, { maxLength: 4 }),
    })
    .map(sampleContent);

  test('it is either refused by name or stored in order, and then an empty change changes nothing', () => {
    fc.assert(
      fc.property(content, (each) => {
        let product: Product;
        try {
          product = make(each);
        } catch (error) {
          expect(error).toBeInstanceOf(Fault);
          return;
        }
        expect(contentViolations(product)).toEqual([]);
        expect(contentOf(change(product, {}))).toEqual(contentOf(product));
      }),
      { numRuns: 300 },
    );
  });
});
