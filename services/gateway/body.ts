import { promisify } from 'node:util';
import { brotliDecompress, gunzip } from 'node:zlib';
import { Fault } from '#platform/fault.ts';
import { type ByteBudget, tooMuchAtOnce } from './byte-budget.ts';
import type { Exchange } from './exchange.ts';

export type BodyLimits = {
  readonly maxBytes: number;
  /** How long a body may take to arrive. */
  readonly timeoutMs: number;
  /** What all bodies together may take. */
  readonly budget: ByteBudget;
};

export type BodyReader = {
  /** The whole body. Throws a Fault when it is too large, too slow or more than can be held now. A large one counts until the response closes. */
  read(exchange: Receiving): Promise<Buffer>;
  /** Undoes a compression by its HTTP name; what unfolds beyond the limit is refused. */
  decompress(body: Buffer, encoding: string | string[] | undefined, exchange: Receiving): Promise<Buffer>;
};

/** What the reader needs to know of a call. */
export type Receiving = Pick<Exchange, 'request' | 'onClose'>;

type Decompressor = (body: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const decompressors: ReadonlyMap<string, Decompressor> = new Map([
  ['gzip', promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(gunzip)],
  ['br', promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(brotliDecompress)],
]);
const empty = Buffer.alloc(0);
const smallBytes = 16 * 1024; // calls are bounded in number too: small bodies need no count of their own

export function createBodyReader({ maxBytes, timeoutMs, budget }: BodyLimits): BodyReader {
  function read({ request, onClose }: Receiving): Promise<Buffer> {
    const announced = request.headers['content-length'];
    if (announced !== undefined && Number(announced) > maxBytes) return Promise.reject(tooLarge(maxBytes));
    if (request.destroyed) return Promise.reject(gone());
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const timer = setTimeout(() => finish(tooSlow(timeoutMs)), timeoutMs);

      const onData = (chunk: Buffer): void => {
        size += chunk.length;
        chunks.push(chunk);
        const fits = budget.hold(chunk.length);
        if (size > maxBytes) finish(tooLarge(maxBytes));
        else if (!fits) finish(tooMuchAtOnce());
      };
      const onEnd = (): void => finish(undefined);
      const onGone = (): void => finish(gone());

      function finish(fault: Fault | undefined): void {
        clearTimeout(timer);
        request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
        if (fault === undefined && size > smallBytes) onClose(() => budget.release(size));
        else budget.release(size);
        if (fault === undefined) resolve(chunks.length === 1 ? (chunks[0] ?? empty) : Buffer.concat(chunks, size));
        else {
          request.on('error', ignore); // the client may still break off what nobody reads any more
          request.pause();
          reject(fault);
        }
      }
      request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
    });
  }

  return {
    read,
    async decompress(body, encoding, { onClose }) {
      if (encoding === undefined || encoding === 'identity') return body;
      const decompressor = typeof encoding === 'string' ? decompressors.get(encoding) : undefined;
      if (decompressor === undefined) {
        throw new Fault(
          'unimplemented',
          'COMPRESSION_UNKNOWN',
          'The body may be compressed by gzip or br, or not at all.',
        );
      }
      let unfolded: Buffer;
      try {
        unfolded = await decompressor(body, { maxOutputLength: maxBytes });
      } catch (cause) {
        if (isObject(cause) && cause['code'] === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
        throw new Fault('invalid-argument', 'MALFORMED_COMPRESSION', `The body is not valid ${String(encoding)}.`, {
          cause,
        });
      }
      if (unfolded.length > smallBytes) {
        onClose(() => budget.release(unfolded.length));
        if (!budget.hold(unfolded.length)) throw tooMuchAtOnce();
      }
      return unfolded;
    },
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

export function tooLarge(maxBytes: number): Fault {
  return new Fault('resource-exhausted', 'BODY_TOO_LARGE', `The request is larger than ${maxBytes} bytes.`, {
    metadata: { max_bytes: String(maxBytes) },
  });
}

function tooSlow(timeoutMs: number): Fault {
  return new Fault('deadline-exceeded', 'BODY_TOO_SLOW', `The request did not arrive within ${timeoutMs} ms.`, {
    metadata: { timeout_ms: String(timeoutMs) },
  });
}

function gone(): Fault {
  return new Fault('canceled', 'CLIENT_GONE', 'The client went away before its request was complete.');
}

function ignore(): void {
  // nobody waits for this request any more
}
