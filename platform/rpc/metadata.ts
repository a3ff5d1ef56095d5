import { Metadata } from '@grpc/grpc-js';

/** Headers that belong to the connection or to the protocol: never a call's own. */
const reserved =
  /^(?::|grpc-|(?:connection|content-length|content-type|host|keep-alive|te|trailer|transfer-encoding|upgrade|user-agent)$)/;

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
    if (key.endsWith('-bin')) {
      for (const part of value.split(',')) metadata.add(key, Buffer.from(part.trim(), 'base64'));
    } else {
      metadata.add(key, value);
    }
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
    for (const value of values) {
      headers.append(key, typeof value === 'string' ? value : value.toString('base64').replace(/=+$/, ''));
    }
  }
}
