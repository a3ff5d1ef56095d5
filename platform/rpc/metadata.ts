import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import type { IncomingMetadata } from './hooks.ts';

/** Headers that belong to the connection or to the protocol: never a call's own. What a sidecar says of the caller's certificate is the connection's. */
const reserved =
  /^(?::|grpc-|(?:connection|content-length|content-type|host|http2-settings|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|x-forwarded-client-cert)$)/;

/** gRPC metadata with what Connect calls headers; "-bin" values are base64 there and bytes here. */
export function toMetadata(headers: Headers): Metadata {
  const metadata = new Metadata();
  addHeaders(metadata, headers);
  return metadata;
}

/** Adds headers to metadata, leaving out those that belong to the protocol. */
export function addHeaders(metadata: Metadata, headers: Headers): void {
  headers.forEach((value, key) => {
    if (reserved.test(key)) return;
    if (key.endsWith('-bin')) for (const bytes of binaryValues(value)) metadata.add(key, bytes);
    else metadata.add(key, value);
  });
}

/** Connect's headers with what gRPC metadata says. */
export function toHeaders(metadata: Metadata): Headers {
  const headers = new Headers();
  appendMetadata(headers, metadata);
  return headers;
}

/** Appends metadata to headers. */
export function appendMetadata(headers: Headers, metadata: Metadata): void {
  for (const [key, values] of Object.entries(metadata.toJSON())) {
    for (const value of values) headers.append(key, typeof value === 'string' ? value : unpadded(value));
  }
}

/** Adds headers to those of HTTP/2, leaving out those that belong to the protocol. */
export function assignHeaders(target: OutgoingHttpHeaders, headers: Headers | undefined): void {
  headers?.forEach((value, key) => {
    if (!reserved.test(key)) target[key] = value;
  });
}

/** A call's metadata, read from its HTTP/2 headers when somebody asks. */
export class HeaderMetadata implements IncomingMetadata {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get(key: string): (string | Buffer)[] {
    const name = key.toLowerCase();
    const value = this.#headers[name];
    if (value === undefined) return [];
    const values = Array.isArray(value) ? value : [value];
    return name.endsWith('-bin') ? values.flatMap(binaryValues) : values;
  }

  /** All of it that is the call's own, as Connect's headers. */
  toHeaders(): Headers {
    const headers = new Headers();
    for (const [key, value] of Object.entries(this.#headers)) {
      if (value === undefined || reserved.test(key)) continue;
      for (const one of Array.isArray(value) ? value : [value]) headers.append(key, one);
    }
    return headers;
  }
}

/** Base64 without padding, as gRPC asks senders to write it. */
export function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

function binaryValues(value: string): Buffer[] {
  return value.split(',').map((part) => Buffer.from(part.trim(), 'base64'));
}
