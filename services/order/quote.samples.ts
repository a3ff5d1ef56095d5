import type { Quote, QuotedLine, QuotedPart } from './quote.ts';
import { taxWithin } from './tax.ts';

/** What a test does not care about, filled in. For tests alone. */
export function sampleLine(changes: Partial<QuotedLine> = {}): QuotedLine {
  const line = {
    variantId: 'var_1',
    productId: 'prd_1',
    vendorId: 'usr_vendor',
    title: 'Linen shirt',
    variantTitle: 'M / Blue',
    sku: 'LS-1',
    imageUrl: '',
    quantity: 2,
    unitPrice: 149_900n,
    discount: 0n,
    ...changes,
  };
  const total = line.unitPrice * BigInt(line.quantity) - line.discount;
  return { tax: taxWithin(total, 500, 'within-state'), ...line };
}

export function samplePart(changes: Partial<QuotedPart> = {}): QuotedPart {
  return {
    vendorId: 'usr_vendor',
    lines: [sampleLine()],
    shipping: 4_900n,
    shippingDiscount: 0n,
    shippingTax: taxWithin(4_900n, 500, 'within-state'),
    ...changes,
  };
}

export function sampleQuote(changes: Partial<Quote> = {}): Quote {
  return {
    cartId: 'crt_1',
    currency: 'INR',
    parts: [samplePart()],
    coupons: [],
    address: {
      recipient: 'Asha Rao',
      lines: ['12 MG Road'],
      city: 'Bengaluru',
      region: 'Karnataka',
      postalCode: '560001',
      countryCode: 'IN',
      phone: '+919876543210',
    },
    addressId: 'adr_1',
    shippingOption: 'standard',
    ...changes,
  };
}
