import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type {
  OrderLineSchema,
  OrderPartSchema,
  OrderTotalsSchema,
  QuoteSchema,
  TaxSchema,
} from '#gen/only2u/order/v1/order_pb.ts';
import type { Money } from '#platform/money.ts';
import type { ShippingOption } from './pricing.grpc.ts';
import {
  lineSubtotal,
  lineTotal,
  partTotal,
  type Quote,
  type QuotedLine,
  type QuotedPart,
  type Tax,
  totalsOf,
} from './quote.ts';

/** What a quote says, as the contract has it; an order's parts, lines and sums begin the same way. */
export function encodeQuote(
  quote: Quote,
  options: readonly ShippingOption[],
  { token, expireTime }: { readonly token: string; readonly expireTime: Date },
) {
  const { currency } = quote;
  const money = (minorUnits: bigint): Money => ({ minorUnits, currency });
  return {
    parts: quote.parts.map((part) => encodePart(part, currency)),
    totals: encodeTotals(quote.parts, currency),
    coupons: quote.coupons.map(({ code, amount }) => ({ code, amount: money(amount) })),
    address: { ...quote.address, lines: [...quote.address.lines] },
    shippingOptions: options.map(({ id, title, price }) => ({ id, title, price: money(price) })),
    shippingOption: quote.shippingOption,
    quoteToken: token,
    expireTime: timestampFromDate(expireTime),
  } satisfies MessageInitShape<typeof QuoteSchema>;
}

/** The sums of these parts; nothing has gone back of them. */
export function encodeTotals(parts: readonly QuotedPart[], currency: string) {
  const { subtotal, shipping, discount, total, tax } = totalsOf({ parts });
  return {
    subtotal: { minorUnits: subtotal, currency },
    shipping: { minorUnits: shipping, currency },
    discount: { minorUnits: discount, currency },
    total: { minorUnits: total, currency },
    tax: { minorUnits: tax, currency },
    refunded: { minorUnits: 0n, currency },
  } satisfies MessageInitShape<typeof OrderTotalsSchema>;
}

/** A part as it was quoted. */
export function encodePart(part: QuotedPart, currency: string) {
  return {
    vendorId: part.vendorId,
    lines: part.lines.map((line) => encodeLine(line, currency)),
    shipping: { minorUnits: part.shipping, currency },
    shippingDiscount: { minorUnits: part.shippingDiscount, currency },
    shippingTax: encodeTax(part.shippingTax, currency),
    total: { minorUnits: partTotal(part), currency },
  } satisfies MessageInitShape<typeof OrderPartSchema>;
}

/** A line as it was quoted. */
export function encodeLine(line: QuotedLine, currency: string) {
  const { variantId, productId, title, variantTitle, sku, imageUrl, quantity } = line;
  return {
    variantId,
    productId,
    title,
    variantTitle,
    sku,
    imageUrl,
    quantity,
    unitPrice: { minorUnits: line.unitPrice, currency },
    subtotal: { minorUnits: lineSubtotal(line), currency },
    discount: { minorUnits: line.discount, currency },
    total: { minorUnits: lineTotal(line), currency },
    tax: encodeTax(line.tax, currency),
    refunded: { minorUnits: 0n, currency },
  } satisfies MessageInitShape<typeof OrderLineSchema>;
}

export function encodeTax(tax: Tax, currency: string) {
  return {
    basisPoints: tax.basisPoints,
    taxable: { minorUnits: tax.taxable, currency },
    cgst: { minorUnits: tax.cgst, currency },
    sgst: { minorUnits: tax.sgst, currency },
    igst: { minorUnits: tax.igst, currency },
  } satisfies MessageInitShape<typeof TaxSchema>;
}
