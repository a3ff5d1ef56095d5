import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { createTokenVerifier } from '../identity/access-token.ts';
import { localMesh } from '../identity/spiffe.ts';
import { silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createTestAuthority, EchoService, openTestRpc } from '../testing/rpc.ts';
import { stub } from '../testing/service.ts';
import { clearSocket, socketsOf } from '../unix-socket.ts';
import { createServerHooks } from './admission.ts';
import { forwardedSpiffeId } from './forwarded-caller.ts';
import { createRpcServer, type RpcServer } from './server.ts';
import { createRpcTransport, type RpcTransport } from './transport.ts';

const gateway = 'spiffe://only2u.local/ns/default/sa/gateway';
const header = 'x-forwarded-client-cert';
const authorities: (string | undefined)[] = [];
let folder = '';
let server: RpcServer;
let transport: RpcTransport;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o2u-'));
  const { app } = socketsOf(folder, 'product');
  const verifier = createTokenVerifier({
    fetchKeys: () => Promise.resolve('{"keys":[]}'),
    issuer: 'only2u',
    audience: 'only2u',
    now: () => new Date(),
  });
  const metrics = createMetrics({ processMetrics: false }).rpc;
  const getProduct = (
    _: unknown,
    { url, requestHeader }: { readonly url: string; readonly requestHeader: Headers },
  ) => {
    authorities.push(new URL(url).host, requestHeader.get(header) ?? undefined);
    return { product: { title: 'Linen shirt' } };
  };
  server = createRpcServer({
    handlers: [stub(ProductService, { getProduct })],
    hooks: createServerHooks({ mesh: localMesh, verifier, metrics, log: silentLog(), tracing: undefined }),
    tls: undefined,
    behindSidecar: true,
  });
  await clearSocket(app);
  await server.listenAt(app);
  transport = createRpcTransport({ address: `unix:${app}`, authority: 'product', tls: undefined });
});

afterAll(async () => {
  transport.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** What comes of a call with the header said so often as given. */
async function asked(...said: readonly string[]): Promise<string> {
  const metadata = new Metadata();
  for (const each of said) metadata.add(header, each);
  try {
    await transport.rawUnary(ProductService.method.getProduct, Buffer.from('\x12\x05shirt'), { metadata });
    return 'served';
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return error.findDetails(ErrorInfoSchema)[0]?.reason ?? Code[error.code];
  }
}

const sidecarSays = `By=spiffe://only2u.local/ns/default/sa/product;Hash=${'0f'.repeat(32)};URI=${gateway}`;

test('the caller is who the sidecar says, and handlers are not told how', async () => {
  expect(await asked(sidecarSays)).toBe('served');
  expect(authorities).toEqual(['product', undefined]);
});

test('a workload without the grant is refused, whatever its own part of the header says', async () => {
  expect(await asked(sidecarSays.replace(/gateway$/, 'chat'))).toBe('CALLER_NOT_GRANTED');
});

test('without the header the caller is nobody', async () => {
  expect(await asked()).toBe('CALLER_NOT_GRANTED');
});

test('a header that came twice, or names two callers, is nobody', async () => {
  expect(await asked(sidecarSays, sidecarSays)).toBe('CALLER_NOT_GRANTED');
  expect(await asked(`${sidecarSays},${sidecarSays}`)).toBe('CALLER_NOT_GRANTED');
  expect(await asked(`${sidecarSays};URI=${gateway}`)).toBe('CALLER_NOT_GRANTED');
});

test('the header is read strictly', () => {
  expect(forwardedSpiffeId(sidecarSays)).toBe(gateway);
  expect(forwardedSpiffeId(`URI=${gateway}`)).toBe(gateway);
  const wrong = [
    '',
    'URI=',
    'Hash=00',
    `URI="${gateway}"`,
    `uri=${gateway}`,
    `URI=${gateway};`,
    `;URI=${gateway}`,
    `URI=${gateway};Subject="CN=x"`,
    `URI=${gateway};Hash=1;Hash=2`,
    ` URI=${gateway}`,
    `URI=${gateway}, URI=${gateway}`,
    'URI=https://only2u.local/ns/default/sa/gateway',
  ];
  expect(wrong.filter((each) => forwardedSpiffeId(each) !== undefined)).toEqual([]);
  expect(forwardedSpiffeId([sidecarSays])).toBeUndefined();
  expect(forwardedSpiffeId(undefined)).toBeUndefined();
});

test('a server with a certificate of its own takes no word for who calls, and hands none on', async () => {
  const authority = createTestAuthority();
  const seen: (string | null)[] = [];
  const rpc = await openTestRpc({
    implementation: {
      unary(_, { requestHeader }) {
        seen.push(requestHeader.get(header));
        return {};
      },
    },
    server: { tls: { source: await authority.source('product') } },
    transport: { tls: { source: await authority.source('chat') } },
  });
  const metadata = new Metadata();
  metadata.set(header, sidecarSays);
  await rpc.transport.rawUnary(EchoService.method.unary, new Uint8Array(), { metadata });
  expect((await rpc.nextEnd()).arrival.spiffeId).toBe('spiffe://only2u.local/ns/default/sa/chat');
  expect(seen).toEqual([null]);
  await rpc.close();
});

test('a client sends the header to nobody, even when it is told to', async () => {
  const rpc = await openTestRpc({ implementation: { unary: () => ({}) }, server: { behindSidecar: true } });
  await rpc.client.unary({}, { headers: { [header]: sidecarSays } });
  expect((await rpc.nextEnd()).arrival.spiffeId).toBeUndefined();
  await rpc.close();
});

test('who speaks TLS is behind no sidecar', async () => {
  const source = await createTestAuthority().source('product');
  const hooks = {
    admit: () => {
      throw new Error('never asked');
    },
    check: () => {},
    ended: () => {},
  };
  expect(() => createRpcServer({ handlers: [], hooks, tls: { source }, behindSidecar: true })).toThrow('sidecar');
});

test('calls through a socket reach the service by its name', async () => {
  const client = createClient(ProductService, transport);
  await expect(client.getProduct({ key: { case: 'handle', value: 'shirt' } })).rejects.toMatchObject({
    code: Code.PermissionDenied,
  });
});
