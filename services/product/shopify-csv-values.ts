import { fractionDigits, fromDecimal, maxMinorUnits, toDecimal } from '#platform/money.ts';

/** What a cell says, or why it can't be read. */
export type CellValue<T> = { readonly value: T } | { readonly reason: string; readonly message: string };

const maxQuantity = 1_000_000_000;

/** An amount as the file writes it, "499", "499.5" or "499.50", in minor units. */
export function readPrice(text: string, currency: string): CellValue<bigint> {
  const [, sign = '', whole = '', decimals = ''] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text) ?? [];
  if (whole === '') {
    return {
      reason: 'PRICE_NOT_A_NUMBER',
      message: `${quoted(text)} is not an amount; write it like 1299.50, without a currency or separators`,
    };
  }
  const significant = decimals.replace(/0+$/, '');
  const most = fractionDigits(currency);
  if (significant.length > most) {
    return { reason: 'PRICE_TOO_PRECISE', message: `${quoted(text)} has more decimals than ${currency} has (${most})` };
  }
  if (sign !== '' && /[1-9]/.test(text)) {
    return { reason: 'PRICE_NEGATIVE', message: `${quoted(text)} is below zero` };
  }
  const price = fromDecimal(`${whole.replace(/^0+(?=\d)/, '')}.${significant}0`, currency);
  if (price === undefined) {
    const most = toDecimal({ minorUnits: maxMinorUnits, currency });
    return { reason: 'PRICE_TOO_LARGE', message: `${quoted(text)} is more than ${most}` };
  }
  return { value: price.minorUnits };
}

/** A number of pieces. Below zero it may be where backorders are allowed. */
export function readQuantity(text: string): CellValue<number> {
  if (!/^[+-]?\d+(\.0+)?$/.test(text)) {
    return { reason: 'QUANTITY_NOT_AN_INTEGER', message: `${quoted(text)} is not a whole number` };
  }
  const value = Number(text);
  if (Math.abs(value) > maxQuantity) {
    return { reason: 'QUANTITY_OUT_OF_RANGE', message: `${quoted(text)} is more than ${maxQuantity} pieces` };
  }
  return { value: value + 0 }; // -0 is 0
}

export function readGrams(text: string): CellValue<number> {
  if (!/^\d+(\.0+)?$/.test(text))
    return { reason: 'WEIGHT_NOT_AN_INTEGER', message: `${quoted(text)} is not a whole number of grams` };
  return { value: Number(text) };
}

const booleans: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  '1': true,
  false: false,
  no: false,
  '0': false,
};

export function readBoolean(text: string): CellValue<boolean> {
  const value = booleans[text.toLowerCase()];
  return value === undefined
    ? { reason: 'BOOLEAN_UNKNOWN', message: `${quoted(text)} is neither TRUE nor FALSE` }
    : { value };
}

/** Whether it may be sold when its stock has run out. */
export function readPolicy(text: string): CellValue<boolean> {
  const policy = text.toLowerCase();
  if (policy === 'continue' || policy === 'deny') return { value: policy === 'continue' };
  return { reason: 'POLICY_UNKNOWN', message: `${quoted(text)} is neither “deny” nor “continue”` };
}

export function readPosition(text: string): CellValue<number> {
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return { value: Number(text) };
  return { reason: 'POSITION_NOT_A_NUMBER', message: `${quoted(text)} is not a position: 1 is the first picture` };
}

/** The status that the file's Published and Status columns name together; what they leave out is on sale, as in Shopify. */
export function readStatus(status: string, published: boolean): CellValue<'draft' | 'published' | 'archived'> {
  switch (status.toLowerCase()) {
    case 'active':
      return { value: published ? 'published' : 'draft' };
    case 'draft':
    case 'unlisted':
      return { value: 'draft' };
    case 'archived':
      return { value: 'archived' };
    default:
      return { reason: 'STATUS_UNKNOWN', message: `${quoted(status)} is none of “active”, “draft” and “archived”` };
  }
}

/** Tags are separated by commas; none holds one. */
export function readTags(text: string): string[] {
  return text.split(',').filter((tag) => tag.trim() !== '');
}

/** A value in a message: short, on one line. */
export function quoted(text: string): string {
  const shown = text.replace(/[\p{Cc}\s]+/gu, ' ');
  return `“${[...shown].length > 40 ? `${[...shown].slice(0, 40).join('')}…` : shown}”`;
}
