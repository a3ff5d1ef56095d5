import type { Order } from './order.ts';

// How an order lies in its row. Amounts are numbers there (the contract's largest is far below 2^53), times are ISO 8601.

const amounts = new Set([
  'unitPrice',
  'discount',
  'taxable',
  'cgst',
  'sgst',
  'igst',
  'shipping',
  'shippingDiscount',
  'amount',
  'refund',
  'refunded',
  'captured',
]);

export function toJson(order: Order): string {
  return JSON.stringify(order, (_, value: unknown) => {
    if (typeof value !== 'bigint') return value;
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      throw new Error('an amount of an order is larger than any that the contract takes');
    return number;
  });
}

/** What `toJson` wrote. */
export function fromJson(text: string): Order {
  return JSON.parse(text, (key, value: unknown) => {
    if (typeof value === 'number' && amounts.has(key)) return BigInt(value);
    if (typeof value === 'string' && key.endsWith('Time')) return new Date(value);
    return value;
  }) as Order;
}
