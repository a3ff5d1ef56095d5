import type { ConnectError } from '@connectrpc/connect';
import { Metadata } from '@grpc/grpc-js';
import type { Call } from '#platform/rpc/call.ts';
import type { Visitor } from './gate.ts';
import type { EdgeRequest, EdgeResponse } from './listener.ts';
import type { Route } from './routes.ts';

/** One call at the edge: what is known of it when its headers have come. */
export type Exchange = {
  readonly route: Route;
  readonly request: EdgeRequest;
  readonly response: EdgeResponse;
  readonly requestId: string;
  /** The client's address, behind trusted proxies too. */
  readonly address: string;
  /** The trace that the call belongs to. */
  readonly traceparent: string | undefined;
  /** How the client speaks, for metrics and logs. */
  readonly protocol: string;
  /** Runs `work` when the answer is sent or the client is gone; at once when that has been. */
  onClose(work: () => void): void;
  /** Tells once how the call ended: undefined for well. */
  ended(error: ConnectError | undefined): void;
};

const maxUserAgent = 256; // the longest that browsers send is about 200

/** What the mesh is told of a call. `signal` ends it when the client goes away. */
export function callOf(
  exchange: Exchange,
  visitor: Visitor,
  deadlineMs: number | undefined,
  signal: AbortSignal,
): Call {
  return {
    caller: '',
    user: visitor.user,
    token: visitor.token,
    requestId: exchange.requestId,
    address: exchange.address,
    userAgent: userAgentOf(exchange.request),
    deadlineMs,
    signal,
    traceparent: exchange.traceparent,
  };
}

/** What only the edge may say: the service believes it of the gateway alone. What a client sends under these names is never passed on. */
export function edgeMetadata(call: Call): Metadata {
  const metadata = new Metadata();
  metadata.set('x-only2u-address', call.address);
  if (call.userAgent !== '') metadata.set('x-only2u-user-agent', call.userAgent);
  return metadata;
}

function userAgentOf(request: EdgeRequest): string {
  const sent = request.headers['user-agent'];
  return sent === undefined ? '' : sent.replace(/[^\x20-\x7e]/g, '?').slice(0, maxUserAgent);
}

/** The trace that the client began, when it says so as W3C has it. */
export function traceparentOf(request: EdgeRequest): string | undefined {
  const { traceparent } = request.headers;
  return typeof traceparent === 'string' && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent)
    ? traceparent
    : undefined;
}
