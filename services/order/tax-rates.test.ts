import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { TaxedGoods } from './tax.ts';
import { createGst, readTaxClasses } from './tax-rates.ts';

const gst = createGst();
const shirt: TaxedGoods = {
  categoryIds: [],
  productType: 'Shirt',
  total: 149_900n,
  quantity: 1,
  currency: 'INR',
  date: new Date('2026-03-01T10:00:00Z'),
};

test('clothes are taxed at 5% up to ₹2,500 a piece without the tax, and at 18% above', () => {
  expect(gst.rateOf({ ...shirt, total: 250_000n })).toBe(500);
  expect(gst.rateOf({ ...shirt, total: 262_500n })).toBe(500); // ₹2,500 and 5%
  expect(gst.rateOf({ ...shirt, total: 262_501n })).toBe(1800);
  expect(gst.rateOf({ ...shirt, total: 295_001n })).toBe(1800); // above ₹2,500 and 18%
});

test('what counts is the price of a piece, not of the line', () => {
  expect(gst.rateOf({ ...shirt, total: 600_000n, quantity: 4 })).toBe(500);
  expect(gst.rateOf({ ...shirt, total: 1_200_000n, quantity: 4 })).toBe(1800);
});

test('what counts is the price after discounts', () => {
  expect(gst.rateOf({ ...shirt, total: 300_000n })).toBe(1800);
  expect(gst.rateOf({ ...shirt, total: 300_000n - 50_000n })).toBe(500);
});

test('a dearer piece is never taxed at a lower rate', () => {
  const prices = fc.bigInt({ min: 0n, max: 500_000n });
  fc.assert(
    fc.property(
      prices,
      prices,
      fc.constantFrom('Shirt', 'Sandals'),
      fc.integer({ min: 1, max: 9 }),
      (a, b, type, quantity) => {
        const rate = (price: bigint): number =>
          gst.rateOf({ ...shirt, productType: type, total: price * BigInt(quantity), quantity });
        expect(rate(a < b ? a : b)).toBeLessThanOrEqual(rate(a < b ? b : a));
      },
    ),
  );
});

test('until 21 September 2025, midnight in India, the rates were the earlier ones', () => {
  const before = new Date('2025-09-21T18:29:59Z');
  const after = new Date('2025-09-21T18:30:00Z');
  expect(gst.rateOf({ ...shirt, date: before })).toBe(1200);
  expect(gst.rateOf({ ...shirt, date: after })).toBe(500);
  expect(gst.rateOf({ ...shirt, total: 99_900n, date: before })).toBe(500);
  expect(gst.rateOf({ ...shirt, productType: 'Sandals', total: 99_900n, date: before })).toBe(1200);
  expect(gst.rateOf({ ...shirt, total: 300_000n, date: after })).toBe(1800);
});

test.each([
  ['Saree', 500],
  ['saree ', 500],
  ['Tea', 500],
  ['Sneakers', 500],
  ['Earrings', 300],
  ['Book', 0],
  ['Headphones', 1800],
  ['', 1800],
  ['constructor', 1800],
])('"%s" for ₹1,499 is taxed at %i hundredths of a percent', (productType, rate) => {
  expect(gst.rateOf({ ...shirt, productType })).toBe(rate);
});

test("the shop's own class of a category goes before the product's type, the nearest category first", () => {
  const own = createGst(readTaxClasses('cat_books=exempt, cat_all=standard'));
  expect(own.rateOf({ ...shirt, categoryIds: ['cat_books', 'cat_all'] })).toBe(0);
  expect(own.rateOf({ ...shirt, categoryIds: ['cat_novels', 'cat_all'] })).toBe(1800);
  expect(own.rateOf({ ...shirt, categoryIds: ['cat_other'] })).toBe(500);
});

test('where the limit is in another currency, the higher rate holds', () => {
  expect(gst.rateOf({ ...shirt, total: 100n, currency: 'USD' })).toBe(1800);
});

test.each(['cat_books', 'cat_books=', '=exempt', 'cat_books=luxury'])('"%s" says no class of a category', (text) => {
  expect(() => readTaxClasses(text)).toThrow('is not category=class');
});

test('no setting says nothing', () => {
  expect(readTaxClasses('').size).toBe(0);
});
