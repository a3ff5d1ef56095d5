import { createHash } from 'node:crypto';
import { newId } from './ids.ts';

// The layout of ids (ids.ts) with 70 random bits instead of 80: what a TIMEUUID has room for, so that the two stand for each other.
const digits = '0123456789abcdefghjkmnpqrstvwxyz';
const timeDigits = 10;
const ending = '00';
const randomDigits = 14;
const shape = /^[0-7][0-9a-hjkmnp-tv-z]{23}00$/;

/** A new id of an entry, such as "msg_01k9z3…00". Ids sort as text by their time; those of one millisecond in any order, always the same. */
export function newEntryId(prefix: string, now: number = Date.now()): string {
  return newId(prefix, now).slice(0, -ending.length) + ending;
}

/** The id of the entry that says what `seed` names, such as an event's id: whoever says it again gives it the same. */
export function entryIdFrom(prefix: string, time: Date, seed: string): string {
  const hash = createHash('sha256').update(`${prefix}\0${seed}`).digest();
  let random = '';
  for (let index = 0; index < randomDigits; index++) random += digit((hash[index] ?? 0) & 31);
  return timePart(prefix, time.getTime()) + random + ending;
}

/** The least id of that millisecond: a cursor for "since", which need not be the id of an entry. */
export function entryIdAt(prefix: string, time: Date): string {
  return timePart(prefix, Math.max(0, time.getTime())) + '0'.repeat(randomDigits) + ending;
}

/** Whether the text could be an entry's id. */
export function isEntryId(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}_`) && shape.test(text.slice(prefix.length + 1));
}

/** Unix milliseconds at which the id was made, by the clock of its maker. */
export function entryTimeMs(id: string): number {
  return numberOf(id.slice(-26, -16));
}

/** The least and the greatest TIMEUUID that stands for an id. */
export const uuidBounds = {
  least: boundary(0n, 0x80, 0x80),
  greatest: boundary(0x0fff_ffff_ffff_ffffn, 0xbf, 0x7f),
} as const;

const gregorianTicks = 0x01b2_1dd2_1381_4000n; // 100 ns from 1582-10-15 to 1970

/**
 * The TIMEUUID (RFC 9562, version 1) of an id. Cassandra orders the last eight bytes as signed ones; with their high bits turned
 * over that is the order of the ids.
 */
export function uuidOf(id: string): Buffer {
  const text = id.slice(-26);
  const ticks = BigInt(numberOf(text.slice(0, 10))) * 10_000n + BigInt(numberOf(text.slice(10, 12))) + gregorianTicks;
  const bytes = Buffer.alloc(16);
  writeTime(bytes, ticks);
  const high = numberOf(text.slice(12, 18));
  const low = numberOf(text.slice(18, 24));
  bytes[8] = 0x80 | (high >>> 26);
  bytes[9] = (high >>> 18) ^ 0x80;
  bytes[10] = (high >>> 10) ^ 0x80;
  bytes[11] = (high >>> 2) ^ 0x80;
  bytes[12] = (((high & 3) << 6) | (low >>> 24)) ^ 0x80;
  bytes[13] = (low >>> 16) ^ 0x80;
  bytes[14] = (low >>> 8) ^ 0x80;
  bytes[15] = low ^ 0x80;
  return bytes;
}

/** The id that a TIMEUUID stands for. */
export function idOfUuid(prefix: string, bytes: Buffer): string {
  const low32 = bytes.readUInt32BE(0);
  const high28 = ((bytes.readUInt16BE(6) & 0x0fff) << 16) | bytes.readUInt16BE(4);
  const ticks = ((BigInt(high28) << 32n) | BigInt(low32)) - gregorianTicks;
  const ms = ticks / 10_000n;
  const byte = (index: number): number => (bytes[index] ?? 0) ^ 0x80;
  const high =
    (((bytes[8] ?? 0) & 0x0f) << 26) | (byte(9) << 18) | (byte(10) << 10) | (byte(11) << 2) | (byte(12) >>> 6);
  const low = ((byte(12) & 0x3f) << 24) | (byte(13) << 16) | (byte(14) << 8) | byte(15);
  const random = text(Number(ticks - ms * 10_000n), 2) + text(high, 6) + text(low, 6);
  return timePart(prefix, Number(ms)) + random + ending;
}

function writeTime(bytes: Buffer, ticks: bigint): void {
  bytes.writeUInt32BE(Number(ticks & 0xffff_ffffn), 0);
  bytes.writeUInt16BE(Number((ticks >> 32n) & 0xffffn), 4);
  bytes.writeUInt16BE(Number((ticks >> 48n) & 0x0fffn) | 0x1000, 6);
}

function boundary(ticks: bigint, sequence: number, rest: number): Buffer {
  const bytes = Buffer.alloc(16, rest);
  writeTime(bytes, ticks);
  bytes[8] = sequence;
  return bytes;
}

function timePart(prefix: string, ms: number): string {
  return `${prefix}_${text(ms, timeDigits)}`;
}

function text(value: number, length: number): string {
  let result = '';
  for (let rest = value, index = 0; index < length; index++) {
    result = digit(rest % 32) + result;
    rest = Math.floor(rest / 32);
  }
  return result;
}

function digit(value: number): string {
  return digits.charAt(value);
}

const values = new Map([...digits].map((character, value) => [character, value]));

function numberOf(part: string): number {
  let number = 0;
  for (const character of part) number = number * 32 + (values.get(character) ?? 0);
  return number;
}
