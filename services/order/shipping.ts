/** What a vendor would send. */
export type Parcel = {
  readonly vendorId: string;
  /** Its lines before discounts, so that a coupon never makes the shipping dearer. */
  readonly subtotal: bigint;
  readonly currency: string;
  /** Of all pieces. */
  readonly weightGrams: number;
  /** Whether anything in it has to be posted: vouchers and downloads need not. */
  readonly posted: boolean;
};

/** A way of sending all parcels. Prices include tax. */
export type PricedShipping = {
  readonly id: string;
  readonly title: string;
  /** Of each parcel, in their order. */
  readonly prices: readonly bigint[];
};

/** Where the parcels go. */
export type Destination = { readonly countryCode: string; readonly postalCode: string };

/** The replaceable part: how these parcels can be sent there. No option: not at all. */
export type ShippingRules = {
  optionsFor(destination: Destination, parcels: readonly Parcel[]): readonly PricedShipping[];
};

export type FlatOption = {
  readonly id: string;
  readonly title: string;
  /** Of a parcel. */
  readonly price: bigint;
  /** From this subtotal on a parcel costs nothing. */
  readonly freeFrom?: bigint;
};

export type FlatRates = {
  readonly countries: readonly string[];
  /** Of the amounts here: parcels in another currency can't be sent. */
  readonly currency: string;
  readonly options: readonly FlatOption[];
};

/** What a parcel costs within India until a shop says otherwise. */
export const indianRates: FlatRates = {
  countries: ['IN'],
  currency: 'INR',
  options: [
    { id: 'standard', title: 'Standard delivery, 3 to 7 days', price: 4_900n, freeFrom: 99_900n },
    { id: 'express', title: 'Express delivery, 1 to 2 days', price: 14_900n },
  ],
};

/** The same price for each parcel, whatever it weighs and wherever in these countries it goes. */
export function createFlatShipping({ countries, currency, options }: FlatRates): ShippingRules {
  return {
    optionsFor({ countryCode }, parcels) {
      const sendable = parcels.every(
        (parcel) => !parcel.posted || (countries.includes(countryCode) && parcel.currency === currency),
      );
      if (!sendable) return [];
      return options.map(({ id, title, price, freeFrom }) => ({
        id,
        title,
        prices: parcels.map(({ posted, subtotal }) =>
          !posted || (freeFrom !== undefined && subtotal >= freeFrom) ? 0n : price,
        ),
      }));
    },
  };
}
