import type { Answer } from './response-cache.ts';

/** What stands before the body: as JSON, after two bytes with its length. */
type Head = { readonly etag: string; readonly forMs: number; readonly tags: readonly string[] };

const lengthBytes = 2;

/**
 * An answer as an engine keeps it: bytes without a time, since the clocks of gateways differ. It isn't compressed: for who takes gzip
 * the compressed answer is kept beside it.
 */
export function encodeAnswer({ body, etag, tags, madeAtMs, staleAtMs }: Answer): Buffer {
  const head: Head = { etag, forMs: staleAtMs - madeAtMs, tags };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt16BE(text.length);
  return Buffer.concat([length, text, body]);
}

/** Undefined for what another version of the shop has written. */
export function decodeAnswer(bytes: Buffer, staleAtMs: number): Answer | undefined {
  try {
    const end = lengthBytes + bytes.readUInt16BE(0);
    const head: unknown = JSON.parse(bytes.toString('utf8', lengthBytes, end));
    if (!isHead(head)) return undefined;
    const { etag, tags, forMs } = head;
    return { body: bytes.subarray(end), etag, tags, staleAtMs, madeAtMs: staleAtMs - forMs };
  } catch {
    return undefined;
  }
}

function isHead(head: unknown): head is Head {
  return (
    typeof head === 'object' &&
    head !== null &&
    'etag' in head &&
    typeof head.etag === 'string' &&
    'forMs' in head &&
    typeof head.forMs === 'number' &&
    'tags' in head &&
    Array.isArray(head.tags) &&
    head.tags.every((tag) => typeof tag === 'string')
  );
}
