import { expect, test } from '@jest/globals';
import { entryIdAt, entryIdFrom, entryTimeMs, idOfUuid, isEntryId, newEntryId, uuidOf } from './message-log-id.ts';

const time = new Date('2026-03-01T10:00:00.123Z');

test('an id is its TIMEUUID and back', () => {
  for (let count = 0; count < 2_000; count++) {
    const id = newEntryId('msg', time.getTime() + count * 7_919_113);
    expect(idOfUuid('msg', uuidOf(id))).toBe(id);
  }
  const least = entryIdAt('msg', new Date(0));
  expect(idOfUuid('msg', uuidOf(least))).toBe(least);
});

test('a TIMEUUID is of version 1 and has the time of the id', () => {
  const hex = uuidOf(newEntryId('msg', time.getTime())).toString('hex');
  expect(hex.charAt(12)).toBe('1');
  expect(['8', '9', 'a', 'b']).toContain(hex.charAt(16));
  const ticks = BigInt(`0x${hex.slice(13, 16)}${hex.slice(8, 12)}${hex.slice(0, 8)}`);
  expect((ticks - 0x01b21dd213814000n) / 10_000n).toBe(BigInt(time.getTime()));
});

test('the order of TIMEUUIDs in Cassandra is the order of the ids', () => {
  const ids = Array.from({ length: 2_000 }, (_, index) => newEntryId('msg', time.getTime() + Math.floor(index / 500)));
  const byUuid = ids.toSorted((one, other) => compareAsCassandra(uuidOf(one), uuidOf(other)));
  expect(byUuid).toEqual(ids.toSorted());
});

test('who names the same gets the same id, and another name another', () => {
  const id = entryIdFrom('msg', time, 'evt_1');
  expect(entryIdFrom('msg', time, 'evt_1')).toBe(id);
  expect(entryIdFrom('msg', time, 'evt_2')).not.toBe(id);
  expect(isEntryId('msg', id)).toBe(true);
  expect(entryTimeMs(id)).toBe(time.getTime());
  expect(entryIdAt('msg', time) <= id).toBe(true);
  expect(entryIdAt('msg', new Date(time.getTime() + 1)) > id).toBe(true);
});

test('an id of another kind is none of an entry', () => {
  expect(isEntryId('msg', newEntryId('aud'))).toBe(false);
  expect(isEntryId('msg', 'msg_01k9z30000000000000000abcd')).toBe(false);
  expect(isEntryId('msg', '')).toBe(false);
});

// org.apache.cassandra.db.marshal.TimeUUIDType: by time, then by the other bytes as signed ones.
function compareAsCassandra(one: Buffer, other: Buffer): number {
  const time = (bytes: Buffer): bigint =>
    BigInt(`0x${bytes.toString('hex').replace(/^(.{8})(.{4})(.{4}).*$/, '$3$2$1')}`);
  if (time(one) !== time(other)) return time(one) < time(other) ? -1 : 1;
  for (let index = 8; index < 16; index++) {
    const difference = one.readInt8(index) - other.readInt8(index);
    if (difference !== 0) return difference;
  }
  return 0;
}
