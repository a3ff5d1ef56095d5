// The client under test, as connectconformance starts it: makes the calls that it reads, and writes what came of them.
import { setTimeout as delay } from 'node:timers/promises';
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { anyPack, type AnySchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import { type CallOptions, type Client, ConnectError, createClient } from '@connectrpc/connect';
import { createWritableIterable } from '@connectrpc/connect/protocol';
import { createRpcTransport, type RpcTransport } from '#platform/rpc/transport.ts';
import { delimited, readDelimited } from './delimited.ts';
import {
  type ClientCompatRequest,
  ClientCompatRequestSchema,
  ClientCompatResponseSchema,
  type ClientResponseResultSchema,
} from './gen/connectrpc/conformance/v1/client_compat_pb.ts';
import { type Code, Compression, StreamType } from './gen/connectrpc/conformance/v1/config_pb.ts';
import {
  type BidiStreamRequest,
  BidiStreamRequestSchema,
  type ClientStreamRequest,
  ClientStreamRequestSchema,
  type ConformancePayload,
  ConformancePayloadSchema,
  ConformanceService,
  type ErrorSchema,
  IdempotentUnaryRequestSchema,
  ServerStreamRequestSchema,
  UnaryRequestSchema,
  UnimplementedRequestSchema,
} from './gen/connectrpc/conformance/v1/service_pb.ts';
import { type Hop, openHop, relay } from './hop.ts';
import { appendProtoHeaders, headersToProto } from './headers.ts';

type Result = MessageInitShape<typeof ClientResponseResultSchema>;
type Conformance = Client<typeof ConformanceService>;

const viaEnvoys = process.argv.includes('--envoy');
const atOnce = 16; // enough that the suite's many waits overlap

/** What was seen of a call so far. */
type Seen = { header: Headers; trailer: Headers; payloads: ConformancePayload[]; unsent: number };

async function run(request: ClientCompatRequest): Promise<Result> {
  const transport = open(request, viaEnvoys ? await hopTo(request) : undefined);
  const seen: Seen = { header: new Headers(), trailer: new Headers(), payloads: [], unsent: 0 };
  let error: unknown;
  try {
    await call(createClient(ConformanceService, transport), request, seen);
  } catch (thrown) {
    error = thrown;
  } finally {
    transport.close();
  }
  if (error !== undefined && !(error instanceof ConnectError)) throw error;
  if (error !== undefined) {
    // An error's metadata holds headers and trailers alike.
    if ([...seen.header].length === 0) seen.header = error.metadata;
    seen.trailer = error.metadata;
  }
  return {
    responseHeaders: headersToProto(seen.header),
    responseTrailers: headersToProto(seen.trailer),
    payloads: seen.payloads,
    numUnsentRequests: seen.unsent,
    ...(error === undefined ? {} : { error: errorToProto(error) }),
  };
}

/** The way to each server of the suite's; it has several. */
const hops = new Map<string, Promise<Hop>>();

function hopTo({ host, port }: ClientCompatRequest): Promise<Hop> {
  const key = `${host}:${port}`;
  const hop =
    hops.get(key) ?? openHop(async (path) => (await relay({ path }, { host, port })).close, { isWatched: false });
  hops.set(key, hop);
  return hop;
}

function open(request: ClientCompatRequest, hop: Hop | undefined): RpcTransport {
  const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
  const creds = request.clientTlsCreds;
  const material = { ca: text(request.serverTlsCert), cert: text(creds?.cert), key: text(creds?.key) };
  return createRpcTransport({
    ...(hop === undefined
      ? { address: `${request.host}:${request.port}` }
      : { address: `unix:${hop.socketPath}`, authority: hop.authority }),
    tls:
      request.serverTlsCert.length === 0
        ? undefined
        : {
            source: { current: () => material, onChange: () => () => {} },
            anonymous: creds === undefined,
          },
    gzip: request.compression === Compression.GZIP,
    ...(request.messageReceiveLimit === 0 ? {} : { maxMessageBytes: request.messageReceiveLimit }),
  });
}

async function call(client: Conformance, request: ClientCompatRequest, seen: Seen): Promise<void> {
  const aborted = new AbortController();
  const headers = new Headers();
  appendProtoHeaders(headers, request.requestHeaders);
  const options: CallOptions = {
    headers,
    signal: aborted.signal,
    ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
    onHeader: (header) => (seen.header = header),
    onTrailer: (trailer) => (seen.trailer = trailer),
  };
  const cancel = request.cancel?.cancelTiming;
  /** Called when all requests were sent. */
  const closing = async (): Promise<void> => {
    if (cancel?.case === 'beforeCloseSend') aborted.abort();
    else if (request.cancel !== undefined && cancel?.case !== 'afterNumResponses') {
      await delay(cancel?.case === 'afterCloseSendMs' ? cancel.value : 0);
      aborted.abort();
    }
  };
  const received = (payload: ConformancePayload | undefined): void => {
    seen.payloads.push(payload ?? create(ConformancePayloadSchema));
    if (cancel?.case === 'afterNumResponses' && seen.payloads.length === cancel.value) aborted.abort();
  };
  const sending = async <T>(messages: readonly T[], send: (message: T) => Promise<void>): Promise<void> => {
    for (const message of messages) {
      await delay(request.requestDelayMs);
      await send(message);
    }
  };

  if (request.method === 'Unimplemented') {
    await client.unimplemented(one(request, UnimplementedRequestSchema), options);
    return;
  }
  switch (request.streamType) {
    case StreamType.UNARY: {
      await delay(request.requestDelayMs);
      const message =
        request.method === 'IdempotentUnary'
          ? client.idempotentUnary(one(request, IdempotentUnaryRequestSchema), options)
          : client.unary(one(request, UnaryRequestSchema), options);
      void closing();
      received((await message).payload);
      return;
    }
    case StreamType.SERVER_STREAM: {
      await delay(request.requestDelayMs);
      const responses = client.serverStream(one(request, ServerStreamRequestSchema), options);
      void closing();
      for await (const response of responses) received(response.payload);
      return;
    }
    case StreamType.CLIENT_STREAM: {
      const messages = all(request, ClientStreamRequestSchema);
      seen.unsent = messages.length;
      const requests = createWritableIterable<ClientStreamRequest>();
      const answer = client.clientStream(requests, options);
      const sent = sending(messages, async (message) => {
        await requests.write(message);
        seen.unsent -= 1;
      }).then(async () => {
        if (cancel?.case === 'beforeCloseSend') aborted.abort();
        requests.close();
        await closing();
      });
      sent.catch(() => {}); // the call says why
      received((await answer).payload);
      return;
    }
    case StreamType.HALF_DUPLEX_BIDI_STREAM:
    case StreamType.FULL_DUPLEX_BIDI_STREAM: {
      const messages = all(request, BidiStreamRequestSchema);
      const fullDuplex = request.streamType === StreamType.FULL_DUPLEX_BIDI_STREAM;
      seen.unsent = messages.length;
      const requests = createWritableIterable<BidiStreamRequest>();
      const responses = client.bidiStream(requests, options)[Symbol.asyncIterator]();
      let next = responses.next(); // starts the call
      next.catch(() => {}); // awaited below
      await sending(messages, async (message) => {
        await requests.write(message);
        seen.unsent -= 1;
        if (!fullDuplex) return;
        const response = await next;
        if (response.done === true) throw new Error('the responses ended early');
        received(response.value.payload);
        next = responses.next();
        next.catch(() => {});
      });
      if (cancel?.case === 'beforeCloseSend') aborted.abort();
      requests.close();
      void closing();
      for (let response = await next; response.done !== true; response = await responses.next()) {
        received(response.value.payload);
      }
      return;
    }
    case StreamType.UNSPECIFIED:
      throw new Error('no stream type');
  }
}

function one<Desc extends DescMessage>(request: ClientCompatRequest, desc: Desc): MessageShape<Desc> {
  const [message, ...more] = all(request, desc);
  if (message === undefined || more.length > 0) throw new Error('expected one request message');
  return message;
}

function all<Desc extends DescMessage>(request: ClientCompatRequest, desc: Desc): MessageShape<Desc>[] {
  return request.requestMessages.map((packed) => {
    const message = anyUnpack(packed, desc);
    if (message === undefined) throw new Error(`expected ${desc.typeName}, not ${packed.typeUrl}`);
    return message;
  });
}

function errorToProto(error: ConnectError): MessageInitShape<typeof ErrorSchema> {
  const details = error.details.map((detail): MessageInitShape<typeof AnySchema> =>
    'desc' in detail
      ? anyPack(detail.desc, create(detail.desc, detail.value))
      : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value },
  );
  return { code: error.code as number as Code, message: error.rawMessage, details };
}

const running = new Set<Promise<void>>();
for await (const request of readDelimited(ClientCompatRequestSchema, process.stdin)) {
  if (running.size >= atOnce) await Promise.race(running);
  const done = run(request).then(
    (value) => report(request.testName, { case: 'response', value }),
    (error: unknown) => report(request.testName, { case: 'error', value: { message: String(error) } }),
  );
  const tracked = done.finally(() => running.delete(tracked));
  running.add(tracked);
}
await Promise.all(running);
for (const hop of hops.values()) await (await hop).close();

function report(
  testName: string,
  result: MessageInitShape<typeof ClientCompatResponseSchema>['result'] & object,
): void {
  process.stdout.write(delimited(ClientCompatResponseSchema, create(ClientCompatResponseSchema, { testName, result })));
}
