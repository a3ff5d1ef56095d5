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
  return numberOf(id, id.length - 26, id.length - 16);
}

/** The least and the greatest TIMEUUID that stands for an id. */
export const uuidBounds = {
  least: boundary(0, 0, 0x80, 0x80),
  greatest: boundary(0x0fff_ffff, 0xffff_ffff, 0xbf, 0x7f),
} as const;

// A TIMEUUID counts 100 ns since 1582-10-15, in 60 bits: here by their high and low 32, since a number holds 53 and a page of BigInts
// costs what the driver's own work does.
const gregorian = { high: 0x01b2_1dd2, low: 0x1381_4000 }; // 1970
const ticksOfMs = 10_000;
const ofHigh = { ms: Math.floor(2 ** 32 / ticksOfMs), ticks: 2 ** 32 % ticksOfMs };

/**
 * The TIMEUUID (RFC 9562, version 1) of an id. Cassandra orders the last eight bytes as signed ones; with their high bits turned
 * over that is the order of the ids.
 */
export function uuidOf(id: string): Buffer {
  const start = id.length - 26;
  const ms = numberOf(id, start, start + 10);
  const lateMs = ms % 2 ** 24;
  const early = (ms - lateMs) * ticksOfMs; // a multiple of 2^24, so exact
  const low = (early % 2 ** 32) + lateMs * ticksOfMs + numberOf(id, start + 10, start + 12) + gregorian.low;
  const bytes = Buffer.allocUnsafe(16);
  writeTime(bytes, Math.floor(early / 2 ** 32) + Math.floor(low / 2 ** 32) + gregorian.high, low % 2 ** 32);
  const high = numberOf(id, start + 12, start + 18);
  const rest = numberOf(id, start + 18, start + 24);
  bytes[8] = 0x80 | (high >>> 26);
  bytes[9] = (high >>> 18) ^ 0x80;
  bytes[10] = (high >>> 10) ^ 0x80;
  bytes[11] = (high >>> 2) ^ 0x80;
  bytes[12] = (((high & 3) << 6) | (rest >>> 24)) ^ 0x80;
  bytes[13] = (rest >>> 16) ^ 0x80;
  bytes[14] = (rest >>> 8) ^ 0x80;
  bytes[15] = rest ^ 0x80;
  return bytes;
}

/** The id that a TIMEUUID stands for. */
export function idOfUuid(prefix: string, bytes: Buffer): string {
  const high28 = (((bytes.readUInt16BE(6) & 0x0fff) << 16) | bytes.readUInt16BE(4)) - gregorian.high;
  const ticks = high28 * ofHigh.ticks + bytes.readUInt32BE(0) - gregorian.low;
  const ms = high28 * ofHigh.ms + Math.floor(ticks / ticksOfMs);
  const ticksLeft = ticks - Math.floor(ticks / ticksOfMs) * ticksOfMs;
  const byte = (index: number): number => (bytes[index] ?? 0) ^ 0x80;
  const high =
    (((bytes[8] ?? 0) & 0x0f) << 26) | (byte(9) << 18) | (byte(10) << 10) | (byte(11) << 2) | (byte(12) >>> 6);
  const low = ((byte(12) & 0x3f) << 24) | (byte(13) << 16) | (byte(14) << 8) | byte(15);
  return timePart(prefix, ms) + text(ticksLeft, 2) + text(high, 6) + text(low, 6) + ending;
}

function writeTime(bytes: Buffer, high: number, low: number): void {
  bytes.writeUInt32BE(low, 0);
  bytes.writeUInt16BE(high & 0xffff, 4);
  bytes.writeUInt16BE(0x1000 | ((high >>> 16) & 0x0fff), 6);
}

function boundary(high: number, low: number, sequence: number, rest: number): Buffer {
  const bytes = Buffer.alloc(16, rest);
  writeTime(bytes, high, low);
  bytes[8] = sequence;
  return bytes;
}

function timePart(prefix: string, ms: number): string {
  return `${prefix}_${text(ms, timeDigits)}`;
}

const pairs = Array.from({ length: 1_024 }, (_, value) => digit(value >> 5) + digit(value & 31));

/** A number in so many digits, which are even. */
function text(value: number, length: number): string {
  let result = '';
  for (let rest = value, left = length; left > 0; left -= 2) {
    const next = Math.floor(rest / 1_024);
    result = (pairs[rest - next * 1_024] ?? '') + result;
    rest = next;
  }
  return result;
}

function digit(value: number): string {
  return digits.charAt(value);
}

const values = Uint8Array.from({ length: 128 }, (_, code) => Math.max(0, digits.indexOf(String.fromCharCode(code))));

function numberOf(id: string, from: number, to: number): number {
  let number = 0;
  for (let index = from; index < to; index++) number = number * 32 + (values[id.charCodeAt(index)] ?? 0);
  return number;
}
