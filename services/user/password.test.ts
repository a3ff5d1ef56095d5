import { expect, test } from '@jest/globals';
import { Fault } from '#platform/fault.ts';
import { assertPasswordAllowed, normalisePassword } from './password.ts';

function reasonFor(password: string, email = 'asha.rao.bangalore@example.com'): string {
  try {
    assertPasswordAllowed({ password, email, field: 'password' });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    expect(error.fields).toMatchObject([{ field: 'password' }]);
    expect(JSON.stringify([error.message, error.metadata, error.fields])).not.toContain(password);
    return error.reason;
  }
  return 'allowed';
}

test.each([
  'monsoon-mango-41',
  'träumerei in moll',
  'कमल का फूल खिला',
  '🦚🦚🦜🦜🦩🦩🐘🐘🐅🐅',
  'correct horse staple batt',
])('%j is allowed', (password) => expect(reasonFor(password)).toBe('allowed'));

test.each(['short', 'ninechars', 'ﬁﬁﬁ'])('%j is too short', (password) => {
  expect(reasonFor(password)).toBe('PASSWORD_TOO_SHORT');
});

test.each(['asha.rao.bangalore@example.com', 'Asha.Rao.Bangalore@Example.com', 'ASHA.RAO.BANGALORE'])(
  '%j is the address itself',
  (password) => expect(reasonFor(password)).toBe('PASSWORD_IS_EMAIL'),
);

test.each([
  'password123',
  'Password123',
  'PASSWORD-123',
  'qwertyuiop',
  '1q2w3e4r5t',
  'aaaaaaaaaaaa',
  'abababababab',
  'abcdefghijkl',
  '0123456789',
  '9876543210',
  'p@ssw0rd123',
  'i love you forever',
])('%j is one that others try first', (password) => {
  expect(reasonFor(password)).toBe('PASSWORD_COMMON');
});

test('two ways to type a letter are one password', () => {
  expect(normalisePassword('caf\u0065\u0301')).toBe(normalisePassword('caf\u00e9'));
});
