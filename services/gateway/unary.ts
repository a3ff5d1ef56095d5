import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type DescService, fromBinary, toJsonString } from '@bufbuild/protobuf';
import { Fault, invalidField } from '#platform/fault.ts';
import { withCall } from '#platform/rpc/call.ts';
import type { RpcTransport } from '#platform/rpc/transport.ts';
import type { BodyReader } from './body.ts';
import type { CallLimit } from './call-limit.ts';
import { deadlineOf } from './deadline.ts';
import { callOf, edgeMetadata, type Exchange } from './exchange.ts';
import type { Gate, Visitor } from './gate.ts';
import { unframeMessage } from './grpc-web.ts';
import { idsIn } from './invalidation.ts';
import { jsonToBinary } from './json.ts';
import type { UnaryProtocol } from './protocol.ts';
import { edgeError } from './refusals.ts';
import { writeAnswer, writeRefusal } from './reply.ts';
import type { Answer, SharedAnswers } from './response-cache.ts';

export type UnaryOptions = {
  readonly gate: Gate;
  readonly bodies: BodyReader;
  readonly calls: CallLimit;
  readonly answers: SharedAnswers;
  readonly transport: (contract: DescService) => RpcTransport;
  readonly now: () => number;
};

/** Serves one unary call; never rejects. `query` is set for GET. */
export type UnaryHandler = (
  exchange: Exchange,
  protocol: UnaryProtocol,
  query: URLSearchParams | undefined,
) => Promise<void>;

const zip = promisify(gzip);
const zipsFromBytes = 1024; // below, the bytes saved are not worth the time
const maxKeyBytes = 4096; // longer requests are rare, and would fill the cache with keys
const none = new AbortController().signal; // an answer that others wait for too doesn't end with one client

/**
 * The way of nearly all calls. A binary request passes to the service, and its answer back, without being decoded; JSON
 * is decoded and encoded once each way. Answers that the contract shares are kept, as they are sent.
 */
export function createUnaryHandler(options: UnaryOptions): UnaryHandler {
  const { gate, bodies, calls, answers, now } = options;

  async function callService(
    exchange: Exchange,
    visitor: Visitor,
    request: Uint8Array,
    deadlineMs: number | undefined,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { method } = exchange.route;
    const call = callOf(exchange, visitor, deadlineMs, signal);
    calls.enter();
    try {
      const sent = { metadata: edgeMetadata(call), deadlineMs, signal };
      const { bytes } = await withCall(call, () => options.transport(method.parent).rawUnary(method, request, sent));
      return bytes;
    } finally {
      calls.leave();
    }
  }

  function encode({ route }: Exchange, { codec }: UnaryProtocol, bytes: Uint8Array): Answer {
    const { output } = route.method;
    const body = codec === 'proto' ? bytes : Buffer.from(toJsonString(output, fromBinary(output, bytes)));
    const madeAtMs = now();
    return { body, etag: '', madeAtMs, staleAtMs: madeAtMs, tags: [] };
  }

  /** As it is kept: with how long, and with what is in it. */
  function encodeShared(exchange: Exchange, protocol: UnaryProtocol, bytes: Uint8Array): Answer {
    const { method, policy, invalidatedBy } = exchange.route;
    const answer = withEtag(encode(exchange, protocol, bytes));
    const tags = invalidatedBy.length === 0 ? [] : idsIn(method, invalidatedBy, fromBinary(method.output, bytes));
    return { ...answer, staleAtMs: answer.madeAtMs + (policy.cache?.maxAgeMs ?? 0), tags };
  }

  function shared(
    exchange: Exchange,
    protocol: UnaryProtocol,
    request: Uint8Array,
    zipped: boolean,
  ): Answer | Promise<Answer> {
    const { route } = exchange;
    const key = `${protocol.codec} ${route.path} ${Buffer.from(request.buffer, request.byteOffset, request.byteLength).toString('latin1')}`;
    const plain = () =>
      answers.through(key, async () => {
        const deadlineMs = route.policy.timeoutMs === undefined ? undefined : now() + route.policy.timeoutMs;
        return encodeShared(exchange, protocol, await callService(exchange, nobody, request, deadlineMs, none));
      });
    if (!zipped) return plain();
    return answers.through(`gzip ${key}`, async () => {
      const answer = await plain();
      return answer.body.length < zipsFromBytes
        ? answer
        : { ...answer, body: await zip(answer.body), etag: zippedEtag(answer.etag) };
    });
  }

  async function serve(exchange: Exchange, protocol: UnaryProtocol, query: URLSearchParams | undefined): Promise<void> {
    const { route, request, response } = exchange;
    const leaving = new AbortController();
    exchange.onClose(() => {
      if (!response.writableEnded) leaving.abort(); // HTTP/2 says "finished" of a reset stream too
    });
    const admitted = gate.admit(route, exchange.address, request.headers.authorization);
    const visitor = admitted instanceof Promise ? await admitted : admitted;
    const deadlineMs = deadlineOf(request, protocol.name, route.policy.timeoutMs, now());
    const message =
      protocol.name === 'connect-get'
        ? await messageInQuery(exchange, query, bodies)
        : await messageInBody(exchange, protocol, bodies);
    const bytes = protocol.codec === 'json' ? jsonToBinary(route.method.input, message) : message;
    if (route.shared && visitor.token === undefined && bytes.length <= maxKeyBytes) {
      const zipped = protocol.name !== 'grpc-web' && acceptsGzip(request.headers['accept-encoding']);
      const found = shared(exchange, protocol, bytes, zipped);
      const answer = found instanceof Promise ? await inTime(found, deadlineMs, leaving.signal, now) : found;
      if (leaving.signal.aborted) throw gone();
      writeAnswer(exchange, protocol, answer, 'anybody', zipped && answer.etag.endsWith('-gzip"'), now());
      return;
    }
    const answered = await callService(exchange, visitor, bytes, deadlineMs, leaving.signal);
    let answer = encode(exchange, protocol, answered);
    if (protocol.name === 'connect-get') answer = withEtag(answer);
    const zips =
      protocol.name !== 'grpc-web' &&
      answer.body.length >= zipsFromBytes &&
      acceptsGzip(request.headers['accept-encoding']);
    if (zips) answer = { ...answer, body: await zip(answer.body), etag: answer.etag && zippedEtag(answer.etag) };
    if (leaving.signal.aborted) throw gone();
    writeAnswer(exchange, protocol, answer, visitor.user === undefined ? 'anybody' : 'user', zips, now());
  }

  return async (exchange, protocol, query) => {
    try {
      await serve(exchange, protocol, query);
      exchange.ended(undefined);
    } catch (thrown) {
      const error = edgeError(thrown);
      writeRefusal(exchange, protocol, error);
      exchange.ended(error);
    }
  };
}

