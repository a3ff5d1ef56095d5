import { expect, test } from '@jest/globals';
import { createFlatShipping, indianRates, type Parcel } from './shipping.ts';

const shipping = createFlatShipping(indianRates);
const bengaluru = { countryCode: 'IN', postalCode: '560001' };
const parcel: Parcel = { vendorId: 'usr_1', subtotal: 50_000n, currency: 'INR', weightGrams: 300, posted: true };

test('each parcel is paid for, but what costs enough is sent free', () => {
  const ways = shipping.optionsFor(bengaluru, [
    parcel,
    { ...parcel, subtotal: 99_899n },
    { ...parcel, subtotal: 99_900n },
  ]);
  expect(ways.map(({ id, prices }) => [id, prices])).toEqual([
    ['standard', [4_900n, 4_900n, 0n]],
    ['express', [14_900n, 14_900n, 14_900n]],
  ]);
});

test('nothing is sent abroad', () => {
  expect(shipping.optionsFor({ countryCode: 'NP', postalCode: '44600' }, [parcel])).toEqual([]);
});

test('what has no price in its currency is not sent', () => {
  expect(shipping.optionsFor(bengaluru, [{ ...parcel, currency: 'USD' }])).toEqual([]);
});

test('what need not be posted costs nothing, wherever it goes', () => {
  const voucher = { ...parcel, posted: false, currency: 'USD' };
  const ways = shipping.optionsFor({ countryCode: 'NP', postalCode: '44600' }, [voucher]);
  expect(ways.map(({ prices }) => prices)).toEqual([[0n], [0n]]);
});
