import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Fault } from '#platform/fault.ts';

/** What bodies may take. Shared by all requests of a gateway. */
export type BodyLimits = {
  readonly maxBytes: number;
  /** How long a body may take to arrive. */
  readonly timeoutMs: number;
  /** The most bytes held of all bodies that are arriving. */
  readonly maxBufferedBytes: number;
};

export type BodyReader = {
  /** The whole body. Throws a Fault when it is too large, too slow or more than can be held now. */
  read(request: IncomingMessage | Http2ServerRequest): Promise<Buffer>;
  /** Undoes Content-Encoding: gzip; what unfolds beyond the limit is refused. */
  unzip(body: Buffer): Promise<Buffer>;
};

const unzip = promisify(gunzip);
const empty = Buffer.alloc(0);

export function createBodyReader(limits: BodyLimits): BodyReader {
  let buffered = 0;
  const { maxBytes } = limits;

  function read(request: IncomingMessage | Http2ServerRequest): Promise<Buffer> {
    const announced = request.headers['content-length'];
    if (announced !== undefined && Number(announced) > maxBytes) return Promise.reject(tooLarge(maxBytes));
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const timer = setTimeout(() => finish(tooSlow(limits.timeoutMs)), limits.timeoutMs);

      const onData = (chunk: Buffer): void => {
        size += chunk.length;
        buffered += chunk.length;
        chunks.push(chunk);
        if (size > maxBytes) finish(tooLarge(maxBytes));
        else if (buffered > limits.maxBufferedBytes) finish(tooMuchAtOnce());
      };
      const onEnd = (): void => finish(undefined);
      const onGone = (): void =>
        finish(new Fault('canceled', 'CLIENT_GONE', 'The client went away before its request was complete.'));

      function finish(fault: Fault | undefined): void {
        clearTimeout(timer);
        request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
        buffered -= size;
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
    async unzip(body) {
      try {
        return await unzip(body, { maxOutputLength: maxBytes });
      } catch (error) {
        if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
          throw tooLarge(maxBytes);
        throw new Fault(
          'invalid-argument',
          'MALFORMED_GZIP',
          'The body is not valid gzip, as its content-encoding says.',
          { cause: error },
        );
      }
    },
  };
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

function tooMuchAtOnce(): Fault {
  return new Fault(
    'unavailable',
    'OVERLOADED',
    'Too many large requests are arriving just now. Try again in a second.',
    { retryAfterMs: 1000 },
  );
}

function ignore(): void {
  // nobody waits for this request any more
}
