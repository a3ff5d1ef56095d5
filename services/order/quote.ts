/** What of an amount is tax, all in minor units. `taxable` and the three taxes add up to the amount exactly. */
export type Tax = {
  /** Hundredths of a percent: 500 is 5%. */
  readonly basisPoints: number;
  readonly taxable: bigint;
  readonly cgst: bigint;
  readonly sgst: bigint;
  readonly igst: bigint;
};

/** A number of pieces of a variant, as it is at the moment. */
export type QuotedLine = {
  readonly variantId: string;
  readonly productId: string;
  readonly vendorId: string;
  readonly title: string;
  readonly variantTitle: string;
  readonly sku: string;
  readonly imageUrl: string;
  readonly quantity: number;
  readonly unitPrice: bigint;
  /** What coupons take off the whole line. */
  readonly discount: bigint;
  /** The tax in what is paid for the line. */
  readonly tax: Tax;
};

/** What one vendor sends. */
export type QuotedPart = {
  readonly vendorId: string;
  readonly lines: readonly QuotedLine[];
  /** Before discounts. */
  readonly shipping: bigint;
  readonly shippingDiscount: bigint;
  /** The tax in what is paid for the shipping. */
  readonly shippingTax: Tax;
};

/** What a code takes off, shipping included. */
export type QuotedCoupon = { readonly code: string; readonly amount: bigint };

/** Where an order goes. */
export type PostalAddress = {
  readonly recipient: string;
  readonly lines: readonly string[];
  readonly city: string;
  readonly region: string;
  readonly postalCode: string;
  readonly countryCode: string;
  readonly phone: string;
};

/** What a cart costs, sent to an address. Every amount is in minor units of `currency`, and includes tax. */
export type Quote = {
  readonly cartId: string;
  /** Of the cart as it was quoted. Orders from before it was kept have none. */
  readonly cartEtag?: string;
  readonly currency: string;
  readonly parts: readonly QuotedPart[];
  readonly coupons: readonly QuotedCoupon[];
  readonly address: PostalAddress;
  readonly addressId: string;
  readonly shippingOption: string;
};

export type QuoteTotals = {
  /** The lines before discounts. */
  readonly subtotal: bigint;
  /** The shipping before discounts. */
  readonly shipping: bigint;
  /** What coupons take off both. */
  readonly discount: bigint;
  /** What is paid: subtotal and shipping less discount. */
  readonly total: bigint;
  /** The tax in it. */
  readonly tax: bigint;
};

/** All pieces of a line before discounts. */
export function lineSubtotal(line: Pick<QuotedLine, 'quantity' | 'unitPrice'>): bigint {
  return line.unitPrice * BigInt(line.quantity);
}

/** What is paid for a line. */
export function lineTotal(line: Pick<QuotedLine, 'quantity' | 'unitPrice' | 'discount'>): bigint {
  return lineSubtotal(line) - line.discount;
}

/** What is paid for a part: its lines and its shipping. */
export function partTotal(part: QuotedPart): bigint {
  return sum(part.lines.map(lineTotal)) + part.shipping - part.shippingDiscount;
}

export function taxAmount({ cgst, sgst, igst }: Tax): bigint {
  return cgst + sgst + igst;
}

const titleLength = 40; // what a sentence bears

/** What customers know a variant by, in quotation marks, short enough for a sentence. */
export function inWords({ title, variantTitle }: { readonly title: string; readonly variantTitle: string }): string {
  const whole = variantTitle === '' ? title : `${title}, ${variantTitle}`;
  return whole.length <= titleLength ? `“${whole}”` : `“${whole.slice(0, titleLength).toWellFormed()}…”`;
}

/** Adds parts up: those of a quote, or of an order, or a vendor's alone. */
export function totalsOf({ parts }: { readonly parts: readonly QuotedPart[] }): QuoteTotals {
  const lines = parts.flatMap((part) => part.lines);
  const subtotal = sum(lines.map(lineSubtotal));
  const shipping = sum(parts.map((part) => part.shipping));
  const discount = sum([...lines.map((line) => line.discount), ...parts.map((part) => part.shippingDiscount)]);
  const tax = sum([...lines.map((line) => taxAmount(line.tax)), ...parts.map((part) => taxAmount(part.shippingTax))]);
  return { subtotal, shipping, discount, total: subtotal + shipping - discount, tax };
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
