import { paidFor } from './order-fulfillment.ts';
import type { OrderLine } from './order.ts';
import { lineSubtotal, lineTotal, type Tax } from './quote.ts';
import { taxWithin } from './tax.ts';

/**
 * What an invoice charges for: the lines without the pieces that were canceled before they were sent, at the prices, rates and
 * shares of the discount that they were ordered at. With what went back for the others it adds up to what was paid.
 */
export function chargedLines(lines: readonly OrderLine[]): readonly OrderLine[] {
  return lines.filter((line) => line.canceled < line.quantity).map(charged);
}

function charged(line: OrderLine): OrderLine {
  if (line.canceled === 0) return line;
  const quantity = line.quantity - line.canceled;
  const total = lineTotal(line) - paidFor(line, line.canceled);
  const discount = lineSubtotal({ quantity, unitPrice: line.unitPrice }) - total;
  return { ...line, quantity, canceled: 0, discount, tax: sameTaxOn(total, line.tax) };
}

function sameTaxOn(total: bigint, { basisPoints, igst }: Tax): Tax {
  return taxWithin(total, basisPoints, igst > 0n ? 'between-states' : 'within-state');
}
