import { Fault } from '#platform/fault.ts';
import { chargedLines } from './invoice-page-lines.ts';
import { partOf, type Order, type OrderPart } from './order.ts';

const istOffsetMs = 5.5 * 3_600_000; // India has one time, without summer time
const april = 3; // financial years begin with it

/** The financial year of a moment in India, such as "2627" for that from April 2026 on. */
export function financialYear(time: Date): string {
  const there = new Date(time.getTime() + istOffsetMs);
  const from = there.getUTCMonth() >= april ? there.getUTCFullYear() : there.getUTCFullYear() - 1;
  const digits = (year: number): string => String(year % 100).padStart(2, '0');
  return digits(from) + digits(from + 1);
}

/**
 * An invoice's number, such as "2627/0001-000042": year, the vendor's own series in base 36, place in it. The 16 characters that rule
 * 46 of the CGST Rules allows.
 */
export function invoiceNumber(
  year: string,
  { series, number }: { readonly series: number; readonly number: number },
): string {
  return `${year}/${series.toString(36).toUpperCase().padStart(4, '0')}-${String(number).padStart(6, '0')}`;
}

/** The part that an invoice is about, as it was when the invoice was issued: what came back since is another document's. */
export function invoicedPart(order: Order, partId: string): OrderPart & { readonly shipTime: Date } {
  const [only] = order.parts;
  if (partId === '' && order.parts.length !== 1) {
    const parts = order.parts.map(({ id }) => id).join(', ');
    const text = `The order has several parts, each with an invoice of its own: name one of ${parts}.`;
    throw new Fault('invalid-argument', 'PART_AMBIGUOUS', text, { metadata: { part_ids: parts } });
  }
  const part = partOf(order, partId === '' ? (only?.id ?? '') : partId);
  const { shipTime } = part;
  if (part.invoiceNumber === '' || shipTime === undefined) {
    const text = 'The invoice is issued when the parcel is on its way.';
    throw new Fault('failed-precondition', 'NOT_INVOICED', text, { metadata: { part_id: part.id } });
  }
  const lines = chargedLines(part.lines).map((line) => ({ ...line, returned: 0, refunded: 0n }));
  return { ...part, shipTime, lines };
}
