import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newId } from '#platform/ids.ts';
import { sampleLine, samplePart, sampleQuote } from './quote.samples.ts';
import { createQuoteTokens, sealedOf } from './quote-token.ts';

const tokens = createQuoteTokens('a key of thirty-two characters or more');
const now = new Date('2026-03-01T10:00:00.500Z');
const later = (ms: number): Date => new Date(now.getTime() + ms);
const by = { id: 'quo_1', userId: 'usr_asha', now };
const sealed = tokens.seal(sampleQuote(), by).token;
const refusal = (reason: string): unknown => expect.objectContaining({ kind: 'failed-precondition', reason });

test('a sealed quote is read as it was seen', () => {
  expect(tokens.open(sealed, 'usr_asha', now)).toEqual({
    cartId: 'crt_1',
    addressId: 'adr_1',
    addressDigest: expect.any(String),
    shippingOption: 'standard',
    currency: 'INR',
    lines: [{ variantId: 'var_1', quantity: 2, unitPrice: 149_900n, discount: 0n }],
    coupons: [],
    shipping: 4_900n,
    shippingDiscount: 0n,
    total: 304_700n,
    tax: { cgst: 7_255n, sgst: 7_254n, igst: 0n },
  });
});

test('any quote comes back exactly', () => {
  const amount = fc.bigInt({ min: 0n, max: 9_000_000_000_000n });
  const line = fc.record({
    variantId: fc.string({ minLength: 1 }),
    quantity: fc.integer({ min: 1, max: 1000 }),
    unitPrice: amount,
  });
  const anyQuote = fc
    .record({ lines: fc.array(line), shipping: amount, code: fc.string(), off: amount })
    .map(({ lines, shipping, code, off }) =>
      sampleQuote({
        parts: [samplePart({ lines: lines.map(sampleLine), shipping })],
        coupons: [{ code, amount: off }],
      }),
    );
  fc.assert(
    fc.property(anyQuote, (quote) => {
      const { token } = tokens.seal(quote, by);
      expect(tokens.open(token, 'usr_asha', now)).toEqual(sealedOf(quote));
    }),
  );
});

test('quotes that are alike have tokens of their own', () => {
  expect(tokens.seal(sampleQuote(), { ...by, id: 'quo_2' }).token).not.toBe(sealed);
});

test("another user's quote is refused", () => {
  expect(() => tokens.open(sealed, 'usr_bela', now)).toThrow(refusal('QUOTE_INVALID'));
});

test("another key's quote is refused", () => {
  const others = createQuoteTokens('another key of thirty-two characters');
  expect(() => others.open(sealed, 'usr_asha', now)).toThrow(refusal('QUOTE_INVALID'));
});

test('a quote with any one character changed, cut off or added is refused', () => {
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
    expect(() => tokens.open(changed, 'usr_asha', now)).toThrow(refusal('QUOTE_INVALID'));
    expect(() => tokens.open(sealed.slice(0, at), 'usr_asha', now)).toThrow(refusal('QUOTE_INVALID'));
  }
  for (const more of ['A', '=', ' ', '\n']) {
    expect(() => tokens.open(sealed + more, 'usr_asha', now)).toThrow(refusal('QUOTE_INVALID'));
  }
});

test('text that was never a quote is refused', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: 'grapheme' }), (text, other) => {
      expect(() => tokens.open(text, 'usr_asha', now)).toThrow(refusal('QUOTE_INVALID'));
      expect(() => tokens.open(Buffer.from(other).toString('base64url'), 'usr_asha', now)).toThrow(
        refusal('QUOTE_INVALID'),
      );
    }),
  );
});

test('a quote is good for half an hour, and not a second longer', () => {
  const { expireTime } = tokens.seal(sampleQuote(), by);
  expect(expireTime).toEqual(new Date('2026-03-01T10:30:00.000Z'));
  expect(tokens.open(sealed, 'usr_asha', new Date(expireTime.getTime() - 1)).total).toBe(304_700n);
  expect(() => tokens.open(sealed, 'usr_asha', expireTime)).toThrow(refusal('QUOTE_EXPIRED'));
  expect(() => tokens.open(sealed, 'usr_asha', later(86_400_000))).toThrow(refusal('QUOTE_EXPIRED'));
});

test('whether a forged quote is too old is not said', () => {
  expect(() => tokens.open(sealed.replace(/.$/, '_'), 'usr_asha', later(86_400_000))).toThrow(refusal('QUOTE_INVALID'));
});

test('a hundred lines of the dearest things with five coupons are within what PlaceOrder takes', () => {
  const lines = Array.from({ length: 100 }, () =>
    sampleLine({ variantId: newId('var'), quantity: 1000, unitPrice: 90_000_000n, discount: 89_999_999_999n }),
  );
  const coupons = Array.from({ length: 5 }, (_, n) => ({ code: `${'A'.repeat(39)}${n}`, amount: 9_000_000_000_000n }));
  const quote = sampleQuote({ cartId: newId('crt'), addressId: newId('adr'), parts: [samplePart({ lines })], coupons });
  expect(tokens.seal(quote, { ...by, id: newId('quo') }).token.length).toBeLessThanOrEqual(16_384);
});

test('a short key is a bug', () => {
  expect(() => createQuoteTokens('short')).toThrow('32 characters');
});
