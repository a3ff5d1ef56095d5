import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { add, allocate, compare, fromDecimal, money, portion, subtract, times, toDecimal, zero } from './money.ts';

const amounts = fc
  .bigInt({ min: -1_000_000_000_000n, max: 1_000_000_000_000n })
  .map((minorUnits) => money(minorUnits, 'INR'));
const weights = fc
  .array(fc.nat(1_000_000), { minLength: 1, maxLength: 20 })
  .filter((list) => list.some((weight) => weight > 0));

test('the parts of an allocation add up to the whole', () => {
  fc.assert(
    fc.property(amounts, weights, (amount, list) => {
      expect(add(zero('INR'), ...allocate(amount, list))).toEqual(amount);
    }),
  );
});

test('each part of an allocation is less than one minor unit away from its exact share', () => {
  fc.assert(
    fc.property(amounts, weights, (amount, list) => {
      const total = list.reduce((sum, weight) => sum + BigInt(weight), 0n);
      allocate(amount, list).forEach((part, index) => {
        const difference = part.minorUnits * total - amount.minorUnits * BigInt(list[index] ?? 0);
        expect(difference < total && difference > -total).toBe(true);
      });
    }),
  );
});

test('who has no weight gets nothing', () => {
  expect(allocate(money(100n, 'INR'), [1, 0, 2]).map((part) => part.minorUnits)).toEqual([33n, 0n, 67n]);
});

test('weights that are all zero, or negative, are a bug', () => {
  expect(() => allocate(money(1n, 'INR'), [0, 0])).toThrow('Weights');
  expect(() => allocate(money(1n, 'INR'), [2, -1])).toThrow('Weights');
  expect(() => allocate(money(1n, 'INR'), [])).toThrow('Weights');
});

test('what is added and taken away again leaves the amount as it was', () => {
  fc.assert(
    fc.property(amounts, amounts, (a, b) => {
      expect(subtract(add(a, b), b)).toEqual(a);
      expect(Math.sign(compare(a, b))).toBe(-Math.sign(compare(b, a)) + 0);
    }),
  );
});

test('a portion is rounded half away from zero', () => {
  expect(portion(money(9_999n, 'INR'), 1_850).minorUnits).toBe(1_850n);
  expect(portion(money(5n, 'INR'), 1_000).minorUnits).toBe(1n);
  expect(portion(money(-5n, 'INR'), 1_000).minorUnits).toBe(-1n);
  expect(portion(money(4n, 'INR'), 1_000).minorUnits).toBe(0n);
});

test('two currencies are refused', () => {
  for (const reckon of [add, subtract, compare]) {
    expect(() => reckon(money(1n, 'INR'), money(1n, 'USD'))).toThrow(
      expect.objectContaining({ reason: 'CURRENCY_MISMATCH' }),
    );
  }
});

test('an amount beyond the contract’s bounds is refused', () => {
  const most = money(9_000_000_000_000n, 'INR');
  for (const reckon of [
    () => add(most, money(1n, 'INR')),
    () => times(most, 2),
    () => subtract(zero('INR'), times(most, -2)),
  ]) {
    expect(reckon).toThrow(expect.objectContaining({ reason: 'AMOUNT_TOO_LARGE' }));
  }
});

test('an amount reads back from how people write it', () => {
  fc.assert(
    fc.property(amounts, fc.constantFrom('INR', 'JPY', 'KWD'), ({ minorUnits }, currency) => {
      const amount = money(minorUnits, currency);
      expect(fromDecimal(toDecimal(amount), currency)).toEqual(amount);
    }),
  );
  expect(toDecimal(money(49_900n, 'INR'))).toBe('499.00');
  expect(toDecimal(money(-5n, 'INR'))).toBe('-0.05');
  expect(toDecimal(money(1_200n, 'JPY'))).toBe('1200');
});

test('a text that is no exact amount is not taken for one', () => {
  for (const text of ['', ' ', '1,000', '1.234', '1e3', '0x10', '--1', '.5', '1.', 'NaN', '99999999999999']) {
    expect(fromDecimal(text, 'INR')).toBeUndefined();
  }
  expect(fromDecimal('499.500', 'INR')).toEqual(money(49_950n, 'INR'));
  expect(fromDecimal('1.5', 'JPY')).toBeUndefined();
});
