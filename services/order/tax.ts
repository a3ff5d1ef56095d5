import { Fault } from '#platform/fault.ts';
import type { PostalAddress, Tax } from './quote.ts';
import { findState } from './tax-state.ts';

/** What decides at which rate a line is taxed. */
export type TaxedGoods = {
  /** The product's category and all above it, the nearest first. */
  readonly categoryIds: readonly string[];
  /** What kind of thing its vendor says it is, such as "Shirt". */
  readonly productType: string;
  /** What is paid for all pieces, after discounts and with the tax in it. */
  readonly total: bigint;
  readonly quantity: number;
  readonly currency: string;
  readonly date: Date;
};

/** The replaceable part: a country's or a shop's own rates. In hundredths of a percent: 500 is 5%. */
export type TaxRules = { rateOf(goods: TaxedGoods): number };

/**
 * Where a supply ends, which decides whose tax it is (IGST Act 2017, sections 7, 8, 10 and 16): within the seller's state
 * half is the centre's and half the state's; between states all is integrated; what leaves the country is zero-rated.
 */
export type Supply = 'within-state' | 'between-states' | 'export';

/** Where the seller is. */
export type SellerPlace = { readonly countryCode: string; readonly region: string };

/** Refuses, when the shop starts, a place of which GST knows nothing. */
export function assertSeller({ countryCode, region }: SellerPlace): void {
  if (countryCode === 'IN' && findState(region) !== undefined) return;
  throw new Error(
    `The shop has to be in a state of India, such as "Karnataka" in "IN", not "${region}" in "${countryCode}"`,
  );
}

/** The supply from the seller to an address. Refuses an address in India whose state can't be told. */
export function supplyTo(address: Pick<PostalAddress, 'countryCode' | 'region'>, seller: SellerPlace): Supply {
  if (address.countryCode !== seller.countryCode) return 'export';
  const to = findState(address.region);
  if (to === undefined) {
    throw new Fault(
      'failed-precondition',
      'ADDRESS_REGION_UNKNOWN',
      'The address names no state of India. Write its state out, such as "Karnataka", or its code, such as "KA".',
    );
  }
  return findState(seller.region)?.code === to.code ? 'within-state' : 'between-states';
}

/**
 * The tax that stands in an amount: amount × rate / (100% + rate), rounded half up to the minor unit. What is left is the
 * taxable value, so that all parts add up to the amount. Of an odd tax the centre's half is the larger.
 */
export function taxWithin(amount: bigint, rate: number, supply: Supply): Tax {
  const basisPoints = supply === 'export' ? 0 : rate;
  const divisor = BigInt(10_000 + basisPoints);
  const tax = (2n * amount * BigInt(basisPoints) + divisor) / (2n * divisor);
  const taxable = amount - tax;
  if (supply !== 'within-state') return { basisPoints, taxable, cgst: 0n, sgst: 0n, igst: tax };
  const sgst = tax / 2n;
  return { basisPoints, taxable, cgst: tax - sgst, sgst, igst: 0n };
}
