import { Fault } from '#platform/fault.ts';
import { toDecimal } from '#platform/money.ts';
import { inWords, type Quote } from './quote.ts';
import { type SealedQuote, sealedOf } from './quote-token.ts';

export type ChangeKind =
  | 'ITEM_ADDED'
  | 'ITEM_REMOVED'
  | 'QUANTITY_CHANGED'
  | 'PRICE_ROSE'
  | 'PRICE_FELL'
  | 'DISCOUNT_CHANGED'
  | 'COUPONS_CHANGED'
  | 'SHIPPING_CHANGED'
  | 'TAX_CHANGED'
  | 'TOTAL_CHANGED'
  | 'CURRENCY_CHANGED'
  | 'ADDRESS_CHANGED';

/** One thing that is not as the customer saw it. */
export type Change = {
  readonly kind: ChangeKind;
  /** The same, in words for the customer. */
  readonly message: string;
  /** What it is about, where it is about one item. */
  readonly variantId?: string;
};

const toldChanges = 10; // an error has 8 KiB on its way, and nobody reads more
const namedChanges = 3; // in the message itself

/**
 * What is different between the quote that somebody saw and what the same cart costs now; nothing when every amount is the
 * same. What costs nothing, such as a new title, is no change; another address, in the same words or not, is.
 */
export function changesSince(sealed: SealedQuote, quote: Quote): readonly Change[] {
  const now = sealedOf(quote);
  if (now.currency !== sealed.currency) {
    return [{ kind: 'CURRENCY_CHANGED', message: `The prices are in ${now.currency} now, not in ${sealed.currency}.` }];
  }
  const say = (amount: bigint): string =>
    `${toDecimal({ minorUnits: amount, currency: now.currency })} ${now.currency}`;
  const changes = lineChanges(sealed, quote, say);
  const compare = (kind: ChangeKind, what: string, seen: bigint, is: bigint): void => {
    if (seen !== is) changes.push({ kind, message: `${what} is ${say(is)} now, not ${say(seen)}.` });
  };
  if (couponsOf(now) !== couponsOf(sealed)) {
    const seen = sum(sealed.coupons.map(({ amount }) => amount));
    const is = sum(now.coupons.map(({ amount }) => amount));
    const what =
      seen === is ? 'The coupons give something else now.' : `The coupons give ${say(is)} now, not ${say(seen)}.`;
    changes.push({ kind: 'COUPONS_CHANGED', message: what });
  }
  if (now.shippingOption !== sealed.shippingOption) {
    changes.push({ kind: 'SHIPPING_CHANGED', message: 'It is sent in another way than the one that you saw.' });
  }
  compare('SHIPPING_CHANGED', 'The shipping', sealed.shipping, now.shipping);
  compare('SHIPPING_CHANGED', 'The discount on the shipping', sealed.shippingDiscount, now.shippingDiscount);
  if (now.addressId !== sealed.addressId || now.addressDigest !== sealed.addressDigest) {
    changes.push({ kind: 'ADDRESS_CHANGED', message: 'The address is not as you saw it.' });
  }
  if (changes.length > 0) return changes;
  // Only what nothing above explains: at midnight, when a rate changes by law, the tax in the same price does.
  const { tax } = now;
  if (tax.cgst !== sealed.tax.cgst || tax.sgst !== sealed.tax.sgst || tax.igst !== sealed.tax.igst) {
    changes.push({ kind: 'TAX_CHANGED', message: 'The tax in the prices is not what you saw.' });
  }
  compare('TOTAL_CHANGED', 'The total', sealed.total, now.total);
  return changes;
}

/** The refusal of an order whose quote does not hold any more: what changed, in words and for programs. */
export function quoteChanged(changes: readonly Change[]): Fault {
  const words = changes.slice(0, namedChanges).map(({ message }) => message);
  const more = changes.length - words.length;
  const rest = more > 0 ? [`And ${more} more.`] : [];
  const told = changes.slice(0, toldChanges);
  return new Fault(
    'failed-precondition',
    'QUOTE_CHANGED',
    [...words, ...rest, 'Ask for a new quote and look at it again.'].join(' '),
    {
      metadata: {
        changes: told.map(({ kind, variantId }) => (variantId === undefined ? kind : `${kind}:${variantId}`)).join(','),
        change_count: String(changes.length),
      },
      fields: told.map(({ kind, message, variantId }) => ({
        field: variantId === undefined ? 'quote' : `quote.lines.${variantId}`,
        description: message,
        reason: kind,
      })),
    },
  );
}

function lineChanges(sealed: SealedQuote, quote: Quote, say: (amount: bigint) => string): Change[] {
  const seenLines = new Map(sealed.lines.map((line) => [line.variantId, line]));
  const changes: Change[] = [];
  for (const line of quote.parts.flatMap(({ lines }) => lines)) {
    const { variantId } = line;
    const title = inWords(line);
    const seen = seenLines.get(variantId);
    seenLines.delete(variantId);
    const add = (kind: ChangeKind, message: string): void => void changes.push({ kind, message, variantId });
    if (seen === undefined) {
      add('ITEM_ADDED', `${title} was put into the cart.`);
      continue;
    }
    if (line.quantity !== seen.quantity) {
      add('QUANTITY_CHANGED', `There are ${line.quantity} of ${title} in the cart now, not ${seen.quantity}.`);
    }
    if (line.unitPrice !== seen.unitPrice) {
      const kind = line.unitPrice > seen.unitPrice ? 'PRICE_ROSE' : 'PRICE_FELL';
      add(kind, `${title} costs ${say(line.unitPrice)} now, not ${say(seen.unitPrice)}.`);
    }
    if (line.discount !== seen.discount) {
      add('DISCOUNT_CHANGED', `The discount on ${title} is ${say(line.discount)} now, not ${say(seen.discount)}.`);
    }
  }
  for (const { variantId } of seenLines.values()) {
    changes.push({ kind: 'ITEM_REMOVED', message: 'Something that you saw is not in the cart any more.', variantId });
  }
  return changes;
}

function couponsOf({ coupons }: SealedQuote): string {
  return coupons
    .map(({ code, amount }) => `${code}=${amount}`)
    .sort()
    .join();
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
