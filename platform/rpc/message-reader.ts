import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { Code, ConnectError } from '@connectrpc/connect';

/** gRPC's frame around a message: one byte that says whether it is compressed, four with its length. */
const prefixBytes = 5;

/** A message as it came: `bytes` still compressed when `compressed` says so. */
export type Frame = { readonly compressed: boolean; readonly bytes: Buffer };

/** Takes messages from a stream of bytes, never holding more than one message beyond what it was given. */
export class MessageReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #size = 0;
  #prefix: { readonly compressed: boolean; readonly length: number } | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** The next whole message; undefined while it isn't all there. Throws as soon as the prefix tells that it is too large. */
  next(): Frame | undefined {
    if (this.#prefix === undefined) {
      if (this.#size < prefixBytes) return undefined;
      const prefix = this.#take(prefixBytes);
      const flag = prefix[0];
      if (flag !== 0 && flag !== 1) throw new ConnectError('a message has an unknown flag', Code.Internal);
      const length = prefix.readUInt32BE(1);
      if (length > this.#maxBytes) throw tooLarge(this.#maxBytes);
      this.#prefix = { compressed: flag === 1, length };
    }
    const { compressed, length } = this.#prefix;
    if (this.#size < length) return undefined;
    this.#prefix = undefined;
    return { compressed, bytes: this.#take(length) };
  }

  /** Called at the end of the stream: throws when it ended inside a message. */
  end(): void {
    if (this.#size > 0 || this.#prefix !== undefined) {
      throw new ConnectError('the stream ended in the middle of a message', Code.InvalidArgument);
    }
  }

  #take(length: number): Buffer {
    this.#size -= length;
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= length) {
      if (first.length === length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    const all = Buffer.concat(this.#chunks);
    this.#chunks = all.length === length ? [] : [all.subarray(length)];
    return all.subarray(0, length);
  }
}

/** A message in its frame. */
export function frame(bytes: Uint8Array, compressed = false): Buffer {
  const framed = Buffer.allocUnsafe(prefixBytes + bytes.length);
  framed[0] = compressed ? 1 : 0;
  framed.writeUInt32BE(bytes.length, 1);
  framed.set(bytes, prefixBytes);
  return framed;
}

const gunzipAsync = promisify(gunzip);
const gzipAsync = promisify(gzip);

/** The message in a compressed frame; refused when it is no gzip, or larger than it may be once it is unpacked. */
export async function decompress(bytes: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  if (encoding !== 'gzip') {
    throw new ConnectError(`a message is compressed, but grpc-encoding is "${encoding}"`, Code.Internal);
  }
  try {
    return await gunzipAsync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new ConnectError(
      'a compressed message can not be unpacked',
      Code.InvalidArgument,
      undefined,
      undefined,
      cause,
    );
  }
}

/** A compressed message in its frame. */
export async function compressedFrame(bytes: Uint8Array): Promise<Buffer> {
  return frame(await gzipAsync(bytes), true);
}

function tooLarge(maxBytes: number): ConnectError {
  return new ConnectError(`a message may have at most ${maxBytes} bytes`, Code.ResourceExhausted);
}
