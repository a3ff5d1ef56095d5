import type { DescMethod, DescMethodStreaming, DescMethodUnary, DescService, Message } from '@bufbuild/protobuf';
import {
  type ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type MethodImpl,
} from '@connectrpc/connect';
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import type { UniversalServerRequest } from '@connectrpc/connect/protocol';
import { type Call, withCall } from '#platform/rpc/call.ts';
import { toHeaders } from '#platform/rpc/metadata.ts';
import type { RpcTransport } from '#platform/rpc/transport.ts';
import { type ByteBudget, tooMuchAtOnce } from './byte-budget.ts';
import { type CallLimit, createCallLimit } from './call-limit.ts';
import { callOf, edgeMetadata, type Exchange } from './exchange.ts';
import type { Gate, Visitor } from './gate.ts';
import { edgeError } from './refusals.ts';
import type { Route } from './routes.ts';

export type StreamOptions = {
  readonly routes: ReadonlyMap<string, Route>;
  readonly gate: Gate;
  readonly calls: CallLimit;
  readonly transport: (contract: DescService) => RpcTransport;
  readonly now: () => number;
  /** The most bytes of one message of a stream. */
  readonly maxMessageBytes: number;
  /** The most of these calls at a time. */
  readonly maxStreams: number;
  readonly budget: ByteBudget;
  /** How much longer than its contract says a call may hold its connection, such as for a body that trickles. */
  readonly graceMs: number;
};

/** What the handlers of one call share. */
type Underway = { readonly exchange: Exchange; visitor: Visitor; error: ConnectError | undefined };

const underwayKey = createContextKey<Underway | undefined>(undefined);

/**
 * Serves what is not a plain unary call through connect-node: streams, gRPC, and compressions and codecs that are rare.
 * Messages pass one by one, as fast as the slower side takes them.
 */
