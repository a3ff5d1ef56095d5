import { expect, test } from '@jest/globals';
import { financialYear, invoiceNumber } from './invoice.ts';

test.each([
  ['2026-03-31T18:29:59Z', '2526'],
  ['2026-03-31T18:30:00Z', '2627'],
  ['2026-12-31T23:59:59Z', '2627'],
  ['2027-01-01T00:00:00Z', '2627'],
  ['2099-05-01T00:00:00Z', '9900'],
])('at %s the financial year in India is %s', (time, year) => {
  expect(financialYear(new Date(time))).toBe(year);
});

test('an invoice’s number has the sixteen characters that the law allows', () => {
  expect(invoiceNumber('2627', { series: 1, number: 42 })).toBe('2627/0001-000042');
  expect(invoiceNumber('2627', { series: 36 ** 4 - 1, number: 999_999 })).toBe('2627/ZZZZ-999999');
});
