import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { BadRequestSchema, ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { Fault } from '#platform/fault.ts';
import { aProduct, openTestGateway, servedCall, type TestGateway } from './testing.ts';

let gateway: TestGateway;
let received = 0;
/** Resolves with whether the call was canceled before its time was over. */
let canceled: PromiseWithResolvers<boolean>;
beforeAll(async () => {
  gateway = await openTestGateway({
    product: {
      async getProduct({ key }) {
        if (key.value === 'prd_slow') {
          const { resolve: tell } = canceled; // of the test that asks: a later one has its own
          const { signal, deadlineMs = 0 } = servedCall();
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          tell(Date.now() < deadlineMs);
          throw new Fault('canceled', 'GONE', 'gone');
        }
        if (key.value === 'prd_none') throw new Fault('not-found', 'PRODUCT_NOT_FOUND', 'There is no such product.');
        return { product: aProduct(key.value ?? '', 'Leinenhemd Größe M, 麻') };
      },
      async importProducts(requests) {
        let bytes = 0;
        for await (const { piece } of requests) {
          received++;
          if (piece.case === 'chunk') bytes += piece.value.length;
        }
        return { rowCount: bytes };
      },
      async *exportProducts() {
        for (let i = 0; i < 40; i++) yield { chunk: new Uint8Array(100_000).fill(i) };
      },
    },
  });
});
afterAll(() => gateway.close());

const url = () => gateway.url;
const transports: Record<string, () => Transport> = {
  'Connect, JSON, HTTP/1.1': () => createConnectTransport({ baseUrl: url(), httpVersion: '1.1' }),
  'Connect, JSON, HTTP/2': () => createConnectTransport({ baseUrl: url(), httpVersion: '2' }),
  'Connect, binary, HTTP/1.1': () =>
    createConnectTransport({ baseUrl: url(), httpVersion: '1.1', useBinaryFormat: true }),
  'Connect, binary, HTTP/2': () => createConnectTransport({ baseUrl: url(), httpVersion: '2', useBinaryFormat: true }),
  'Connect GET, JSON, HTTP/1.1': () => createConnectTransport({ baseUrl: url(), httpVersion: '1.1', useHttpGet: true }),
  'Connect GET, binary, HTTP/2': () =>
    createConnectTransport({ baseUrl: url(), httpVersion: '2', useHttpGet: true, useBinaryFormat: true }),
  'Connect, JSON, gzip': () =>
    createConnectTransport({
      baseUrl: url(),
      httpVersion: '1.1',
      sendCompression: compressionGzip,
      compressMinBytes: 0,
    }),
  'gRPC-Web, binary, HTTP/1.1': () => createGrpcWebTransport({ baseUrl: url(), httpVersion: '1.1' }),
  'gRPC-Web, binary, HTTP/2': () => createGrpcWebTransport({ baseUrl: url(), httpVersion: '2' }),
  'gRPC-Web, JSON, HTTP/1.1': () =>
    createGrpcWebTransport({ baseUrl: url(), httpVersion: '1.1', useBinaryFormat: false }),
  'gRPC-Web, gzip, HTTP/1.1': () =>
    createGrpcWebTransport({
      baseUrl: url(),
      httpVersion: '1.1',
      sendCompression: compressionGzip,
      compressMinBytes: 0,
    }),
  'gRPC, HTTP/2': () => createGrpcTransport({ baseUrl: url() }),
};

describe.each(Object.entries(transports))('%s', (_name, transport) => {
  const client = () => createClient(ProductService, transport());

  test('a unary call is answered', async () => {
    const { product } = await client().getProduct({ key: { case: 'productId', value: 'prd_1' } });
    expect(product).toMatchObject({ id: 'prd_1', title: 'Leinenhemd Größe M, 麻' });
  });

  test('a refusal keeps its code, text and reason', async () => {
    const error = await failure(client().getProduct({ key: { case: 'productId', value: 'prd_none' } }));
    expect(error).toMatchObject({ code: Code.NotFound, rawMessage: 'There is no such product.' });
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'PRODUCT_NOT_FOUND', domain: 'only2u' }]);
  });

  test('a rule of the contract that is broken names its field', async () => {
    const error = await failure(client().getProduct({ key: { case: 'handle', value: '' } }));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations).toMatchObject([{ field: 'handle' }]);
  });

  test('a method for users asks to sign in', async () => {
    const error = await failure(client().createProduct({ requestId: 'request-1' }));
    expect(error.code).toBe(Code.Unauthenticated);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'TOKEN_MISSING' }]);
  });

  test('a client that goes away, or whose time is over, cancels the call behind the edge', async () => {
    canceled = Promise.withResolvers();
    const leaving = new AbortController();
    const before = gateway.calls.length;
    const asking = client().getProduct(
      { key: { case: 'productId', value: 'prd_slow' } },
      { signal: leaving.signal, headers: { authorization: gateway.signIn({}) } },
    );
    const failed = failure(asking);
    while (gateway.calls.length === before) await new Promise(setImmediate);
    leaving.abort();
    expect((await failed).code).toBe(Code.Canceled);
    expect(await canceled.promise).toBe(true);

    const late = await failure(
      client().getProduct({ key: { case: 'productId', value: 'prd_slow' } }, { timeoutMs: 50 }),
    );
    expect(late.code).toBe(Code.DeadlineExceeded);
  });

  test('a stream of answers comes whole', async () => {
    const headers = { authorization: gateway.signIn({ roles: ['vendor'] }) };
    let bytes = 0;
    for await (const { chunk } of client().exportProducts({}, { headers })) bytes += chunk.length;
    expect(bytes).toBe(4_000_000);
  });

  test('a stream of requests comes whole', async () => {
    const headers = { authorization: gateway.signIn({ roles: ['vendor'] }) };
    received = 0;
    const { rowCount } = await client().importProducts(pieces(20), { headers });
    expect({ rowCount, received }).toEqual({ rowCount: 2_000_000, received: 20 });
  });

  test('a stream is refused to who lacks the role, before anything of it is read', async () => {
    const before = gateway.calls.length;
    const headers = { authorization: gateway.signIn({ roles: ['customer'] }) };
    const error = await failure(client().importProducts(pieces(2), { headers }));
    expect(error.code).toBe(Code.PermissionDenied);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'ROLE_MISSING' }]);
    expect(gateway.calls.length).toBe(before);
  });
});

async function* pieces(count: number) {
  for (let i = 0; i < count; i++) yield { piece: { case: 'chunk' as const, value: new Uint8Array(100_000) } };
}

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error('the call was answered');
}
