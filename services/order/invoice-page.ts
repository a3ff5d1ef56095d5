import { toDecimal } from '#platform/money.ts';
import { amountInWords } from './invoice-page-words.ts';
import {
  lineTotal,
  type PostalAddress,
  type QuotedLine,
  type QuotedPart,
  type Tax,
  taxAmount,
  totalsOf,
} from './quote.ts';
import { findState } from './tax-state.ts';

/** Who sells. */
export type InvoiceSeller = {
  readonly name: string;
  readonly addressLines: readonly string[];
  readonly region: string;
  readonly countryCode: string;
  /** The number that the seller is registered under for GST; without one it can't issue a tax invoice, and the page is not called so. */
  readonly gstin: string;
};

/** All that an invoice says. */
export type InvoicePage = {
  readonly number: string;
  readonly issueTime: Date;
  readonly orderId: string;
  readonly orderTime: Date;
  readonly seller: InvoiceSeller;
  /** Who buys, and where it goes. */
  readonly address: PostalAddress;
  readonly currency: string;
  /** What it charges for: pieces that were sent, and their shipping. */
  readonly part: Pick<QuotedPart, 'vendorId' | 'lines' | 'shipping' | 'shippingDiscount' | 'shippingTax'>;
};

/**
 * A page to print: HTML that stands alone, for A4, without scripts, with what rule 46 of the CGST Rules 2017 asks for but the goods'
 * HSN codes, which the catalog does not know. Text of others can't become markup.
 */
export function invoicePage(invoice: InvoicePage): string {
  const { number, seller, address, currency, part } = invoice;
  const { total, tax } = totalsOf({ parts: [part] });
  const rows = [...part.lines.map(goodsRow), ...shippingRow(part)];
  const columns = taxColumns(rows);
  const figure = (amount: bigint): string => grouped(amount, currency);
  return `<!doctype html>
<html lang="en-IN">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Invoice ${escape(number)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${seller.gstin === '' ? 'Invoice' : 'Tax invoice'}</h1>
<dl>
<dt>Invoice</dt><dd>${escape(number)}</dd>
<dt>Date</dt><dd>${escape(day(invoice.issueTime))}</dd>
<dt>Order</dt><dd>${escape(invoice.orderId)}</dd>
<dt>Ordered</dt><dd>${escape(day(invoice.orderTime))}</dd>
<dt>Place of supply</dt><dd>${escape(placeOf(address.region, address.countryCode))}</dd>
<dt>Reverse charge</dt><dd>No</dd>
</dl>
</header>
<section class="parties">
<div>
<h2>Sold by</h2>
<p>${paragraph([seller.name, ...seller.addressLines, placeOf(seller.region, seller.countryCode)])}</p>
<p>${paragraph([seller.gstin === '' ? '' : `GSTIN ${seller.gstin}`, `Seller ${part.vendorId}`])}</p>
</div>
<div>
<h2>Billed and sent to</h2>
<p>${paragraph([
    address.recipient,
    ...address.lines,
    [address.city, address.postalCode].filter((text) => text !== '').join(' '),
    placeOf(address.region, address.countryCode),
  ])}</p>
</div>
</section>
<table>
<thead>
<tr><th>#</th><th class="text">Description</th><th>Pieces</th><th>Price</th><th>Discount</th><th>Taxable value</th><th>GST</th>${columns
    .map(({ title }) => `<th>${title}</th>`)
    .join('')}<th>Total</th></tr>
</thead>
<tbody>
${rows
  .map(
    (row, index) =>
      `<tr><td>${index + 1}</td><td class="text">${escape(row.description)}${row.note === '' ? '' : `<small>${escape(row.note)}</small>`}</td>` +
      `<td>${row.quantity}</td><td>${figure(row.price)}</td><td>${figure(row.discount)}</td><td>${figure(row.tax.taxable)}</td>` +
      `<td>${percent(row.tax.basisPoints)}</td>${columns.map(({ of }) => `<td>${figure(of(row.tax))}</td>`).join('')}` +
      `<td>${figure(row.total)}</td></tr>`,
  )
  .join('\n')}
</tbody>
<tfoot>
<tr><th class="text" colspan="4">Total in ${escape(currency)}</th><td>${figure(sum(rows.map((row) => row.discount)))}</td><td>${figure(
    sum(rows.map((row) => row.tax.taxable)),
  )}</td><td></td>${columns.map(({ of }) => `<td>${figure(sum(rows.map((row) => of(row.tax))))}</td>`).join('')}<td>${figure(total)}</td></tr>
</tfoot>
</table>
<p class="words">${escape(amountInWords(total, currency))}</p>
<p>Prices include tax: ${figure(tax)} ${escape(currency)} of the total is tax.</p>
<footer>
<p>For ${escape(seller.name)}</p>
<p>Made by a computer, not signed by hand.</p>
</footer>
</body>
</html>
`;
}

