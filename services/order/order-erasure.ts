import { isAtRest, moved, type Order } from './order.ts';
import { returnDays } from './order-return.ts';

/**
 * Whether nothing can happen to an order any more: it is canceled, or all that arrived can't be returned by now. Until then
 * the vendors need to know where it goes.
 */
export function isClosedForGood(order: Order, now: Date): boolean {
  if (!isAtRest(order)) return false;
  const latest = Math.max(0, ...order.parts.map(({ deliverTime }) => deliverTime?.getTime() ?? 0));
  return latest + returnDays * 24 * 3_600_000 < now.getTime();
}

const quotes = new Set(['ITEMS_CANCELED', 'CANCELING']); // steps that hold what somebody wrote

/**
 * The order without what tells who its customer was: for one whose account was deleted. It stays as the record of a sale, with
 * the state that it went to, which decided its taxes.
 */
export function erasePersonalData(order: Order, now: Date): Order {
  const { region, countryCode } = order.address;
  if (order.address.recipient === '' && order.address.lines.length === 0) return order;
  const address = { recipient: '', lines: [], city: '', region, postalCode: '', countryCode, phone: '' };
  // In the customer's own words, and what was said to them.
  const returns = order.returns.map((one) => ({ ...one, reason: '', note: '' }));
  const history = order.history.map((step) => (quotes.has(step.kind) ? { ...step, message: 'Canceled.' } : step));
  return moved({ ...order, history }, { address, returns }, undefined, now);
}
