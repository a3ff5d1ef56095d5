import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { createTokenVerifier } from '../identity/access-token.ts';
import { openIdentity } from '../identity/identity.ts';
import { holdMaterial, type Identity } from '../identity/material.ts';
import { localMesh, spiffeIdOf } from '../identity/spiffe.ts';
import { silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { stub } from '../testing/service.ts';
import { createServerHooks } from './admission.ts';
import { requireUser, withCall } from './call.ts';
import { createClientHooks } from './outgoing.ts';
import { createRpcServer, type RpcServer } from './server.ts';
import { createRpcTransport, type RpcTransport } from './transport.ts';
import type { TlsSource } from './tls.ts';

const metrics = createMetrics({ processMetrics: false });
const keys = await generateKeyPair('ES256', { extractable: true });
const identities: Identity[] = [];
const transports: RpcTransport[] = [];
let folder = '';
let server: RpcServer;
let address = '';
let product: ReturnType<typeof holdMaterial>;

async function identityOf(workload: string, machine = 'here'): Promise<Identity> {
  const dataDir = join(folder, machine);
  const identity = await openIdentity({ dataDir, mesh: localMesh, workload, now: () => new Date(), log: silentLog() });
  identities.push(identity);
  return identity;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u mesh '));
  product = holdMaterial((await identityOf('product')).tls.current());
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256' }] });
  const verifier = createTokenVerifier({
    fetchKeys: () => Promise.resolve(jwks),
    issuer: 'only2u',
    audience: 'only2u',
    now: () => new Date(),
  });
  server = createRpcServer({
    handlers: [
      stub(ProductService, {
        getProduct: () => ({ product: { title: 'Linen shirt' } }),
        deleteProduct() {
          requireUser();
          return {};
        },
      }),
    ],
    hooks: createServerHooks({ mesh: localMesh, verifier, metrics: metrics.rpc, log: silentLog(), tracing: undefined }),
    tls: { source: product.tls },
  });
  address = `127.0.0.1:${(await server.listen('127.0.0.1', 0)).port}`;
});

afterAll(async () => {
  for (const transport of transports) transport.close();
  await server.close({ graceMs: 0 });
  for (const identity of identities) identity.close();
  await rm(folder, { recursive: true, force: true });
});

/** A client of the product service; `workload` is who it says it is, and it doesn't refuse itself anything. */
function clientOf(source: TlsSource, expected = 'product') {
  const tls = { source, serverSpiffeId: spiffeIdOf(localMesh, expected) };
  const transport = createRpcTransport({ address, tls });
  transports.push(transport);
  return createClient(ProductService, transport);
}

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'served';
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return error.findDetails(ErrorInfoSchema)[0]?.reason ?? Code[error.code];
  }
}

const handle = { key: { case: 'handle', value: 'linen-shirt' } } as const;
const within = { timeoutMs: 5000 };

test('a workload with the grant is served over mutual TLS', async () => {
  const client = clientOf((await identityOf('gateway')).tls);
  expect(await outcomeOf(client.getProduct(handle, within))).toBe('served');
});

test('a workload without the grant is refused', async () => {
  const client = clientOf((await identityOf('chat')).tls);
  expect(await outcomeOf(client.getProduct(handle, within))).toBe('CALLER_NOT_GRANTED');
});

test('a client whose certificate is of another CA is not let in', async () => {
  const stranger = (await identityOf('gateway', 'elsewhere')).tls.current();
  const { ca } = product.tls.current();
  const client = clientOf(holdMaterial({ ...stranger, ca }).tls);
  expect(await outcomeOf(client.getProduct(handle, within))).toBe('Unavailable');
});

test('a client does not talk to a server that is another workload, or of another CA', async () => {
  const gateway = await identityOf('gateway');
  expect(await outcomeOf(clientOf(gateway.tls, 'user').getProduct(handle, within))).toBe('Unavailable');
  const stranger = await identityOf('gateway', 'elsewhere');
  expect(await outcomeOf(clientOf(stranger.tls).getProduct(handle, within))).toBe('Unavailable');
});

test('a signed token opens what its roles open; a forged one opens nothing', async () => {
  const { tls } = await identityOf('gateway');
  const transport = createRpcTransport({
    address,
    tls: { source: tls, serverSpiffeId: spiffeIdOf(localMesh, 'product') },
    hooks: createClientHooks({ workload: 'gateway', metrics: metrics.rpc, tracing: undefined }),
  });
  transports.push(transport);
  const client = createClient(ProductService, transport);
  const forger = await generateKeyPair('ES256');
  const tokenOf = (key: CryptoKey, roles: string[]) =>
    new SignJWT({ sid: 'ses_1', roles })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setSubject('usr_1')
      .setIssuer('only2u')
      .setAudience('only2u')
      .setExpirationTime('10 min')
      .sign(key);
  const as = (token: string) => {
    const call = {
      caller: 'test',
      user: undefined,
      token,
      requestId: 'req-1',
      address: '',
      userAgent: '',
      deadlineMs: Date.now() + 5000,
      signal: new AbortController().signal,
      traceparent: undefined,
    };
    return withCall(call, () => outcomeOf(client.deleteProduct({ requestId: '12345678', productId: 'prd_1' })));
  };
  expect(await as(await tokenOf(keys.privateKey, ['vendor']))).toBe('served');
  expect(await as(await tokenOf(keys.privateKey, ['customer']))).toBe('ROLE_MISSING');
  expect(await as(await tokenOf(forger.privateKey, ['admin']))).toBe('TOKEN_INVALID');
});

test('a server that got a new certificate shows it to new connections, and old ones go on', async () => {
  const gateway = await identityOf('gateway');
  const old = clientOf(gateway.tls);
  await old.getProduct(handle, within);
  // Of another CA, so that only who trusts that one can connect from now on.
  const elsewhere = await identityOf('product', 'elsewhere');
  product.replace({ ...elsewhere.tls.current() });
  expect(await outcomeOf(old.getProduct(handle, within))).toBe('served');
  expect(await outcomeOf(clientOf(gateway.tls).getProduct(handle, within))).toBe('Unavailable');
  const stranger = await identityOf('gateway', 'elsewhere');
  expect(await outcomeOf(clientOf(stranger.tls).getProduct(handle, within))).toBe('served');
  product.replace((await identityOf('product')).tls.current());
});
