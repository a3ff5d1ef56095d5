import { randomFillSync } from 'node:crypto';

// Crockford's base 32: no i, l, o, u, which people misread. In this order, sorting the text sorts the number.
const digits = '0123456789abcdefghjkmnpqrstvwxyz';
const timeDigits = 10; // 48 bits of milliseconds last until the year 10889
const randomDigits = 16; // 80 bits: nobody guesses one, and a billion ids a second would take an age to repeat

const pool = Buffer.alloc(randomDigits * 256); // the system is asked once for 256 ids
let used = pool.length;

/**
 * A new id such as "prd_01k9z3…": what it names, then 26 characters, the time first so that new rows stand beside each other
 * in an index, then 80 random bits. The layout is ULID's (github.com/ulid/spec), in lower case.
 */
export function newId(prefix: string, now: number = Date.now()): string {
  if (!/^[a-z]{2,8}$/.test(prefix)) throw new Error(`"${prefix}" can't begin an id: two to eight small letters`);
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let id = `${prefix}_`;
  for (let shift = timeDigits - 1; shift >= 0; shift--) id += digit(Math.floor(now / 32 ** shift) % 32);
  for (const end = used + randomDigits; used < end; used++) id += digit((pool[used] ?? 0) & 31);
  return id;
}

/** Whether the text could have come from `newId(prefix)`. */
export function isId(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}_`) && /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text.slice(prefix.length + 1));
}

function digit(value: number): string {
  return digits.charAt(value);
}
