import { allocate, money, portion } from '#platform/money.ts';
import type { Coupon } from './coupon.ts';
import { inScope, least, lineSubtotal, sum, type Purchase } from './purchase.ts';

/** What is still to be paid after the coupons before, in minor units, by line. */
export type Left = { readonly lines: readonly bigint[]; readonly shipping: bigint | undefined };

/** What one coupon takes off, by line. */
export type Taken = { readonly lines: readonly bigint[]; readonly shipping: bigint };

export function leftOf({ lines, shipping }: Purchase): Left {
  return { lines: lines.map(lineSubtotal), shipping };
}

export function leftAfter(left: Left, taken: Taken): Left {
  return {
    lines: left.lines.map((amount, index) => amount - (taken.lines[index] ?? 0n)),
    shipping: left.shipping === undefined ? undefined : left.shipping - taken.shipping,
  };
}

/**
 * What the coupon takes off what is left, whether or not it may be used. A percentage, its cap and a fixed amount are shared
 * over the lines in scope by what they have left, to the last minor unit: the largest remainders get the rest.
 */
export function takeOff(coupon: Coupon, purchase: Purchase, left: Left): Taken {
  const { discount, currency } = coupon;
  const open = left.lines.map((amount, index) => {
    const line = purchase.lines[index];
    return line !== undefined && inScope(coupon, line) ? amount : 0n;
  });
  const share = (amount: bigint, basisPoints: number): bigint =>
    portion(money(amount, currency), basisPoints).minorUnits;
  const spread = (amount: bigint, weights: readonly bigint[]): Taken => ({
    lines: amount === 0n ? weights.map(() => 0n) : allocate(money(amount, currency), weights).map((m) => m.minorUnits),
    shipping: 0n,
  });
  switch (discount.kind) {
    case 'percentage': {
      const amount = share(sum(open), discount.basisPoints);
      return spread(least(amount, discount.maxDiscount?.minorUnits ?? amount), open);
    }
    case 'fixed':
      return spread(least(discount.amount.minorUnits, sum(open)), open);
    case 'free-shipping': {
      const amount = left.shipping ?? 0n;
      return { lines: open.map(() => 0n), shipping: least(amount, discount.maxDiscount?.minorUnits ?? amount) };
    }
    case 'buy-x-get-y': {
      const pieces = piecesOf(purchase, open, coupon);
      const setSize = discount.buyQuantity + discount.getQuantity;
      const sets = Math.floor(pieces.reduce((count, { quantity }) => count + quantity, 0) / setSize);
      const counted = discount.maxSets === 0 ? sets : Math.min(sets, discount.maxSets);
      const weights = cheapest(pieces, counted * discount.getQuantity, open.length);
      return spread(share(sum(weights), discount.basisPoints), weights);
    }
  }
}

type Pieces = { readonly index: number; readonly quantity: number; readonly left: bigint };

function piecesOf({ lines }: Purchase, open: readonly bigint[], coupon: Coupon): Pieces[] {
  return lines.flatMap((line, index) =>
    inScope(coupon, line) ? [{ index, quantity: line.quantity, left: open[index] ?? 0n }] : [],
  );
}

// What so many of the cheapest pieces cost, by line. A piece costs what its line has left, shared among its pieces.
function cheapest(pieces: readonly Pieces[], count: number, lines: number): bigint[] {
  const costs = Array<bigint>(lines).fill(0n);
  let wanted = count;
  const byPrice = pieces.toSorted((a, b) => {
    const difference = a.left * BigInt(b.quantity) - b.left * BigInt(a.quantity);
    return difference === 0n ? a.index - b.index : difference < 0n ? -1 : 1;
  });
  for (const { index, quantity, left } of byPrice) {
    const taken = Math.min(quantity, wanted);
    costs[index] = (left * BigInt(taken)) / BigInt(quantity);
    wanted -= taken;
  }
  return costs;
}
