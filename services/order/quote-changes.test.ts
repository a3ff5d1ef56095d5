import { expect, test } from '@jest/globals';
import { toConnectError, statusDetails } from '#platform/rpc/status.ts';
import { toBinary } from '@bufbuild/protobuf';
import { StatusSchema } from '#gen/google/rpc/status_pb.ts';
import type { Quote } from './quote.ts';
import { changesSince, quoteChanged } from './quote-changes.ts';
import { sampleLine, samplePart, sampleQuote } from './quote.samples.ts';
import { sealedOf } from './quote-token.ts';
import { taxWithin } from './tax.ts';

const seen = sealedOf(sampleQuote());
const withLine = (changes: Parameters<typeof sampleLine>[0]): Quote =>
  sampleQuote({ parts: [samplePart({ lines: [sampleLine(changes)] })] });
const told = (quote: Quote): unknown[] => changesSince(seen, quote).map(({ kind, message }) => [kind, message]);

test('the same amounts are the same quote, whatever the products are called now', () => {
  expect(changesSince(seen, sampleQuote())).toEqual([]);
  expect(told(withLine({ title: 'Shirt of linen', sku: 'NEW', imageUrl: 'https://x.example/1.jpg' }))).toEqual([]);
});

test('a price that rose or fell is said with both prices', () => {
  expect(told(withLine({ unitPrice: 159_900n }))).toEqual([
    ['PRICE_ROSE', '“Linen shirt, M / Blue” costs 1599.00 INR now, not 1499.00 INR.'],
  ]);
  expect(told(withLine({ unitPrice: 99_900n }))).toEqual([
    ['PRICE_FELL', '“Linen shirt, M / Blue” costs 999.00 INR now, not 1499.00 INR.'],
  ]);
});

test('other pieces in the cart are said', () => {
  expect(told(withLine({ quantity: 3 }))).toEqual([
    ['QUANTITY_CHANGED', 'There are 3 of “Linen shirt, M / Blue” in the cart now, not 2.'],
  ]);
  expect(changesSince(seen, withLine({ variantId: 'var_2' })).map(({ kind, variantId }) => [kind, variantId])).toEqual([
    ['ITEM_ADDED', 'var_2'],
    ['ITEM_REMOVED', 'var_1'],
  ]);
});

test('another discount is said of the line and of the coupons', () => {
  const line = sampleLine({ discount: 5_000n });
  const quote = sampleQuote({ parts: [samplePart({ lines: [line] })], coupons: [{ code: 'TEN', amount: 5_000n }] });
  expect(told(quote)).toEqual([
    ['DISCOUNT_CHANGED', 'The discount on “Linen shirt, M / Blue” is 50.00 INR now, not 0.00 INR.'],
    ['COUPONS_CHANGED', 'The coupons give 50.00 INR now, not 0.00 INR.'],
  ]);
});

test('another shipping is said', () => {
  expect(told(sampleQuote({ parts: [samplePart({ shipping: 0n })] }))).toEqual([
    ['SHIPPING_CHANGED', 'The shipping is 0.00 INR now, not 49.00 INR.'],
  ]);
  expect(told(sampleQuote({ shippingOption: 'express' }))).toMatchObject([['SHIPPING_CHANGED', expect.anything()]]);
});

test('an address that was edited, or another one, is said', () => {
  const { address } = sampleQuote();
  const changed = [['ADDRESS_CHANGED', 'The address is not as you saw it.']];
  expect(told(sampleQuote({ address: { ...address, lines: ['14 MG Road'] } }))).toEqual(changed);
  expect(told(sampleQuote({ addressId: 'adr_2' }))).toEqual(changed);
});

test('another tax in the same prices is said', () => {
  const tax = taxWithin(299_800n, 500, 'between-states');
  expect(told(withLine({ tax }))).toEqual([['TAX_CHANGED', 'The tax in the prices is not what you saw.']]);
});

test('another currency is all that is said', () => {
  expect(told(sampleQuote({ currency: 'USD' }))).toEqual([
    ['CURRENCY_CHANGED', 'The prices are in USD now, not in INR.'],
  ]);
});

test('the refusal says what changed, in words and for programs', () => {
  const fault = quoteChanged(changesSince(seen, withLine({ unitPrice: 159_900n, quantity: 3 })));
  expect(fault).toMatchObject({
    kind: 'failed-precondition',
    reason: 'QUOTE_CHANGED',
    metadata: { changes: 'QUANTITY_CHANGED:var_1,PRICE_ROSE:var_1', change_count: '2' },
  });
  expect(fault.message).toBe(
    'There are 3 of “Linen shirt, M / Blue” in the cart now, not 2. “Linen shirt, M / Blue” costs 1599.00 INR now, not ' +
      '1499.00 INR. Ask for a new quote and look at it again.',
  );
  expect(fault.fields.map(({ field }) => field)).toEqual(['quote.lines.var_1', 'quote.lines.var_1']);
});

test('a hundred changes of long names fit into an error that every client takes', () => {
  const lines = Array.from({ length: 100 }, (_, n) =>
    sampleLine({ variantId: `var_${String(n).padStart(26, '0')}`, title: 'कुर्ता '.repeat(40), unitPrice: 899_999_999n }),
  );
  const before = sealedOf(
    sampleQuote({ parts: [samplePart({ lines: lines.map((line) => ({ ...line, unitPrice: 1n })) })] }),
  );
  const fault = quoteChanged(changesSince(before, sampleQuote({ parts: [samplePart({ lines })] })));
  expect(fault.message).toContain('And 97 more.');
  const error = toConnectError(fault);
  const status = statusDetails(error);
  if (status === undefined) throw new Error('no details');
  const details = Math.ceil(toBinary(StatusSchema, status).length / 3) * 4; // base64 in the one trailer
  const text = encodeURIComponent(fault.message).length; // percent-encoded in the other

  expect(details + text).toBeLessThan(7_500); // of 8 KiB
});
