import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type InvoicePage, invoicePage } from './invoice-page.ts';
import { chargedLines } from './invoice-page-lines.ts';
import { amountInWords } from './invoice-page-words.ts';
import { paidFor } from './order-fulfillment.ts';
import { lineTotal, taxAmount } from './quote.ts';
import { sampleLine, samplePart, sampleQuote } from './quote.samples.ts';
import { taxWithin } from './tax.ts';

const invoice: InvoicePage = {
  number: '2526/0001-000042',
  issueTime: new Date('2026-03-01T20:00:00Z'),
  orderId: 'ord_1',
  orderTime: new Date('2026-02-28T10:00:00Z'),
  seller: {
    name: 'Only2U',
    addressLines: ['1 Residency Road', 'Bengaluru 560025'],
    region: 'Karnataka',
    countryCode: 'IN',
    gstin: '29ABCDE1234F1Z5',
  },
  address: sampleQuote().address,
  currency: 'INR',
  part: samplePart(),
};

const tagsOf = (html: string): string => html.match(/<[^>]*>/g)?.join('') ?? '';
const textOf = (html: string): string =>
  html
    .replace(/<style>[^]*<\/style>/, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

test('an invoice says who sells what to whom, for how much, and what of it is tax', () => {
  const text = textOf(invoicePage(invoice));
  for (const said of [
    'Invoice 2526/0001-000042',
    'Date 2 March 2026', // in India it is past midnight
    'Order ord_1',
    'Place of supply Karnataka (29), IN',
    'Only2U 1 Residency Road Bengaluru 560025',
    'GSTIN 29ABCDE1234F1Z5',
    'Asha Rao 12 MG Road Bengaluru 560001',
    '1 Linen shirt M / Blue · LS-1 2 1,499.00 0.00 2,855.24 5% 71.38 71.38 2,998.00',
    '2 Shipping 1 49.00 0.00 46.67 5% 1.17 1.16 49.00',
    'Total in INR 0.00 2,901.91 72.55 72.54 3,047.00',
    'Rupees Three Thousand Forty-Seven Only',
    'Prices include tax: 145.09 INR of the total is tax.',
  ]) {
    expect(text).toContain(said);
  }
});

test('between states one column says the tax, and without tax none does', () => {
  const page = (lines: InvoicePage['part']['lines']): string =>
    invoicePage({ ...invoice, part: samplePart({ lines, shipping: 0n }) });
  const between = page([sampleLine({ tax: taxWithin(299_800n, 500, 'between-states') })]);
  expect(between).toContain('<th>IGST</th>');
  expect(between).not.toContain('<th>CGST</th>');
  expect(between).not.toContain('Shipping');
});

test('no text of anybody becomes markup', () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      '</title></style><b>',
      '<!--',
      '&lt;b&gt;',
      "'",
    ),
  );
  const pageWith = (text: string, other: string): string =>
    invoicePage({
      ...invoice,
      number: text,
      orderId: other,
      seller: { name: text, addressLines: [other], region: text, countryCode: other, gstin: text },
      address: {
        recipient: text,
        lines: [other],
        city: text,
        region: other,
        postalCode: text,
        countryCode: text,
        phone: text,
      },
      part: samplePart({
        vendorId: text,
        lines: [sampleLine({ title: text, variantTitle: other, sku: text })],
      }),
    });
  const plain = tagsOf(pageWith('a', 'b'));
  fc.assert(
    fc.property(nasty, nasty, (text, other) => {
      fc.pre(text !== '' && other !== '');
      expect(tagsOf(pageWith(text, other))).toBe(plain);
    }),
  );
});

test('the page holds no script and asks nobody for anything', () => {
  const html = invoicePage(invoice);
  expect(html).not.toMatch(/<script|https?:|\ssrc=|\shref=|url\(|@import/i);
  expect(html).toContain("default-src 'none'");
});

test('what turns the direction of text is left out', () => {
  const html = invoicePage({ ...invoice, address: { ...invoice.address, recipient: 'Asha\u202eoaR\u0000' } });
  expect(html).toContain('Asha oaR');
});

test.each([
  [0n, 'Rupees Zero Only'],
  [50n, 'Rupees Zero and Fifty Paise Only'],
  [100n, 'Rupees One Only'],
  [1_921n, 'Rupees Nineteen and Twenty-One Paise Only'],
  [11_000_000n, 'Rupees One Lakh Ten Thousand Only'],
  [
    12_345_678_901n,
    'Rupees Twelve Crore Thirty-Four Lakh Fifty-Six Thousand Seven Hundred Eighty-Nine and One Paise Only',
  ],
  [9_000_000_000_000n, 'Rupees Nine Thousand Crore Only'],
])('%i paise are "%s"', (paise, words) => {
  expect(amountInWords(paise, 'INR')).toBe(words);
});

test('another currency is named by its code', () => {
  expect(amountInWords(1_250n, 'USD')).toBe('USD Twelve and 50/100 Only');
  expect(amountInWords(12n, 'JPY')).toBe('JPY Twelve Only');
});

test('what an invoice charges and what went back for canceled pieces add up to what was paid', () => {
  const anyLine = fc
    .record({
      quantity: fc.integer({ min: 1, max: 20 }),
      unitPrice: fc.bigInt({ min: 0n, max: 1_000_000n }),
      off: fc.integer({ min: 0, max: 100 }),
      canceled: fc.nat(20),
    })
    .map(({ quantity, unitPrice, off, canceled }) => {
      const discount = (unitPrice * BigInt(quantity) * BigInt(off)) / 100n;
      const line = sampleLine({ quantity, unitPrice, discount });
      return { ...line, id: 'oli_1', canceled: Math.min(canceled, quantity), returned: 0, refunded: 0n };
    });
  fc.assert(
    fc.property(anyLine, (line) => {
      const [charged] = chargedLines([line]);
      const paid = charged === undefined ? 0n : lineTotal(charged);
      expect(paid + paidFor(line, line.canceled)).toBe(lineTotal(line));
      if (charged === undefined) return;
      expect(charged.quantity).toBe(line.quantity - line.canceled);
      expect(charged.discount >= 0n).toBe(true);
      expect(charged.tax.taxable + taxAmount(charged.tax)).toBe(paid);
      expect(charged.tax.igst).toBe(0n);
    }),
  );
});
