import { constants } from 'node:http2';
import type { ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus } from '@connectrpc/connect/protocol-connect';
import type { Exchange } from './exchange.ts';
import { frameError, frameMessage } from './grpc-web.ts';
import type { EdgeRequest, EdgeResponse } from './listener.ts';
import type { UnaryProtocol } from './protocol.ts';
import { errorToJson, reasonOf, retryAfterSeconds } from './refusals.ts';
import type { Answer } from './response-cache.ts';

type Headers = Record<string, string | number>;

const contentTypes = { json: 'application/json', proto: 'application/proto' } as const;
const sendTimeoutMs = 60_000; // the largest answer, 16 MiB, over 2 Mbit/s
const unhurriedBytes = 16 * 1024; // the system's own buffers take this much at once
const lingerMs = 1_000; // long enough for a client to notice the answer while it still sends
const drainedBytes = 64 * 1024; // a body of which no more is left is read to its end, and the connection stays

/** Status codes that say more than the one that Connect's table gives for the code. */
const statusOfReason: Readonly<Record<string, number>> = { BODY_TOO_LARGE: 413, BODY_TOO_SLOW: 408 };

/** Writes the answer of a unary call. `zipped` says whether its body is compressed. */
export function writeAnswer(
  { request, response, route, requestId }: Exchange,
  protocol: UnaryProtocol,
  answer: Answer,
  who: 'anybody' | 'user',
  zipped: boolean,
  nowMs: number,
): void {
  const headers: Headers = { 'x-request-id': requestId, 'x-content-type-options': 'nosniff' };
  if (protocol.name === 'grpc-web') {
    const framed = frameMessage(answer.body);
    headers['content-type'] = `application/grpc-web+${protocol.codec}`;
    headers['content-length'] = framed.length;
    response.writeHead(200, headers);
    response.end(framed);
    return;
  }
  headers['content-type'] = contentTypes[protocol.codec];
  if (zipped) headers['content-encoding'] = 'gzip';
  if (protocol.name === 'connect-get') {
    headers['cache-control'] = route.cacheControl[who];
    headers['vary'] = 'authorization, accept-encoding, origin';
    headers['etag'] = answer.etag;
    const ageSeconds = Math.floor((nowMs - answer.madeAtMs) / 1000);
    if (ageSeconds > 0) headers['age'] = ageSeconds;
    if (matches(request.headers['if-none-match'], answer.etag)) {
      response.writeHead(304, headers);
      response.end();
      return;
    }
  }
  headers['content-length'] = answer.body.length;
  response.writeHead(200, headers);
  response.end(answer.body);
  if (answer.body.length > unhurriedBytes) limitSending(response);
}

/** Cuts off a client that takes its answer too slowly: it would hold it in memory for as long as it likes. */
function limitSending(response: EdgeResponse): void {
  const timer = setTimeout(() => response.destroy(), sendTimeoutMs);
  response.once('close', () => clearTimeout(timer));
}

/** Writes why a call is refused, as its protocol does. */
export function writeRefusal(
  { request, response, requestId }: Exchange,
  { name, codec }: UnaryProtocol,
  error: ConnectError,
): void {
  if (response.writableEnded || response.destroyed) return; // the client went away
  const headers: Headers = { 'x-request-id': requestId, 'x-content-type-options': 'nosniff' };
  if (name === 'grpc-web') {
    headers['content-type'] = `application/grpc-web+${codec}`;
    writeWhole(request, response, 200, headers, frameError(error));
    return;
  }
  const retryAfter = retryAfterSeconds(error);
  if (retryAfter !== undefined && !response.hasHeader('retry-after')) headers['retry-after'] = retryAfter;
  if (name === 'connect-get') headers['cache-control'] = 'no-store';
  const status = statusOfReason[reasonOf(error) ?? ''] ?? codeToHttpStatus(error.code);
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  writeWhole(request, response, status, { ...headers, 'content-type': 'application/json' }, errorToJson(error));
}

/**
 * Writes an answer that may come before the whole request has. A client that still sends much is read from for a moment:
 * a connection closed at once would be reset, and take the answer with it.
 */
export function writeWhole(
  request: EdgeRequest,
  response: EdgeResponse,
  status: number,
  headers: Headers,
  body: Buffer,
): void {
  headers['content-length'] = body.length;
  const left = Number(
    request.headers['content-length'] ?? (request.headers['transfer-encoding'] === undefined ? 0 : Infinity),
  );
  if ('stream' in request) {
    const { stream } = request;
    response.writeHead(status, headers);
    // What the client still sends is not wanted: NO_ERROR tells it so, and leaves it the answer (RFC 9113, 8.1).
    response.end(body, () => stream.close(constants.NGHTTP2_NO_ERROR));
    return;
  }
  if (request.complete || left <= drainedBytes) {
    response.writeHead(status, headers);
    response.end(body);
    request.resume();
    return;
  }
  response.writeHead(status, { ...headers, connection: 'close' });
  response.write(body);
  const timer = setTimeout(() => response.end(), lingerMs);
  request.once('end', () => response.end());
  response.once('close', () => clearTimeout(timer));
  request.resume();
}

/** Whether If-None-Match names the ETag (RFC 9110, 13.1.2: compared weakly). */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
