import { Fault } from '#platform/fault.ts';
import { inWords } from './quote.ts';

/** A variant as the shop offers it now. */
export type OfferedVariant = {
  readonly variantId: string;
  readonly productId: string;
  readonly vendorId: string;
  readonly title: string;
  readonly variantTitle: string;
  readonly sku: string;
  readonly imageUrl: string;
  /** The product's category and all above it, the nearest first. */
  readonly categoryIds: readonly string[];
  readonly productType: string;
  readonly unitPrice: bigint;
  readonly currency: string;
  readonly onSale: boolean;
  /** How many one order can take now. */
  readonly maxQuantity: number;
  readonly posted: boolean;
  readonly taxable: boolean;
  readonly weightGrams: number;
};

/** What a cart holds of a variant. */
export type Wanted = { readonly variantId: string; readonly quantity: number };

/** A number of pieces that can be bought. */
export type Item = OfferedVariant & { readonly quantity: number };

type Problem = {
  readonly reason: string;
  readonly variantId: string;
  readonly message: string;
  readonly available: number;
};

const toldProblems = 10; // an error has 8 KiB on its way

/**
 * What of a cart can be bought, in its order and one currency. Refused, naming every item that stands in the way: CART_EMPTY,
 * ITEM_NOT_ON_SALE, INSUFFICIENT_STOCK, CURRENCY_MISMATCH.
 */
export function itemsOf(
  wanted: readonly Wanted[],
  offered: readonly OfferedVariant[],
): { readonly items: readonly Item[]; readonly currency: string } {
  const byId = new Map(offered.map((variant) => [variant.variantId, variant]));
  const problems: Problem[] = [];
  const items: Item[] = [];
  for (const { variantId, quantity } of wanted) {
    const variant = byId.get(variantId);
    if (variant?.onSale !== true) problems.push(notOnSale(variantId, variant));
    else if (quantity > variant.maxQuantity) problems.push(tooFew(variant, quantity));
    else items.push({ ...variant, quantity });
  }
  if (problems.length > 0) throw refusal(problems);
  const [first] = items;
  if (first === undefined) throw cartEmpty();
  const other = items.find(({ currency }) => currency !== first.currency);
  if (other !== undefined) {
    throw new Fault(
      'failed-precondition',
      'CURRENCY_MISMATCH',
      `Things in ${first.currency} and in ${other.currency} can't be bought together. Take out those in one of the two.`,
      { metadata: { currency: first.currency, other_currency: other.currency, variant_id: other.variantId } },
    );
  }
  return { items, currency: first.currency };
}

export function cartEmpty(): Fault {
  return new Fault('failed-precondition', 'CART_EMPTY', 'The cart is empty. Put something into it first.');
}

function notOnSale(variantId: string, variant: OfferedVariant | undefined): Problem {
  const what = variant === undefined ? 'Something in the cart' : inWords(variant);
  const message = `${what} is not for sale any more. Take it out of the cart.`;
  return { reason: 'ITEM_NOT_ON_SALE', variantId, message, available: 0 };
}

function tooFew(variant: OfferedVariant, quantity: number): Problem {
  const { variantId, maxQuantity } = variant;
  const what = inWords(variant);
  const message =
    maxQuantity === 0
      ? `${what} is out of stock. Take it out of the cart.`
      : `Of ${what} only ${maxQuantity} can be bought now, not ${quantity}. Take fewer.`;
  return { reason: 'INSUFFICIENT_STOCK', variantId, message, available: maxQuantity };
}

function refusal(problems: readonly Problem[]): Fault {
  const [first] = problems;
  if (first === undefined) throw new Error('Nothing to refuse');
  const more = problems.length - 1;
  const message = more === 0 ? first.message : `${first.message} ${more} more of the cart can't be bought either.`;
  return new Fault('failed-precondition', first.reason, message, {
    metadata: { variant_id: first.variantId, available: String(first.available) },
    fields: problems.slice(0, toldProblems).map(({ variantId, message: description, reason }) => ({
      field: `cart.items.${variantId}`,
      description,
      reason,
    })),
  });
}
