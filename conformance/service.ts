import { setTimeout as delay } from 'node:timers/promises';
import { create, type DescMessage, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import { ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import {
  BidiStreamRequestSchema,
  type ClientStreamRequest,
  ClientStreamRequestSchema,
  type ConformancePayloadSchema,
  type ConformanceService,
  type Error as ProtoError,
  IdempotentUnaryRequestSchema,
  type StreamResponseDefinition,
  ServerStreamRequestSchema,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
  ConformancePayload_RequestInfoSchema,
} from './gen/connectrpc/conformance/v1/service_pb.ts';
import { appendProtoHeaders, headersToProto } from './headers.ts';

type Payload = MessageInitShape<typeof ConformancePayloadSchema>;
type RequestInfo = MessageInitShape<typeof ConformancePayload_RequestInfoSchema>;

/** The suite's service, as its contract words it; `Unimplemented` is left to the server. */
export const conformanceService: Omit<ServiceImpl<typeof ConformanceService>, 'unimplemented'> = {
  async unary(request, context) {
    return { payload: await answer(request.responseDefinition, UnaryRequestSchema, [request], context) };
  },

  async idempotentUnary(request, context) {
    return { payload: await answer(request.responseDefinition, IdempotentUnaryRequestSchema, [request], context) };
  },

  async clientStream(requests, context) {
    const received: ClientStreamRequest[] = [];
    for await (const request of requests) received.push(request);
    return { payload: await answer(received[0]?.responseDefinition, ClientStreamRequestSchema, received, context) };
  },

  async *serverStream(request, context) {
    const definition = request.responseDefinition;
    setHeaders(definition, context);
    let info: RequestInfo | undefined = requestInfo(ServerStreamRequestSchema, [request], context);
    for (const data of definition?.responseData ?? []) {
      await delay(definition?.responseDelayMs, undefined, { signal: context.signal });
      yield { payload: { data, requestInfo: info } };
      info = undefined;
    }
    if (definition?.error !== undefined) throw protoError(definition.error, info);
  },

  async *bidiStream(requests, context) {
    let definition: StreamResponseDefinition | undefined;
    let fullDuplex = false;
    let sent = 0;
    let received: Message[] = [];
    let first = true;
    const respond = async (data: Uint8Array, info: RequestInfo | undefined): Promise<{ payload: Payload }> => {
      await delay(definition?.responseDelayMs, undefined, { signal: context.signal });
      sent += 1;
      return { payload: { data, requestInfo: info } };
    };
    for await (const request of requests) {
      if (first) {
        definition = request.responseDefinition;
        fullDuplex = request.fullDuplex;
        setHeaders(definition, context);
        first = false;
      }
      received.push(request);
      if (!fullDuplex) continue;
      const data = definition?.responseData[sent];
      if (data === undefined) break;
      const info = sent === 0 ? requestInfo(BidiStreamRequestSchema, received, context) : packed(received);
      yield await respond(data, info);
      received = [];
    }
    for (const data of definition?.responseData.slice(sent) ?? []) {
      yield await respond(data, sent === 0 ? requestInfo(BidiStreamRequestSchema, received, context) : undefined);
    }
    if (definition?.error !== undefined) {
      const info = sent === 0 ? requestInfo(BidiStreamRequestSchema, received, context) : undefined;
      throw protoError(definition.error, info);
    }
  },
};

function packed(received: readonly Message[]): RequestInfo {
  return { requests: received.map((message) => pack(BidiStreamRequestSchema, message)) };
}

async function answer(
  definition: UnaryResponseDefinition | undefined,
  desc: DescMessage,
  requests: readonly Message[],
  context: HandlerContext,
): Promise<Payload> {
  setHeaders(definition, context);
  const info = requestInfo(desc, requests, context);
  await delay(definition?.responseDelayMs, undefined, { signal: context.signal });
  if (definition?.response.case === 'error') throw protoError(definition.response.value, info);
  const data = definition?.response.case === 'responseData' ? definition.response.value : undefined;
  return { requestInfo: info, ...(data === undefined ? {} : { data }) };
}

function setHeaders(
  definition: UnaryResponseDefinition | StreamResponseDefinition | undefined,
  context: HandlerContext,
): void {
  appendProtoHeaders(context.responseHeader, definition?.responseHeaders ?? []);
  appendProtoHeaders(context.responseTrailer, definition?.responseTrailers ?? []);
}

function requestInfo(desc: DescMessage, requests: readonly Message[], context: HandlerContext): RequestInfo {
  const timeoutMs = context.timeoutMs();
  return {
    requestHeaders: headersToProto(context.requestHeader),
    requests: requests.map((message) => pack(desc, message)),
    ...(timeoutMs === undefined ? {} : { timeoutMs: BigInt(Math.round(timeoutMs)) }),
  };
}

function pack(desc: DescMessage, message: Message): Any {
  return anyPack(desc, message);
}

function protoError(error: ProtoError, info: RequestInfo | undefined): ConnectError {
  const thrown = new ConnectError(error.message ?? '', error.code as number);
  thrown.details = error.details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
    value,
  }));
  if (info !== undefined) {
    const desc = ConformancePayload_RequestInfoSchema;
    thrown.details.push({ desc, value: create(desc, info) });
  }
  return thrown;
}