type Row = {
  readonly description: string;
  readonly note: string;
  readonly quantity: number;
  readonly price: bigint;
  readonly discount: bigint;
  readonly tax: Tax;
  readonly total: bigint;
};

function goodsRow(line: QuotedLine): Row {
  const { title, variantTitle, sku, quantity, unitPrice: price, discount, tax } = line;
  const note = [variantTitle, sku].filter((text) => text !== '').join(' · ');
  return { description: title, note, quantity, price, discount, tax, total: lineTotal(line) };
}

function shippingRow({ shipping, shippingDiscount, shippingTax }: InvoicePage['part']): readonly Row[] {
  if (shipping === 0n) return [];
  const total = shipping - shippingDiscount;
  const row = { description: 'Shipping', note: '', quantity: 1, price: shipping, discount: shippingDiscount };
  return [{ ...row, tax: shippingTax, total }];
}

type TaxColumn = { readonly title: string; of(tax: Tax): bigint };

function taxColumns(rows: readonly Row[]): readonly TaxColumn[] {
  if (rows.some(({ tax }) => tax.igst > 0n)) return [{ title: 'IGST', of: (tax) => tax.igst }];
  if (rows.every(({ tax }) => taxAmount(tax) === 0n)) return [{ title: 'Tax', of: taxAmount }];
  return [
    { title: 'CGST', of: (tax) => tax.cgst },
    { title: 'SGST', of: (tax) => tax.sgst },
  ];
}

const dates = new Intl.DateTimeFormat('en-IN', { dateStyle: 'long', timeZone: 'Asia/Kolkata' });
const day = (time: Date): string => dates.format(time);

const wholes = new Intl.NumberFormat('en-IN');

/** 12,34,567.80, as India groups digits. */
function grouped(minorUnits: bigint, currency: string): string {
  const [whole = '', fraction] = toDecimal({ minorUnits, currency }).split('.');
  return fraction === undefined ? wholes.format(BigInt(whole)) : `${wholes.format(BigInt(whole))}.${fraction}`;
}

function percent(basisPoints: number): string {
  return `${basisPoints / 100}%`;
}

/** With the state's number, as the law wants it: "Karnataka (29), IN". */
function placeOf(region: string, countryCode: string): string {
  const state = countryCode === 'IN' ? findState(region) : undefined;
  const name = state === undefined ? region : `${state.name} (${state.code})`;
  return [name, countryCode].filter((text) => text !== '').join(', ');
}

function paragraph(lines: readonly string[]): string {
  return lines
    .filter((line) => line !== '')
    .map(escape)
    .join('<br>');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as text, without the characters that nobody sees or that turn the direction of what stands beside them. */
function escape(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, ' ')
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}

const style = `
@page { size: A4; margin: 14mm; }
body { font: 9.5pt/1.4 system-ui, sans-serif; color: #111; max-width: 182mm; margin: 8mm auto; }
header, .parties { display: flex; justify-content: space-between; gap: 10mm; }
h1 { font-size: 16pt; margin: 0; }
h2 { font-size: 9pt; margin: 0 0 1mm; color: #555; }
h1 { white-space: nowrap; }
dl { margin: 0; width: 90mm; }
dt { float: left; clear: left; width: 30mm; color: #555; }
dd { margin: 0 0 0 30mm; overflow-wrap: anywhere; }
.parties { margin: 6mm 0; }
.parties div { flex: 1; overflow-wrap: anywhere; }
p { margin: 0 0 2mm; }
table { width: 100%; border-collapse: collapse; margin-bottom: 4mm; font-size: 7.5pt; }
th, td { padding: 1.2mm 1mm; text-align: right; vertical-align: top; border-bottom: 0.2mm solid #bbb; font-variant-numeric: tabular-nums; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
tfoot { display: table-row-group; }
tfoot th, tfoot td { font-weight: 600; border-bottom: 0.4mm solid #111; }
.text { text-align: left; min-width: 38mm; width: 30%; overflow-wrap: break-word; word-break: break-word; }
td small { display: block; color: #555; }
.words { font-weight: 600; }
footer { margin-top: 10mm; color: #555; break-inside: avoid; }
@media print { body { margin: 0; max-width: none; } }
`;
