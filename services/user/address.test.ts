import { expect, test } from '@jest/globals';
import { changeAddress, createAddress, type AddressFields } from './address.ts';

const now = new Date('2026-03-01T10:00:00Z');
const later = new Date('2026-03-01T11:00:00Z');
const home: AddressFields = {
  recipient: ' Asha Rao ',
  lines: ['12 MG Road', ' '],
  city: 'Bengaluru',
  region: 'Karnataka',
  postalCode: '560001',
  countryCode: 'IN',
  phone: '+919876543210',
};
const empty: AddressFields = {
  recipient: '',
  lines: [],
  city: '',
  region: '',
  postalCode: '',
  countryCode: '',
  phone: '',
};
const address = createAddress('adr_1', 'usr_1', home, now);

test('an address is kept without the spaces around it', () => {
  expect(address.fields).toMatchObject({ recipient: 'Asha Rao', lines: ['12 MG Road'] });
});

test('what a parcel can’t do without is asked for, all of it at once', () => {
  expect(() => createAddress('adr_1', 'usr_1', { ...empty, lines: ['  '] }, now)).toThrow(
    expect.objectContaining({
      reason: 'ADDRESS_INCOMPLETE',
      fields: ['recipient', 'lines', 'city', 'country_code'].map((name) =>
        expect.objectContaining({ field: `address.${name}` }),
      ),
    }),
  );
});

test('only the fields that the mask names change', () => {
  const moved = changeAddress(address, { fields: { ...empty, city: 'Mysuru', region: 'x' }, paths: ['city'] }, later);
  expect(moved.fields).toEqual({ ...address.fields, city: 'Mysuru' });
  expect(moved).toMatchObject({ revision: 2, updateTime: later });
});

test('a mask can’t empty a required field, and may empty another', () => {
  const emptied = (path: string) => changeAddress(address, { fields: empty, paths: [path] }, later);
  expect(() => emptied('city')).toThrow(expect.objectContaining({ reason: 'ADDRESS_INCOMPLETE' }));
  expect(emptied('phone').fields.phone).toBe('');
});

test('a change of nothing keeps the etag', () => {
  expect(changeAddress(address, { fields: home, paths: ['city', 'recipient'] }, later)).toBe(address);
});

test.each(['id', 'create_time', 'citty', '__proto__', 'constructor', '*'])('the path %j is refused by name', (path) => {
  expect(() => changeAddress(address, { fields: home, paths: [path] }, later)).toThrow(
    expect.objectContaining({ reason: 'PATH_UNKNOWN', fields: [expect.objectContaining({ field: 'update_mask' })] }),
  );
});