const nobody: Visitor = { user: undefined, token: undefined };

async function messageInBody(exchange: Exchange, protocol: UnaryProtocol, bodies: BodyReader): Promise<Buffer> {
  const { headers } = exchange.request;
  const version = headers['connect-protocol-version'];
  if (version !== undefined && version !== '1') {
    throw invalidField('connect-protocol-version', 'PROTOCOL_VERSION', 'has to be 1, or left out.');
  }
  const body = await bodies.read(exchange);
  if (protocol.name === 'grpc-web') {
    const { message, compressed } = unframeMessage(body);
    return compressed ? bodies.decompress(message, headers['grpc-encoding'] ?? 'none', exchange) : message;
  }
  return bodies.decompress(body, headers['content-encoding'], exchange);
}

async function messageInQuery(
  exchange: Exchange,
  query: URLSearchParams | undefined,
  bodies: BodyReader,
): Promise<Buffer> {
  const version = query?.get('connect');
  if (version !== undefined && version !== null && version !== 'v1') {
    throw invalidField('connect', 'PROTOCOL_VERSION', 'has to be v1, or left out.');
  }
  const message = query?.get('message');
  if (message === undefined || message === null) {
    throw invalidField('message', 'MESSAGE_MISSING', 'is missing in the query: send the request in it.');
  }
  const compression = query?.get('compression') ?? 'identity';
  if (query?.get('base64') !== '1') return bodies.decompress(Buffer.from(message), compression, exchange);
  if (!/^[\w+/-]*={0,2}$/.test(message)) throw invalidField('message', 'MALFORMED_BASE64', 'is not base64.');
  return bodies.decompress(Buffer.from(message, 'base64'), compression, exchange);
}

function withEtag(answer: Answer): Answer {
  return { ...answer, etag: `"${hash('sha256', answer.body, 'base64url').slice(0, 27)}"` };
}

/** Another encoding is another representation: a strong ETag has to differ. */
function zippedEtag(etag: string): string {
  return `${etag.slice(0, -1)}-gzip"`;
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  return typeof header === 'string' && /(?:^|[\s,])(?:gzip|\*)(?!\s*;\s*q=0(?:\.0*)?(?:\s*(?:,|$)))/i.test(header);
}

/** Waits for an answer that others may wait for too, no longer than this client does. */
async function inTime(
  answer: Promise<Answer>,
  deadlineMs: number | undefined,
  leaving: AbortSignal,
  now: () => number,
): Promise<Answer> {
  if (deadlineMs === undefined) return answer;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      reject(
        new Fault('deadline-exceeded', 'DEADLINE_EXCEEDED', 'The time for this call ran out before the answer came.'),
      ),
    Math.max(0, deadlineMs - now()),
  );
  const onLeave = (): void => reject(gone());
  leaving.addEventListener('abort', onLeave);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
    leaving.removeEventListener('abort', onLeave);
  }
}

function gone(): Fault {
  return new Fault('canceled', 'CLIENT_GONE', 'The client went away.');
}
