import { expect, test } from '@jest/globals';
import { isId, newId } from './ids.ts';

test('an id says what it names and looks like no other', () => {
  expect(newId('prd')).toMatch(/^prd_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
  const many = new Set(Array.from({ length: 10_000 }, () => newId('prd')));
  expect(many.size).toBe(10_000);
});

test('later ids sort after earlier ones', () => {
  const ids = [0, 1, 31, 32, 1_000, 1_700_000_000_000, 1_700_000_000_001, 2 ** 48 - 1].map((time) =>
    newId('ord', time),
  );
  expect([...ids].sort()).toEqual(ids);
});

test('only an id of the prefix is taken for one', () => {
  expect(isId('usr', newId('usr'))).toBe(true);
  for (const other of [newId('prd'), 'usr_', 'usr_1', `${newId('usr')}0`, newId('usr').toUpperCase(), '']) {
    expect(isId('usr', other)).toBe(false);
  }
});

test('a prefix that would not read as one is a bug', () => {
  expect(() => newId('Usr')).toThrow('small letters');
  expect(() => newId('')).toThrow('small letters');
});
