import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { Fault } from '#platform/fault.ts';
import type { PostalAddress, Quote, QuotedCoupon } from './quote.ts';
import { totalsOf } from './quote.ts';

/** A line as its customer saw it. */
export type SealedLine = {
  readonly variantId: string;
  readonly quantity: number;
  readonly unitPrice: bigint;
  readonly discount: bigint;
};

/** As much of a quote as its customer has to be kept to. */
export type SealedQuote = {
  readonly cartId: string;
  readonly addressId: string;
  /** Of all that the address said. */
  readonly addressDigest: string;
  readonly shippingOption: string;
  readonly currency: string;
  readonly lines: readonly SealedLine[];
  readonly coupons: readonly QuotedCoupon[];
  readonly shipping: bigint;
  readonly shippingDiscount: bigint;
  readonly total: bigint;
  readonly tax: { readonly cgst: bigint; readonly sgst: bigint; readonly igst: bigint };
};

export type Sealing = { readonly id: string; readonly userId: string; readonly now: Date };

/** Makes and reads the tokens that stand for a quote that somebody has seen. */
export type QuoteTokens = {
  /**
   * Good for half an hour, for this user alone. No other id gives the same token, however alike the quotes are: an order uses its
   * token up.
   */
  seal(quote: Quote, by: Sealing): { readonly token: string; readonly expireTime: Date };
  /** Refuses what was not sealed here for this user (QUOTE_INVALID), and what is too old (QUOTE_EXPIRED). */
  open(token: string, userId: string, now: Date): SealedQuote;
};

const lifeSeconds = 30 * 60; // time to find a card, not enough to keep yesterday's price
const version = 2; // 1 had no id
const macBytes = 32;
const headBytes = macBytes + 1 + 4;

/**
 * Tokens under HMAC-SHA-256: what they say is no secret from their customer, who has just seen it, but nobody can change it or
 * use another's. The key is derived from `secret` (HKDF, RFC 5869), so that no token of another use passes for a quote.
 * Layout: MAC, version, seconds of expiry, JSON of the id and the quote; all in base64url. A hundred lines take 9 KiB.
 */
export function createQuoteTokens(secret: string): QuoteTokens {
  if (secret.length < 32) throw new Error('The key of quotes needs 32 characters or more');
  const key = Buffer.from(hkdfSync('sha256', secret, 'only2u order service', 'quotes', 32));
  const macOf = (said: Buffer, userId: string): Buffer =>
    createHmac('sha256', key).update(createHash('sha256').update(userId).digest()).update(said).digest();
  return {
    seal(quote, { id, userId, now }) {
      const expireSeconds = Math.floor(now.getTime() / 1_000) + lifeSeconds;
      const head = Buffer.alloc(5);
      head.writeUInt8(version, 0);
      head.writeUInt32BE(expireSeconds, 1);
      const said = Buffer.concat([head, Buffer.from(JSON.stringify([id, encode(sealedOf(quote))]))]);
      const token = Buffer.concat([macOf(said, userId), said]).toString('base64url');
      return { token, expireTime: new Date(expireSeconds * 1_000) };
    },
    open(token, userId, now) {
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length <= headBytes || bytes.toString('base64url') !== token) throw invalid();
      const said = bytes.subarray(macBytes);
      if (!timingSafeEqual(macOf(said, userId), bytes.subarray(0, macBytes))) throw invalid();
      if (said[0] !== version) throw expired();
      if (said.readUInt32BE(1) * 1_000 <= now.getTime()) throw expired();
      const [, sealed] = wire.parse(JSON.parse(bytes.subarray(headBytes).toString('utf8')));
      return decode(sealed);
    },
  };
}

/** What a token keeps of a quote. */
export function sealedOf(quote: Quote): SealedQuote {
  const { shipping, total } = totalsOf(quote);
  const taxes = quote.parts.flatMap((part) => [...part.lines.map((line) => line.tax), part.shippingTax]);
  const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((all, amount) => all + amount, 0n);
  return {
    cartId: quote.cartId,
    addressId: quote.addressId,
    addressDigest: digestOf(quote.address),
    shippingOption: quote.shippingOption,
    currency: quote.currency,
    lines: quote.parts.flatMap(({ lines }) =>
      lines.map(({ variantId, quantity, unitPrice, discount }) => ({ variantId, quantity, unitPrice, discount })),
    ),
    coupons: quote.coupons.map(({ code, amount }) => ({ code, amount })),
    shipping,
    shippingDiscount: sum(quote.parts.map((part) => part.shippingDiscount)),
    total,
    tax: {
      cgst: sum(taxes.map((tax) => tax.cgst)),
      sgst: sum(taxes.map((tax) => tax.sgst)),
      igst: sum(taxes.map((tax) => tax.igst)),
    },
  };
}

function digestOf({ recipient, lines, city, region, postalCode, countryCode, phone }: PostalAddress): string {
  const said = JSON.stringify([recipient, lines, city, region, postalCode, countryCode, phone]);
  return createHash('sha256').update(said).digest('base64url').slice(0, 22);
}

const amount = z.string().transform((text) => BigInt(text));

// Lists without names: the names would be half of the token.
const terms = z.tuple([
  z.tuple([z.string(), z.string(), z.string(), z.string(), z.string()]),
  z.array(z.tuple([z.string(), z.number(), amount, amount])),
  z.array(z.tuple([z.string(), amount])),
  z.tuple([amount, amount, amount, amount, amount, amount]),
]);
const wire = z.tuple([z.string(), terms]);

function encode(sealed: SealedQuote): z.input<typeof terms> {
  const { shipping, shippingDiscount, total, tax } = sealed;
  return [
    [sealed.cartId, sealed.addressId, sealed.addressDigest, sealed.shippingOption, sealed.currency],
    sealed.lines.map((line) => [line.variantId, line.quantity, String(line.unitPrice), String(line.discount)]),
    sealed.coupons.map((coupon) => [coupon.code, String(coupon.amount)]),
    [String(shipping), String(shippingDiscount), String(total), String(tax.cgst), String(tax.sgst), String(tax.igst)],
  ];
}

function decode([about, lines, coupons, amounts]: z.output<typeof terms>): SealedQuote {
  const [cartId, addressId, addressDigest, shippingOption, currency] = about;
  const [shipping, shippingDiscount, total, cgst, sgst, igst] = amounts;
  return {
    cartId,
    addressId,
    addressDigest,
    shippingOption,
    currency,
    lines: lines.map(([variantId, quantity, unitPrice, discount]) => ({ variantId, quantity, unitPrice, discount })),
    coupons: coupons.map(([code, off]) => ({ code, amount: off })),
    shipping,
    shippingDiscount,
    total,
    tax: { cgst, sgst, igst },
  };
}

const invalid = (): Fault =>
  new Fault(
    'failed-precondition',
    'QUOTE_INVALID',
    'This is not the quote_token of a quote that was made for you. Ask for a quote, and send its token as it is.',
  );

const expired = (): Fault =>
  new Fault('failed-precondition', 'QUOTE_EXPIRED', 'The quote is too old. Ask for a new one and look at it again.');
