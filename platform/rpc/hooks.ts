import type { DescMethod, Message } from '@bufbuild/protobuf';
import type { Code } from '@connectrpc/connect';
import type { Metadata } from '@grpc/grpc-js';
import type { Call } from './call.ts';

/** A call's metadata as it came; "-bin" values are bytes. gRPC's `Metadata` is one. */
export type IncomingMetadata = Pick<Metadata, 'get'>;

/** A call as it arrives at a server, before anything is decided about it. */
export type Arrival = {
  readonly method: DescMethod;
  readonly metadata: IncomingMetadata;
  /** SPIFFE ID from the client's verified certificate, or undefined without one. */
  readonly spiffeId: string | undefined;
  /** Unix milliseconds from grpc-timeout, or undefined without one. */
  readonly deadlineMs: number | undefined;
  /** Aborted when the caller went away or the deadline passed. Made when first asked for: leave it alone unless you need it. */
  readonly signal: AbortSignal;
};

/** What the server asks on the way of each call; see admission.ts for what the shop uses. All may throw a Fault. */
export type ServerHooks = {
  /**
   * Decides whether the call is served at all, and says what is known of it. Asked when the headers are there and the request is not.
   * Synchronous whenever it can be: it is on the hot path. A `deadlineMs` in the answer that is earlier than the caller's is kept by the server.
   */
  admit(arrival: Arrival): Call | Promise<Call>;
  /**
   * Asked once the call is admitted, and waited for before its handler begins. Who throws refuses the call.
   */
  begin?(arrival: Arrival, call: Call): Promise<void> | undefined;
  /** Checks each request message after it is decoded. */
  check(method: DescMethod, message: Message): void;
  /** Told once when the call has ended, `call` being undefined when it was not admitted. `code` 0 is OK. */
  ended(arrival: Arrival, call: Call | undefined, code: Code | 0, error: unknown, durationMs: number): void;
};

/** What the transport asks on the way of each outgoing call. */
export type ClientHooks = {
  /** May set metadata (token, request id, traceparent) and shorten the deadline. Returns who is told of the end. */
  begin(
    method: DescMethod,
    metadata: Metadata,
    deadlineMs: number | undefined,
  ): { readonly deadlineMs: number | undefined; ended(code: Code | 0): void };
};
