import type { ConnectError } from '@connectrpc/connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { Fault } from '#platform/fault.ts';

// gRPC-Web frames: one byte of flags, four of length, then the message or, with the highest flag set, the trailer
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md).
const headBytes = 5;
const trailerFlag = 0x80;

/** The one message of a unary gRPC-Web request, and whether it is compressed. */
export function unframeMessage(body: Buffer): { readonly message: Buffer; readonly compressed: boolean } {
  if (body.length < headBytes) throw malformed('it ends before its first message does');
  const flags = body.readUInt8(0);
  if (flags > 1) throw malformed('its first frame is no message');
  const length = body.readUInt32BE(1);
  if (length > body.length - headBytes) throw malformed('it ends before its first message does');
  if (length < body.length - headBytes) throw malformed('a unary call takes one message');
  return { message: body.subarray(headBytes), compressed: flags === 1 };
}

/** The answer to a unary gRPC-Web request: the message and the trailer of a call that went well. */
export function frameMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(headBytes + message.length + okTrailer.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, headBytes);
  framed.set(okTrailer, headBytes + message.length);
  return framed;
}

/** The trailer of a call that failed. */
export function frameError(error: ConnectError): Buffer {
  const lines: string[] = [];
  setTrailerStatus(new Headers(), error).forEach((value, name) => lines.push(`${name}: ${value}\r\n`));
  return frameTrailer(lines.join(''));
}

const okTrailer = frameTrailer('grpc-status: 0\r\n');

function frameTrailer(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(headBytes);
  head[0] = trailerFlag;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function malformed(what: string): Fault {
  return new Fault('invalid-argument', 'MALFORMED_GRPC_WEB', `The body is no gRPC-Web request: ${what}.`);
}
