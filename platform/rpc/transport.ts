import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  isMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextValues,
  type Interceptor,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from '@connectrpc/connect';
import { runStreamingCall, runUnaryCall } from '@connectrpc/connect/protocol';
import { Channel, compressionAlgorithms, Metadata, type ServiceConfig } from '@grpc/grpc-js';
import {
  callStream,
  callUnary,
  type CallOptions,
  type RawStreamResponse,
  type RawUnaryResponse,
} from './client-call.ts';
import type { ClientHooks } from './hooks.ts';
import { addHeaders, appendMetadata, toHeaders } from './metadata.ts';
import { markUpstream } from './status.ts';
import { askedServerName, channelCredentials, type ClientTls } from './tls.ts';

export type RpcTransportOptions = {
  /** "host:port", or any target that gRPC names, such as "dns:///product:50052". */
  readonly address: string;
  /** undefined: plain text, for tests and behind a sidecar that holds the certificate. */
  readonly tls: ClientTls | undefined;
  /** Whom the address stands for, where a sidecar listens there for many: what calls carry as :authority. */
  readonly authority?: string;
  readonly hooks?: ClientHooks;
  readonly interceptors?: readonly Interceptor[];
  /** Retries, time limits and load balancing by method, as gRPC defines it. */
  readonly serviceConfig?: ServiceConfig;
  /** The largest answer taken, after decompression; 16 MiB unless told: four times what a server of ours takes. */
  readonly maxMessageBytes?: number;
  /** Compress requests; worth it only over slow networks. */
  readonly gzip?: boolean;
};

type HeadersInit = ConstructorParameters<typeof Headers>[0];

/** What a call without a stub passes on. */
export type RawOptions = Partial<CallOptions>;

/** Connect's transport over gRPC, and a way for bytes to pass without being decoded. */
export type RpcTransport = Transport & {
  /** Calls a unary method with an encoded request. Errors keep the details and metadata that the server sent. */
  rawUnary(method: DescMethod, request: Uint8Array, options?: RawOptions): Promise<RawUnaryResponse>;
  /** Calls a method that answers with a stream, with an encoded request. */
  rawServerStream(method: DescMethod, request: Uint8Array, options?: RawOptions): Promise<RawStreamResponse>;
  /** Ends the connections, when the calls on them have ended. */
  close(): void;
};

const defaultMaxMessageBytes = 16 * 1024 * 1024;
const keepaliveMs = 30_000; // finds a peer that vanished without a word; servers of ours allow it
const keepaliveTimeoutMs = 10_000;
const firstReconnectMs = 100; // a peer that restarts is back soon
const longestReconnectMs = 5_000;

/** A transport that makes gRPC calls to one service through grpc-js. */
export function createRpcTransport(options: RpcTransportOptions): RpcTransport {
  const { hooks } = options;
  const interceptors = [...(options.interceptors ?? [])];
  const serverName = askedServerName(options.address, options.tls);
  const channel = new Channel(options.address, channelCredentials(options.address, options.tls), {
    'grpc.max_receive_message_length': options.maxMessageBytes ?? defaultMaxMessageBytes,
    'grpc.max_send_message_length': -1, // the server's limit decides
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.initial_reconnect_backoff_ms': firstReconnectMs,
    'grpc.max_reconnect_backoff_ms': longestReconnectMs,
    'grpc.service_config_disable_resolution': 1, // never from DNS: the contracts decide
    'grpc.enable_http_proxy': 0, // a proxy from the environment has no place between services
    'grpc.use_local_subchannel_pool': 1, // connections are this transport's own, and close with it
    'grpc.enable_channelz': 0,
    ...(options.authority === undefined ? {} : { 'grpc.default_authority': options.authority }),
    ...(serverName === undefined ? {} : { 'grpc.ssl_target_name_override': serverName }),
    ...(options.serviceConfig === undefined ? {} : { 'grpc.service_config': JSON.stringify(options.serviceConfig) }),
    ...(options.gzip === true ? { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip } : {}),
  });

  const rawUnary = async (method: DescMethod, request: Uint8Array, raw: RawOptions = {}): Promise<RawUnaryResponse> => {
    const metadata = raw.metadata ?? new Metadata();
    const begun = hooks?.begin(method, metadata, raw.deadlineMs);
    const deadlineMs = begun === undefined ? raw.deadlineMs : begun.deadlineMs;
    try {
      const response = await callUnary(channel, pathOf(method), asBuffer(request), {
        metadata,
        deadlineMs,
        signal: raw.signal,
      });
      begun?.ended(0);
      return response;
    } catch (error) {
      begun?.ended(error instanceof ConnectError ? error.code : Code.Internal);
      throw error;
    }
  };

  const rawStream = async (
    method: DescMethod,
    requests: AsyncIterable<Buffer>,
    raw: RawOptions,
  ): Promise<RawStreamResponse> => {
    const metadata = raw.metadata ?? new Metadata();
    const begun = hooks?.begin(method, metadata, raw.deadlineMs);
    const deadlineMs = begun === undefined ? raw.deadlineMs : begun.deadlineMs;
    return callStream(channel, pathOf(method), requests, { metadata, deadlineMs, signal: raw.signal }, (code) =>
      begun?.ended(code),
    );
  };

  const unary = async <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    message: MessageInitShape<I>,
    raw: RawOptions,
  ): Promise<UnaryResponse<I, O>> => {
    const response = await rawUnary(method, encode(method.input, message), raw);
    return new UnaryAnswer(method, decode(method.output, response.bytes), response);
  };

  const stream = async <I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    messages: AsyncIterable<MessageInitShape<I>>,
    raw: RawOptions,
  ): Promise<StreamResponse<I, O>> => {
    const response = await rawStream(method, encodeAll(method.input, messages), raw);
    const trailer = new Headers();
    return {
      stream: true,
      service: method.parent,
      method,
      header: toHeaders(response.header),
      trailer,
      message: decodeAll(method.output, response, trailer),
    };
  };

  return {
    rawUnary,
    rawServerStream: (method, request, raw = {}) => rawStream(method, only(asBuffer(request)), raw),
    close: () => channel.close(),

    unary(method, signal, timeoutMs, header, input, contextValues) {
      if (interceptors.length === 0) return unary(method, input, rawOptions(signal, timeoutMs, header));
      return runUnaryCall({
        interceptors,
        signal,
        timeoutMs,
        req: { ...requestOf(options.address, method, header, contextValues), stream: false, method, message: input },
        next: (request) => unary(method, request.message, rawOptions(request.signal, timeoutMs, request.header)),
      });
    },

    stream(method, signal, timeoutMs, header, input, contextValues) {
      if (interceptors.length === 0) return stream(method, input, rawOptions(signal, timeoutMs, header));
      return runStreamingCall({
        interceptors,
        signal,
        timeoutMs,
        req: { ...requestOf(options.address, method, header, contextValues), stream: true, method, message: input },
        next: (request) => stream(method, request.message, rawOptions(request.signal, timeoutMs, request.header)),
      });
    },
  };
}

