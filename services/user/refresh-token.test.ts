import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRefreshTokens } from './refresh-token.ts';

const tokens = createRefreshTokens(Buffer.from('one secret'));
const claims = { sessionId: 'ses_1', generation: 3 };

test('a token says which it is, and the same request makes the same token', () => {
  const token = tokens.make(claims, 'request-1');
  expect(tokens.read(token)).toEqual(claims);
  expect(tokens.make(claims, 'request-1')).toBe(token);
  expect(tokens.make(claims, 'request-2')).not.toBe(token);
});

test('a token made with another secret is not ours', () => {
  expect(tokens.read(createRefreshTokens(Buffer.from('other')).make(claims, 'request-1'))).toBeUndefined();
});

test('a token changed in any one character is not ours', () => {
  const token = tokens.make(claims, 'request-1');
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.stringMatching(/^[A-Za-z0-9_.-]$/), (at, character) => {
      const changed = token.slice(0, at) + character + token.slice(at + 1);
      expect(tokens.read(changed)).toEqual(changed === token ? claims : undefined);
    }),
    { numRuns: 1000 },
  );
});

test('no text is taken for a token', () => {
  fc.assert(fc.property(fc.string({ maxLength: 600 }), (text) => expect(tokens.read(text)).toBeUndefined()));
});
