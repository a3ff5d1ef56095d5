import { Fault } from './fault.ts';

/**
 * An exact amount: an integer of the currency's minor units (paise, cents) and its ISO 4217 code. The same shape as
 * `only2u.type.v1.Money`, so the one is a valid init of the other.
 */
export type Money = { readonly minorUnits: bigint; readonly currency: string };

/** The most that the contract takes: nine trillion minor units either way. Sums stay exact in 64 bits far beyond it. */
export const maxMinorUnits = 9_000_000_000_000n;

export function money(minorUnits: bigint, currency: string): Money {
  if (!/^[A-Z]{3}$/.test(currency)) throw new Error(`"${currency}" is not the code of a currency`);
  if (minorUnits > maxMinorUnits || minorUnits < -maxMinorUnits) {
    throw new Fault('out-of-range', 'AMOUNT_TOO_LARGE', `An amount is at most ${maxMinorUnits} minor units.`, {
      metadata: { max_minor_units: String(maxMinorUnits) },
    });
  }
  return { minorUnits, currency };
}

export function zero(currency: string): Money {
  return money(0n, currency);
}

/** The sum; all in one currency. */
export function add(first: Money, ...others: readonly Money[]): Money {
  return money(
    others.reduce((sum, other) => sum + sameCurrency(first, other).minorUnits, first.minorUnits),
    first.currency,
  );
}

export function subtract(from: Money, amount: Money): Money {
  return money(from.minorUnits - sameCurrency(from, amount).minorUnits, from.currency);
}

/** So many of it. */
export function times(amount: Money, count: bigint | number): Money {
  return money(amount.minorUnits * BigInt(count), amount.currency);
}

/** Below, equal, above: negative, 0, positive. */
export function compare(a: Money, b: Money): number {
  const difference = a.minorUnits - sameCurrency(a, b).minorUnits;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/**
 * A share of it in basis points (hundredths of a percent), rounded half away from zero: 1850 of ₹99.99 is ₹18.50.
 * Use `allocate` where the shares must add up to the whole.
 */
export function portion(amount: Money, basisPoints: number): Money {
  const scaled = amount.minorUnits * BigInt(basisPoints);
  const half = scaled < 0n ? -5_000n : 5_000n;
  return money((scaled + half) / 10_000n, amount.currency);
}

/**
 * Shares it out by weight, to the last minor unit: the parts add up to the whole, and each is less than one unit away from
 * its exact share. What does not divide goes to the largest remainders, the first of equals.
 */
export function allocate(amount: Money, weights: readonly (bigint | number)[]): Money[] {
  const exact = weights.map((weight) => BigInt(weight));
  const total = exact.reduce((sum, weight) => sum + weight, 0n);
  if (total <= 0n || exact.some((weight) => weight < 0n)) {
    throw new Error('Weights are zero or more, and not all zero');
  }
  const sign = amount.minorUnits < 0n ? -1n : 1n;
  const whole = amount.minorUnits * sign;
  const parts = exact.map((weight) => (whole * weight) / total);
  const left = Number(whole - parts.reduce((sum, part) => sum + part, 0n));
  const byRemainder = exact
    .map((weight, index) => ({ index, remainder: (whole * weight) % total }))
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder < b.remainder ? 1 : -1));
  const luckier = new Set(byRemainder.slice(0, left).map(({ index }) => index));
  return parts.map((part, index) => money(sign * (part + (luckier.has(index) ? 1n : 0n)), amount.currency));
}

// Every other currency of ISO 4217 has two.
const otherFractionDigits: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' ').map((code) => [code, 0]),
  ),
  ...Object.fromEntries('BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3])),
  CLF: 4,
  UYW: 4,
};

/** How many digits stand after the point: 2 for INR, 0 for JPY, 3 for KWD. Not Intl's, which gives the rupiah none. */
export function fractionDigits(currency: string): number {
  return otherFractionDigits[currency] ?? 2;
}

/** The amount as people write it, without the currency: 49900 minor units of INR are "499.00". */
export function toDecimal({ minorUnits, currency }: Money): string {
  const places = fractionDigits(currency);
  const sign = minorUnits < 0n ? '-' : '';
  const text = String(minorUnits < 0n ? -minorUnits : minorUnits).padStart(places + 1, '0');
  return places === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -places)}.${text.slice(-places)}`;
}

/** Reads "499", "499.5" or "499.00"; undefined when the text is no exact amount of the currency. */
export function fromDecimal(text: string, currency: string): Money | undefined {
  const places = fractionDigits(currency);
  const match = /^(-?)(\d{1,13})(?:\.(\d{1,6}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  const exact = fraction.replace(/0+$/, '');
  if (exact.length > places) return undefined;
  const minorUnits = BigInt(whole + exact.padEnd(places, '0'));
  if (minorUnits > maxMinorUnits) return undefined;
  return money(sign === '-' ? -minorUnits : minorUnits, currency);
}

function sameCurrency(a: Money, b: Money): Money {
  if (a.currency !== b.currency) {
    throw new Fault(
      'failed-precondition',
      'CURRENCY_MISMATCH',
      `${a.currency} and ${b.currency} can't be reckoned together.`,
      {
        metadata: { currency: a.currency, other_currency: b.currency },
      },
    );
  }
  return b;
}