export function createStreamHandler(options: StreamOptions): (exchange: Exchange) => void {
  const { gate, calls, now, budget } = options;
  const streams = createCallLimit(options.maxStreams);

  /** The call for the mesh: its headers, its time limit and its place among the calls in flight. */
  function begin(context: HandlerContext): {
    readonly underway: Underway;
    readonly call: Call;
    readonly headers: Headers;
    readonly timeoutMs: number | undefined;
  } {
    const underway = context.values.get(underwayKey);
    if (underway === undefined) throw new Error('a call reached its handler past the gate');
    const wanted = context.timeoutMs();
    const granted = underway.exchange.route.policy.timeoutMs;
    const timeoutMs = wanted === undefined ? granted : Math.min(wanted, granted ?? wanted);
    const call = callOf(
      underway.exchange,
      underway.visitor,
      timeoutMs === undefined ? undefined : now() + timeoutMs,
      context.signal,
    );
    enter(underway);
    return { underway, call, headers: toHeaders(edgeMetadata(call)), timeoutMs };
  }

  function enter(underway: Underway): void {
    try {
      calls.enter();
    } catch (thrown) {
      throw (underway.error = edgeError(thrown));
    }
  }

  async function unary(method: DescMethodUnary, request: Message, context: HandlerContext): Promise<Message> {
    const { underway, call, headers, timeoutMs } = begin(context);
    try {
      const transport = options.transport(method.parent);
      const response = await withCall(call, () => transport.unary(method, context.signal, timeoutMs, headers, request));
      return response.message;
    } catch (thrown) {
      throw (underway.error = edgeError(thrown));
    } finally {
      calls.leave();
    }
  }

  async function* stream(
    method: DescMethodStreaming,
    requests: AsyncIterable<Message>,
    context: HandlerContext,
  ): AsyncGenerator<Message> {
    const { underway, call, headers, timeoutMs } = begin(context);
    try {
      const transport = options.transport(method.parent);
      const response = await withCall(call, () =>
        transport.stream(method, context.signal, timeoutMs, headers, requests),
      );
      yield* response.message;
    } catch (thrown) {
      throw (underway.error = edgeError(thrown));
    } finally {
      calls.leave();
    }
  }

  function implement(method: DescMethod): MethodImpl<DescMethod> {
    return implementation(method) as MethodImpl<DescMethod>; // the router takes each kind of method by its descriptor
  }

  function implementation(method: DescMethod) {
    if (isUnary(method)) return (request: Message, context: HandlerContext) => unary(method, request, context);
    if (!isStreaming(method)) throw new Error(`${String(method)} is of no kind`);
    if (method.methodKind === 'server_streaming') {
      return (request: Message, context: HandlerContext) => stream(method, only(request), context);
    }
    if (method.methodKind === 'bidi_streaming') {
      return (requests: AsyncIterable<Message>, context: HandlerContext) => stream(method, requests, context);
    }
    return async (requests: AsyncIterable<Message>, context: HandlerContext) => {
      for await (const answer of stream(method, requests, context)) return answer;
      throw new Error('the service answered without a message');
    };
  }

  const router = createConnectRouter({
    readMaxBytes: options.maxMessageBytes,
    acceptCompression: [compressionGzip, compressionBrotli],
    async requestGate(context) {
      const underway = context.values.get(underwayKey);
      if (underway === undefined) throw new Error('a call came past the edge');
      const { route, address, request } = underway.exchange;
      try {
        streams.enter();
        underway.exchange.onClose(() => streams.leave());
        underway.visitor = await gate.admit(route, address, request.headers.authorization);
      } catch (thrown) {
        throw (underway.error = edgeError(thrown));
      }
    },
  });
  for (const { method } of options.routes.values()) router.rpc(method, implement(method));
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  return (exchange) => {
    const { request, response, route } = exchange;
    const handler = handlers.get(route.path);
    if (handler === undefined) throw new Error(`no handler for ${route.path}`);
    response.setHeader('x-request-id', exchange.requestId);
    response.setHeader('x-content-type-options', 'nosniff');
    const underway: Underway = { exchange, visitor: { user: undefined, token: undefined }, error: undefined };
    const overtime = limitTime(exchange, options.graceMs);
    // connect-node waits for an "end" that a response never has, so the response itself is watched.
    exchange.onClose(() => {
      overtime();
      exchange.ended(underway.error);
    });
    const values = createContextValues().set(underwayKey, underway);
    const universal = universalRequestFromNodeRequest(request, response, undefined, values);
    const body =
      isUnary(route.method) && isStream(universal.body) ? counted(universal.body, exchange, budget) : universal.body;
    handler({ ...universal, body })
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((thrown: unknown) => {
        underway.error ??= edgeError(thrown);
        response.destroy();
      });
  };
}

/** A body that counts while it is held. Streams pass on what they take, so only unary bodies add up. */
async function* counted(
  body: AsyncIterable<Uint8Array>,
  { onClose }: Exchange,
  budget: ByteBudget,
): AsyncGenerator<Uint8Array> {
  const state = { held: 0, closed: false };
  onClose(() => {
    state.closed = true;
    budget.release(state.held);
  });
  for await (const chunk of body) {
    if (state.closed) return;
    state.held += chunk.length;
    if (!budget.hold(chunk.length)) throw edgeError(tooMuchAtOnce());
    yield chunk;
  }
}

/** Cuts a call off that outlives its contract, because its client sends or reads too slowly. Returns what calls it off. */
function limitTime({ route, request }: Exchange, graceMs: number): () => void {
  const { timeoutMs } = route.policy;
  if (timeoutMs === undefined) return () => {};
  const timer = setTimeout(() => request.destroy(), timeoutMs + graceMs);
  return () => clearTimeout(timer);
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary';
}

function isStream(body: UniversalServerRequest['body']): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

function isStreaming(method: DescMethod): method is DescMethodStreaming {
  return method.methodKind !== 'unary';
}

async function* only<T>(value: T): AsyncIterable<T> {
  yield value;
}
