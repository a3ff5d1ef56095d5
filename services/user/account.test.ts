import { expect, test } from '@jest/globals';
import { assertEtag, assertMayManage, changeAccount, createAccount, grantRole, normaliseEmail } from './account.ts';

const now = new Date('2026-03-01T10:00:00Z');
const later = new Date('2026-03-01T11:00:00Z');
const asha = createAccount({ id: 'usr_1', email: ' Asha@Example.com ', displayName: ' Asha ' }, now);

test('every account is a customer', () => {
  expect(asha.roles).toEqual(['customer']);
  expect(changeAccount(asha, { roles: ['vendor'] }, later).roles).toEqual(['customer', 'vendor']);
  expect(changeAccount(asha, { roles: [] }, later).roles).toEqual(['customer']);
});

test('an address is one however it is spelled, and is kept as it was typed', () => {
  expect(asha.email).toBe('Asha@Example.com');
  for (const email of ['asha@example.com', ' ASHA@EXAMPLE.COM ', 'ａｓｈａ@example.com']) {
    expect(normaliseEmail(email)).toBe('asha@example.com');
  }
});

test('a change makes a new etag, and a change of nothing keeps it', () => {
  const renamed = changeAccount(asha, { displayName: 'Asha Rao' }, later);
  expect(renamed).toMatchObject({ displayName: 'Asha Rao', revision: 2, updateTime: later });
  expect(changeAccount(renamed, { displayName: 'Asha Rao' }, later)).toBe(renamed);
  expect(grantRole(grantRole(asha, 'admin', later), 'admin', later)).toMatchObject({ revision: 2 });
});

test('a stale etag is refused, and none asks for no check', () => {
  expect(() => assertEtag('1', 2)).toThrow(expect.objectContaining({ kind: 'aborted', reason: 'ETAG_MISMATCH' }));
  assertEtag('2', 2);
  assertEtag('', 2);
});

test.each([
  ['   ', 'NAME_EMPTY'],
  ['Asha\u0000', 'NAME_HAS_CONTROL_CHARACTERS'],
  ['Asha\u202Eoar', 'NAME_HAS_CONTROL_CHARACTERS'],
])('the name %j is refused', (displayName, reason) => {
  expect(() => changeAccount(asha, { displayName }, later)).toThrow(expect.objectContaining({ reason }));
});

test('only the owner and an admin manage an account', () => {
  assertMayManage({ id: 'usr_1', roles: ['customer'] }, 'usr_1');
  assertMayManage({ id: 'usr_2', roles: ['customer', 'admin'] }, 'usr_1');
  expect(() => assertMayManage({ id: 'usr_2', roles: ['customer', 'vendor'] }, 'usr_1')).toThrow(
    expect.objectContaining({ kind: 'permission-denied', reason: 'NOT_YOUR_ACCOUNT' }),
  );
});
