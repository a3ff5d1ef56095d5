import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fold, slugify, uniqueHandle } from './handle.ts';

test.each([
  ['Ocean Blue Shirt', 'ocean-blue-shirt'],
  ['  Crème Brûlée — No. 5! ', 'creme-brulee-no-5'],
  ['Women’s & Men’s', 'womens-and-mens'],
  ['Straße nach Øst, Łódź', 'strasse-nach-ost-lodz'],
  ['सूती कुर्ता', ''],
  ['---', ''],
])('"%s" becomes "%s"', (title, handle) => {
  expect(slugify(title)).toBe(handle);
});

test('whatever the title, a handle is one the contract takes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (title) => {
      expect(slugify(title)).toMatch(/^([a-z0-9]+(-[a-z0-9]+)*)?$/);
      expect(slugify(title).length).toBeLessThanOrEqual(255);
    }),
  );
});

test('folding twice is folding once', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(fold(fold(text))).toBe(fold(text));
    }),
  );
});

test('a taken handle gets the first number that is free, within the length', () => {
  expect(uniqueHandle('shirt', new Set())).toBe('shirt');
  expect(uniqueHandle('shirt', new Set(['shirt', 'shirt-2', 'shirt-4']))).toBe('shirt-3');
  const long = 'x'.repeat(255);
  expect(uniqueHandle(long, new Set([long]))).toBe(`${'x'.repeat(253)}-2`);
});
