import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { toBinary, type DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { StatusSchema } from '#gen/google/rpc/status_pb.ts';
import type { Arrival } from './hooks.ts';
import { compressedFrame, frame } from './message-reader.ts';
import { assignHeaders, HeaderMetadata, unpadded } from './metadata.ts';
import { statusDetails } from './status.ts';

/** What a server has decided about messages. */
export type MessageLimits = {
  /** The largest message taken, after decompression. */
  readonly maxBytes: number;
  /** Answers of at least this size are compressed for those who accept it. */
  readonly compressFromBytes: number;
};

const okTrailer: OutgoingHttpHeaders = Object.freeze({ 'grpc-status': '0' });
const awaitTrailer = { waitForTrailers: true, sendDate: false }; // gRPC has no use for a date
const trailerOnly = { endStream: true, sendDate: false };
const deadlineSlackMs = 20; // the caller's timer began before ours, so its reset comes before our deadline
const resetAfterMs = 200; // a round trip, even a long one
const longestTimerMs = 2 ** 31 - 1; // Node's limit; a longer deadline is none

/**
 * A call on an HTTP/2 stream, spoken as gRPC (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): its deadline, its
 * end, and the frames of its answer. What costs something is made when it is first asked for.
 */
export class IncomingCall implements Arrival {
  readonly method: DescMethod;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly spiffeId: string | undefined;
  readonly limits: MessageLimits;
  readonly startedMs: number = performance.now();
  /** Told when nobody waits for the answer any more: the caller went away, or the deadline passed. */
  onGone: (() => void) | undefined;
  #deadlineMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #metadata: HeaderMetadata | undefined;
  #controller: AbortController | undefined;
  #state: 'open' | 'answered' | 'gone' = 'open';
  #requestEnded = false;
  #trailer: OutgoingHttpHeaders = okTrailer;

  constructor(
    method: DescMethod,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    spiffeId: string | undefined,
    limits: MessageLimits,
  ) {
    this.method = method;
    this.stream = stream;
    this.headers = headers;
    this.spiffeId = spiffeId;
    this.limits = limits;
    const timeout = headers['grpc-timeout'];
    if (timeout !== undefined) this.keepDeadline(Date.now() + parseTimeout(timeout));
  }

  get metadata(): HeaderMetadata {
    return (this.#metadata ??= new HeaderMetadata(this.headers));
  }

  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#state !== 'open') this.#controller.abort(this.gone());
    }
    return this.#controller.signal;
  }

  /** Whether nobody waits for the answer any more. */
  get isGone(): boolean {
    return this.#state === 'gone' || (this.#state === 'open' && this.stream.closed);
  }

  /** Whether the call is over for the caller, answered or not. */
  get isDone(): boolean {
    return this.#state !== 'open';
  }

  /** How the messages of the request are compressed. */
  get encoding(): string {
    const encoding = this.headers['grpc-encoding'];
    return typeof encoding === 'string' ? encoding : 'identity';
  }

  /** Why the call ended without its answer. */
  gone(): ConnectError {
    return this.#deadlineMs !== undefined && Date.now() >= this.#deadlineMs - deadlineSlackMs
      ? new ConnectError('the deadline passed', Code.DeadlineExceeded)
      : new ConnectError('the call was canceled', Code.Canceled);
  }

  /** Ends the call at this time, unless an earlier one is already kept. */
  keepDeadline(deadlineMs: number): void {
    if (this.#deadlineMs !== undefined && this.#deadlineMs <= deadlineMs) return;
    this.#deadlineMs = deadlineMs;
    clearTimeout(this.#timer);
    const ms = deadlineMs - Date.now();
    if (ms <= longestTimerMs) this.#timer = setTimeout(() => this.#expire(), Math.max(0, ms));
  }

  /** Told by the connection when the stream is no more. */
  closed(): void {
    clearTimeout(this.#timer);
    if (this.#state === 'open') this.#leave();
  }

  /** Told when all of the request was read. */
  requestEnded(): void {
    this.#requestEnded = true;
  }

  /** Sends the headers of the answer, unless they are sent. */
  sendHeader(header: Headers | undefined): void {
    if (this.stream.headersSent || this.isGone) return;
    this.#respond(header, this.#compresses());
  }

  /** Sends one of many messages. Resolves when there is room for the next one. */
  async sendMessage(bytes: Uint8Array): Promise<void> {
    if (this.isGone) throw this.gone();
    const compress = this.#compresses() && bytes.length >= this.limits.compressFromBytes;
    const framed = compress ? await compressedFrame(bytes) : frame(bytes);
    if (this.isGone) throw this.gone();
    if (!this.stream.write(framed)) await this.#drained();
  }

  /** Ends an answer of many messages. */
  end(trailer: Headers | undefined): void {
    this.#end(trailer, undefined);
  }

  /** Sends the only message of the answer, with its headers and trailers. */
  answer(bytes: Uint8Array, header: Headers | undefined, trailer: Headers | undefined): void {
    if (this.isGone) return;
    if (bytes.length >= this.limits.compressFromBytes && this.#compresses()) {
      this.#respond(header, true);
      // The state stays open: who goes away meanwhile is noticed.
      void compressedFrame(bytes).then((framed) => this.#end(trailer, framed));
      return;
    }
    this.#respond(header, false);
    this.#end(trailer, frame(bytes));
  }

  /** Ends the call with an error, after what was already sent. */
  fail(error: ConnectError, header: Headers | undefined, trailer: Headers | undefined): void {
    if (this.#state !== 'open') return;
    const status = statusHeaders(error, trailer);
    if (this.stream.headersSent || header !== undefined) {
      this.sendHeader(header);
      this.#answered(status);
      this.stream.end(); // what asks for the trailers
    } else if (!this.stream.closed) {
      this.#answered(status);
      this.stream.respond({ ...responseHeaders, ...status }, trailerOnly);
      this.#refuseRest();
    }
  }

  /** Ends the call without an answer. */
  abort(): void {
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  #respond(header: Headers | undefined, compressed: boolean): void {
    const headers: OutgoingHttpHeaders = compressed
      ? { ...responseHeaders, 'grpc-encoding': 'gzip' }
      : { ...responseHeaders };
    assignHeaders(headers, header);
    this.stream.respond(headers, awaitTrailer);
    this.stream.once('wantTrailers', () => {
      try {
        this.stream.sendTrailers(this.#trailer);
        this.#refuseRest();
      } catch {
        this.abort(); // trailers that HTTP/2 doesn't take, set by the handler
      }
    });
  }

  #end(trailer: Headers | undefined, last: Buffer | undefined): void {
    if (this.isGone) return;
    if (trailer === undefined) {
      this.#answered(okTrailer);
    } else {
      const headers: OutgoingHttpHeaders = { 'grpc-status': '0' };
      assignHeaders(headers, trailer);
      this.#answered(headers);
    }
    if (last === undefined) this.stream.end();
    else this.stream.end(last);
  }

  #answered(trailer: OutgoingHttpHeaders): void {
    this.#trailer = trailer;
    this.#state = 'answered';
    clearTimeout(this.#timer);
    this.#controller?.abort(new ConnectError('the call has ended', Code.Canceled));
  }

  /** Lets a caller that still sends see the answer, then tells it to stop. */
  #refuseRest(): void {
    if (this.#requestEnded || this.stream.closed) return;
    closeSoon(this.stream);
  }

  #expire(): void {
    if (this.#state !== 'open') return;
    this.#controller?.abort(this.gone());
    // What could not be sent by now is of no use to anybody.
    if (this.stream.writableLength > 0) this.stream.close(constants.NGHTTP2_CANCEL);
    else this.fail(this.gone(), undefined, undefined);
    this.#leave();
  }

  #leave(): void {
    this.#state = 'gone';
    this.#controller?.abort(this.gone());
    this.onGone?.();
  }

  #compresses(): boolean {
    if (this.limits.compressFromBytes === Infinity) return false;
    const accepted = this.headers['grpc-accept-encoding'];
    return typeof accepted === 'string' && /(?:^|,)\s*gzip\s*(?:,|$)/.test(accepted);
  }

  #drained(): Promise<void> {
    const { stream } = this;
    return new Promise((resolve) => {
      const done = (): void => {
        stream.off('drain', done);
        stream.off('close', done);
        resolve();
      };
      stream.once('drain', done);
      stream.once('close', done);
    });
  }
}

const responseHeaders: OutgoingHttpHeaders = Object.freeze({
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': 'identity,gzip',
});

/** The trailers that say how a call failed. */
export function statusHeaders(error: ConnectError, trailer: Headers | undefined): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  assignHeaders(headers, trailer);
  assignHeaders(headers, error.metadata);
  headers['grpc-status'] = String(error.code);
  // Not encodeURIComponent: grpc-js decodes with decodeURI, which would leave "%3A" standing.
  headers['grpc-message'] = encodeURI(error.rawMessage.toWellFormed());
  const details = statusDetails(error);
  if (details !== undefined) {
    headers['grpc-status-details-bin'] = unpadded(Buffer.from(toBinary(StatusSchema, details)));
  }
  return headers;
}

/** Ends a stream that is no call. */
export function refuseStream(stream: ServerHttp2Stream, error: ConnectError): void {
  stream.respond({ ...responseHeaders, ...statusHeaders(error, undefined) }, trailerOnly);
  closeSoon(stream);
}

/** Node lets a reset overtake the trailers, and clients then take the reset for the answer: hence the wait. */
function closeSoon(stream: ServerHttp2Stream): void {
  stream.resume(); // what still comes is dropped
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), resetAfterMs);
  timer.unref();
  stream.once('close', () => clearTimeout(timer));
}

const unitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

function parseTimeout(text: string | string[]): number {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(text)) ?? [];
  const unitMs = unitsMs[unit ?? ''];
  if (digits === undefined || unitMs === undefined) {
    throw new ConnectError('grpc-timeout is malformed', Code.InvalidArgument);
  }
  return Number(digits) * unitMs;
}
