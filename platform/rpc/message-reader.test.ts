import { expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { decompress, frame, MessageReader } from './message-reader.ts';

test('messages come out whole, however the bytes are cut', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 64 })), (messages, cuts) => {
      const sent = Buffer.concat(messages.map((message) => frame(message)));
      const reader = new MessageReader(300);
      const received: Buffer[] = [];
      let from = 0;
      for (const size of [...cuts, sent.length]) {
        reader.push(sent.subarray(from, (from += size)));
        for (let next = reader.next(); next !== undefined; next = reader.next()) received.push(next.bytes);
      }
      reader.end();
      expect(received.map((message) => [...message])).toEqual(messages.map((message) => [...message]));
    }),
  );
});

test('a message that is too large is refused by its prefix, before it is there', () => {
  const reader = new MessageReader(100);
  reader.push(frame(Buffer.alloc(101)).subarray(0, 5));
  expect(() => reader.next()).toThrow('at most 100 bytes');
});

test('a stream that ends inside a message or its prefix is refused', () => {
  for (const length of [1, 4, 5, 9]) {
    const reader = new MessageReader(100);
    reader.push(frame(Buffer.alloc(5)).subarray(0, length));
    expect(reader.next()).toBeUndefined();
    expect(() => reader.end()).toThrow('in the middle of a message');
  }
});

test('an unknown flag is refused', () => {
  const reader = new MessageReader(100);
  reader.push(Buffer.of(2, 0, 0, 0, 0));
  expect(() => reader.next()).toThrow('unknown flag');
});

test('a small message that unpacks to a large one is refused', async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  await expect(decompress(bomb, 'gzip', 1_000_000)).rejects.toThrow('at most 1000000 bytes');
  await expect(decompress(Buffer.from('no gzip'), 'gzip', 100)).rejects.toThrow('can not be unpacked');
});
