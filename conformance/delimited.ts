import type { Readable } from 'node:stream';
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';

/** The messages that the suite's runner sends: each after its size in four bytes. */
export async function* readDelimited<Desc extends DescMessage>(
  desc: Desc,
  input: Readable,
): AsyncGenerator<MessageShape<Desc>> {
  let buffered = Buffer.alloc(0);
  for await (const chunk of input as AsyncIterable<Buffer>) {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 4) {
      const end = 4 + buffered.readUInt32BE(0);
      if (buffered.length < end) break;
      yield fromBinary(desc, buffered.subarray(4, end));
      buffered = buffered.subarray(end);
    }
  }
}

/** A message as the runner reads it. */
export function delimited<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): Buffer {
  const bytes = toBinary(desc, message);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
}