/** A unary answer whose headers are made when somebody asks for them. */
class UnaryAnswer<I extends DescMessage, O extends DescMessage> implements UnaryResponse<I, O> {
  readonly stream = false;
  readonly method: DescMethodUnary<I, O>;
  readonly message: MessageShape<O>;
  readonly #raw: RawUnaryResponse;
  #header: Headers | undefined;
  #trailer: Headers | undefined;

  constructor(method: DescMethodUnary<I, O>, message: MessageShape<O>, raw: RawUnaryResponse) {
    this.method = method;
    this.message = message;
    this.#raw = raw;
  }

  get service() {
    return this.method.parent;
  }

  get header(): Headers {
    return (this.#header ??= toHeaders(this.#raw.header));
  }

  get trailer(): Headers {
    return (this.#trailer ??= toHeaders(this.#raw.trailer));
  }
}

function requestOf(address: string, method: DescMethod, header: HeadersInit, values: ContextValues | undefined) {
  return {
    service: method.parent,
    requestMethod: 'POST',
    url: `https://${address}${pathOf(method)}`,
    header: new Headers(header),
    contextValues: values ?? createContextValues(),
  };
}

function rawOptions(signal: AbortSignal | undefined, timeoutMs: number | undefined, header: HeadersInit): RawOptions {
  const metadata = new Metadata();
  if (header !== undefined) addHeaders(metadata, header instanceof Headers ? header : new Headers(header));
  return { metadata, deadlineMs: timeoutMs === undefined ? undefined : Date.now() + timeoutMs, signal };
}

const paths = new WeakMap<DescMethod, string>();

function pathOf(method: DescMethod): string {
  let path = paths.get(method);
  if (path === undefined) paths.set(method, (path = `/${method.parent.typeName}/${method.name}`));
  return path;
}

function encode<Desc extends DescMessage>(desc: Desc, message: MessageInitShape<Desc>): Buffer {
  return asBuffer(toBinary(desc, isMessage(message, desc) ? message : create(desc, message)));
}

function decode<Desc extends DescMessage>(desc: Desc, bytes: Buffer): MessageShape<Desc> {
  try {
    return fromBinary(desc, bytes);
  } catch (cause) {
    throw markUpstream(
      new ConnectError(`the answer is no valid ${desc.typeName}`, Code.Internal, undefined, undefined, cause),
    );
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function* only(request: Buffer): AsyncGenerator<Buffer> {
  yield request;
}

async function* encodeAll<Desc extends DescMessage>(
  desc: Desc,
  messages: AsyncIterable<MessageInitShape<Desc>>,
): AsyncGenerator<Buffer> {
  for await (const message of messages) yield encode(desc, message);
}

async function* decodeAll<Desc extends DescMessage>(
  desc: Desc,
  response: RawStreamResponse,
  trailer: Headers,
): AsyncGenerator<MessageShape<Desc>> {
  for await (const bytes of response.messages) yield decode(desc, bytes);
  appendMetadata(trailer, response.trailer());
}
