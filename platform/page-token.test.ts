import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pageTokens } from './page-token.ts';

const key = 'a key of the tests, 32 characters or more';
const method = '/only2u.product.v1.ProductService/ListProducts';
const tokens = pageTokens(key);
const refusal = expect.objectContaining({ kind: 'invalid-argument', reason: 'PAGE_TOKEN_INVALID' });

test('a token gives back the cursor it was made of', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (filter, cursor) => {
      const same = JSON.parse(JSON.stringify(cursor));
      expect(tokens.open(method, filter, tokens.seal(method, filter, same))).toEqual(same);
    }),
  );
});

test('no token is the first page', () => {
  expect(tokens.open(method, {}, '')).toBeUndefined();
});

test('a token of another method, filter or key is refused', () => {
  const token = tokens.seal(method, { category: 'shoes' }, ['prd_1']);
  expect(() => tokens.open('/only2u.user.v1.UserService/ListUsers', { category: 'shoes' }, token)).toThrow(refusal);
  expect(() => tokens.open(method, { category: 'hats' }, token)).toThrow(refusal);
  expect(() => pageTokens(`${key}!`).open(method, { category: 'shoes' }, token)).toThrow(refusal);
});

test('a token changed anywhere is refused', () => {
  const token = tokens.seal(method, {}, { after: 'prd_1' });
  for (let index = 0; index < token.length; index++) {
    const other = token[index] === 'A' ? 'B' : 'A';
    expect(() => tokens.open(method, {}, token.slice(0, index) + other + token.slice(index + 1))).toThrow(refusal);
  }
});

test('what was never a token is refused', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (text) => {
      expect(() => tokens.open(method, {}, text)).toThrow(refusal);
    }),
  );
});

test('a token ends after three days', () => {
  let now = new Date('2026-01-01T00:00:00Z');
  const aging = pageTokens(key, () => now);
  const token = aging.seal(method, {}, 1);
  now = new Date('2026-01-03T23:59:59Z');
  expect(aging.open(method, {}, token)).toBe(1);
  now = new Date('2026-01-04T00:00:01Z');
  expect(() => aging.open(method, {}, token)).toThrow(refusal);
});

test('the cursor can’t be read from the token', () => {
  const token = tokens.seal(method, {}, { after: 'prd_secret' });
  expect(Buffer.from(token, 'base64url').toString('latin1')).not.toContain('secret');
});

test('a short key is a bug', () => {
  expect(() => pageTokens('short')).toThrow('32 characters');
});
