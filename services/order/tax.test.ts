import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Fault } from '#platform/fault.ts';
import { taxAmount } from './quote.ts';
import { assertSeller, type Supply, supplyTo, taxWithin } from './tax.ts';
import { findState } from './tax-state.ts';

const karnataka = { countryCode: 'IN', region: 'Karnataka' };
const amounts = fc.bigInt({ min: 0n, max: 9_000_000_000_000n });
const rates = fc.constantFrom(0, 25, 150, 300, 500, 1200, 1800, 2800, 4000);
const supplies = fc.constantFrom<Supply>('within-state', 'between-states', 'export');

test('the taxable value and the taxes add up to the amount, to the paisa', () => {
  fc.assert(
    fc.property(amounts, rates, supplies, (amount, rate, supply) => {
      const tax = taxWithin(amount, rate, supply);
      expect(tax.taxable + taxAmount(tax)).toBe(amount);
      for (const part of [tax.taxable, tax.cgst, tax.sgst, tax.igst]) expect(part >= 0n).toBe(true);
    }),
  );
});

test('the tax is at most half a paisa away from the exact one', () => {
  fc.assert(
    fc.property(amounts, rates, (amount, rate) => {
      const { igst } = taxWithin(amount, rate, 'between-states');
      const off = igst * BigInt(10_000 + rate) - amount * BigInt(rate);
      expect(2n * (off < 0n ? -off : off) <= BigInt(10_000 + rate)).toBe(true);
    }),
  );
});

test('the halves of the tax within a state are equal, but for one odd paisa, and are what another state would get', () => {
  fc.assert(
    fc.property(amounts, rates, (amount, rate) => {
      const within = taxWithin(amount, rate, 'within-state');
      expect(within.cgst - within.sgst === 0n || within.cgst - within.sgst === 1n).toBe(true);
      expect(within.cgst + within.sgst).toBe(taxWithin(amount, rate, 'between-states').igst);
      expect(within.igst).toBe(0n);
    }),
  );
});

test('₹105 at 5% are ₹100 and ₹5 of tax', () => {
  expect(taxWithin(10_500n, 500, 'between-states')).toEqual({
    basisPoints: 500,
    taxable: 10_000n,
    cgst: 0n,
    sgst: 0n,
    igst: 500n,
  });
  expect(taxWithin(10_500n, 500, 'within-state')).toMatchObject({ cgst: 250n, sgst: 250n, igst: 0n });
});

test('half a paisa is rounded up', () => {
  expect(taxWithin(3n, 2_000, 'between-states').igst).toBe(1n); // exactly 0.5
  expect(taxWithin(2n, 2_000, 'between-states').igst).toBe(0n); // 0.33
});

test('what leaves the country is not taxed', () => {
  expect(supplyTo({ countryCode: 'DE', region: 'Bayern' }, karnataka)).toBe('export');
  expect(taxWithin(11_800n, 1800, 'export')).toMatchObject({ basisPoints: 0, taxable: 11_800n, igst: 0n });
});

test.each(['Karnataka', ' karnataka ', 'KARNATAKA', 'KA', 'ka', 'IN-KA', '29'])(
  '"%s" is within Karnataka',
  (region) => {
    expect(supplyTo({ countryCode: 'IN', region }, karnataka)).toBe('within-state');
  },
);

test.each([
  ['Tamil Nadu', '33'],
  ['tamilnadu', '33'],
  ['Jammu & Kashmir', '01'],
  ['Orissa', '21'],
  ['Pondicherry', '34'],
  ['N.C.T. of Delhi', '07'],
  ['Andaman and Nicobar', '35'],
  ['TS', '36'],
  ['28', '37'],
])('"%s" is the state with the number %s', (region, code) => {
  expect(findState(region)?.code).toBe(code);
  expect(supplyTo({ countryCode: 'IN', region }, karnataka)).toBe('between-states');
});

test.each(['', '  ', 'Bavaria', 'IN', '99', 'constructor'])(
  'an address in India whose state is "%s" is refused',
  (region) => {
    let refused: unknown;
    try {
      supplyTo({ countryCode: 'IN', region }, karnataka);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(Fault);
    expect(refused).toMatchObject({ kind: 'failed-precondition', reason: 'ADDRESS_REGION_UNKNOWN' });
  },
);

test('a shop starts in a state of India, or not at all', () => {
  expect(() => assertSeller(karnataka)).not.toThrow();
  expect(() => assertSeller({ countryCode: 'IN', region: 'Atlantis' })).toThrow('has to be in a state of India');
  expect(() => assertSeller({ countryCode: 'DE', region: 'Bayern' })).toThrow('has to be in a state of India');
});
