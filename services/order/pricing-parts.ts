import { allocate, money } from '#platform/money.ts';
import type { Item } from './pricing-items.ts';
import { lineSubtotal, lineTotal, type QuotedLine, type QuotedPart } from './quote.ts';
import type { Parcel, PricedShipping } from './shipping.ts';
import { type Supply, type TaxRules, taxWithin } from './tax.ts';

/** The items that one vendor sends, in the order of the cart. */
export type VendorItems = { readonly vendorId: string; readonly items: readonly Item[] };

/** Splits by vendor, in the order in which vendors come up. */
export function byVendor(items: readonly Item[]): readonly VendorItems[] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(item.vendorId);
    if (group === undefined) groups.set(item.vendorId, [item]);
    else group.push(item);
  }
  return [...groups].map(([vendorId, group]) => ({ vendorId, items: group }));
}

/** What a vendor's parcel is to the one that carries it. */
export function parcelOf({ vendorId, items }: VendorItems, currency: string): Parcel {
  return {
    vendorId,
    currency,
    subtotal: sum(items.map(lineSubtotal)),
    weightGrams: items.reduce((total, item) => total + item.weightGrams * item.quantity, 0),
    posted: items.some((item) => item.posted),
  };
}

/** What coupons take off. */
export type Discounts = {
  readonly byVariant: ReadonlyMap<string, bigint>;
  readonly shipping: bigint;
};

export type PartsOptions = {
  readonly vendors: readonly VendorItems[];
  readonly currency: string;
  readonly shipping: PricedShipping;
  readonly discounts: Discounts;
  readonly supply: Supply;
  readonly taxRules: TaxRules;
  readonly date: Date;
};

/** The parts of a quote, to the minor unit: discounts shared out exactly, and each line's and parcel's tax within its price. */
export function quoteParts(options: PartsOptions): readonly QuotedPart[] {
  const { vendors, currency, shipping, discounts, supply, taxRules, date } = options;
  const off = shareOut(discounts.shipping, shipping.prices, currency);
  return vendors.map(({ vendorId, items }, index) => {
    const lines = items.map((item): QuotedLine => {
      const { variantId, productId, title, variantTitle, sku, imageUrl, quantity, unitPrice } = item;
      const discount = discounts.byVariant.get(variantId) ?? 0n;
      const total = lineTotal({ quantity, unitPrice, discount });
      if (discount < 0n || total < 0n)
        throw new Error(`Coupons take ${discount} off ${variantId}, which is not possible`);
      const { categoryIds, productType } = item;
      const goods = { categoryIds, productType, total, quantity, currency, date };
      const tax = taxWithin(total, item.taxable ? taxRules.rateOf(goods) : 0, supply);
      return { variantId, productId, vendorId, title, variantTitle, sku, imageUrl, quantity, unitPrice, discount, tax };
    });
    const price = shipping.prices[index] ?? 0n;
    const shippingDiscount = off[index] ?? 0n;
    // Sent with the goods it is one supply with them, at their rate (CGST Act 2017, sections 2(30) and 8(a)). Which rate where the
    // goods have several, the law leaves open: the highest is never too little.
    const rate = Math.max(0, ...lines.map(({ tax }) => tax.basisPoints));
    const shippingTax = taxWithin(price - shippingDiscount, rate, supply);
    return { vendorId, lines, shipping: price, shippingDiscount, shippingTax };
  });
}

function shareOut(discount: bigint, prices: readonly bigint[], currency: string): readonly bigint[] {
  if (discount === 0n) return prices.map(() => 0n);
  if (discount < 0n || discount > sum(prices))
    throw new Error(`Coupons take ${discount} off shipping of ${sum(prices)}`);
  return allocate(money(discount, currency), prices).map(({ minorUnits }) => minorUnits);
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
