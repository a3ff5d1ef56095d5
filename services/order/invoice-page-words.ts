import { fractionDigits } from '#platform/money.ts';

const small = (
  'Zero One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen Fourteen Fifteen Sixteen Seventeen ' +
  'Eighteen Nineteen'
).split(' ');
const tens = '- - Twenty Thirty Forty Fifty Sixty Seventy Eighty Ninety'.split(' ');
const units = [
  { size: 10_000_000n, name: 'Crore' },
  { size: 100_000n, name: 'Lakh' },
  { size: 1_000n, name: 'Thousand' },
  { size: 100n, name: 'Hundred' },
];

/** "Rupees One Lakh Twenty Thousand and Fifty Paise Only"; of another currency, its code and hundredths in figures. */
export function amountInWords(minorUnits: bigint, currency: string): string {
  if (minorUnits < 0n) return `Minus ${amountInWords(-minorUnits, currency)}`;
  const unit = 10n ** BigInt(fractionDigits(currency));
  const whole = numberInWords(minorUnits / unit);
  const rest = minorUnits % unit;
  if (currency === 'INR') return `Rupees ${whole}${rest === 0n ? '' : ` and ${numberInWords(rest)} Paise`} Only`;
  return `${currency} ${whole}${rest === 0n ? '' : ` and ${rest}/${unit}`} Only`;
}

/** As India counts: in lakhs and crores. */
function numberInWords(number: bigint): string {
  const unit = units.find(({ size }) => number >= size);
  if (unit === undefined) return belowHundred(Number(number));
  const rest = number % unit.size;
  return `${numberInWords(number / unit.size)} ${unit.name}${rest === 0n ? '' : ` ${numberInWords(rest)}`}`;
}

function belowHundred(number: number): string {
  const word = number < 20 ? small[number] : tens[Math.floor(number / 10)];
  const rest = number < 20 ? 0 : number % 10;
  return `${word ?? ''}${rest === 0 ? '' : `-${small[rest] ?? ''}`}`;
}
