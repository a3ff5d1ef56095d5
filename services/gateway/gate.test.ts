import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { DescMethod } from '@bufbuild/protobuf';
import { AuthService } from '#gen/only2u/user/v1/auth_pb.ts';
import { policyOf, type RateLimit } from '#platform/rpc/policy.ts';
import { aProduct, openTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
let nowMs = Date.now() + 3_600_000; // stands still, later than the machine's: no deadline passes
beforeAll(async () => {
  gateway = await openTestGateway({
    now: () => new Date(nowMs),
    config: { GATEWAY_TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8', GATEWAY_CACHE_BYTES: '0' },
    product: {
      getProduct: ({ key }) => ({ product: aProduct(key.value ?? '') }),
      suggestProducts: () => ({}),
      createProduct: () => ({ product: aProduct('prd_1') }),
    },
  });
});
afterAll(() => gateway.close());

async function reasonOf(response: Response): Promise<string> {
  const { details } = (await response.json()) as { details?: { debug: { reason?: string } }[] };
  return `${response.status} ${details?.[0]?.debug.reason ?? 'OK'}`;
}

function limitOf(method: DescMethod): RateLimit {
  const [limit] = policyOf(method).limits;
  if (limit === undefined) throw new Error('the contract has no limit');
  return limit;
}

const newProduct = { requestId: 'request-1', product: { title: 'Shirt' } };

test('who may call is decided before the service is asked, with the reason that it would give', async () => {
  const before = gateway.calls.length;
  const ask = async (authorization?: string) =>
    reasonOf(await gateway.post('CreateProduct', newProduct, authorization === undefined ? {} : { authorization }));
  expect(await ask()).toBe('401 TOKEN_MISSING');
  expect(await ask('Bearer forged')).toBe('401 TOKEN_INVALID');
  expect(await ask('Basic YTpi')).toBe('401 TOKEN_INVALID');
  expect(await ask(gateway.signIn({ roles: ['customer'] }))).toBe('403 ROLE_MISSING');
  expect(gateway.calls.length).toBe(before);
  expect(await ask(gateway.signIn({ roles: ['vendor'] }))).toBe('200 OK');
});

test('401 tells how to sign in', async () => {
  expect((await gateway.post('CreateProduct', newProduct)).headers.get('www-authenticate')).toBe('Bearer');
});

test("the user's token, request id and trace reach the service", async () => {
  const authorization = gateway.signIn({ roles: ['vendor'] });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const response = await gateway.post('CreateProduct', newProduct, {
    authorization,
    traceparent,
    'x-request-id': 'order-42',
    'user-agent': 'Shop/1.0 (é)',
  });
  expect(response.headers.get('x-request-id')).toBe('order-42');
  expect(gateway.calls.at(-1)).toMatchObject({
    token: authorization.slice(7),
    requestId: 'order-42',
    traceparent,
    userAgent: 'Shop/1.0 (?)',
  });
});

test('a request id that could break a log line is replaced', async () => {
  const response = await gateway.post('GetProduct', { productId: 'a' }, { 'x-request-id': 'a b" {' });
  expect(response.headers.get('x-request-id')).toMatch(/^req_\d+$/);
});

test('what only the edge may say can not be said from outside', async () => {
  await gateway.post(
    'GetProduct',
    { productId: 'a' },
    { 'x-only2u-address': '1.2.3.4', 'x-only2u-user-agent': 'Bank', 'user-agent': 'curl' },
  );
  expect(gateway.calls.at(-1)).toMatchObject({ address: '127.0.0.1', userAgent: 'curl' });
});

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['1.1.1.1, 203.0.113.9', '203.0.113.9'],
  ['203.0.113.9, 10.1.2.3', '203.0.113.9'],
  ['2001:db8::7', '2001:db8::7'],
  ['nonsense', '127.0.0.1'],
  ['203.0.113.9, nonsense', '127.0.0.1'],
])('behind a trusted proxy the client of "X-Forwarded-For: %s" is %s', async (header, address) => {
  await gateway.post('GetProduct', { productId: 'a' }, { 'x-forwarded-for': header });
  expect(gateway.calls.at(-1)?.address).toBe(address);
});

test('without a trusted proxy X-Forwarded-For says nothing', async () => {
  const direct = await openTestGateway({ product: { getProduct: () => ({}) } });
  await direct.post('GetProduct', { productId: 'a' }, { 'x-forwarded-for': '1.2.3.4' });
  expect(direct.calls.at(-1)?.address).toBe('127.0.0.1');
  await direct.close();
});

test('an address that calls too often is told when to come again; others go on', async () => {
  const { requests, windowMs } = limitOf(AuthService.method.signUp);
  const signUp = (address: string) =>
    gateway.postTo('only2u.user.v1.AuthService/SignUp', {}, { 'x-forwarded-for': address });
  for (let i = 0; i < requests; i++) expect((await signUp('203.0.113.50')).status).not.toBe(429);
  const refused = await signUp('203.0.113.50');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({
    code: 'resource_exhausted',
    details: [{ debug: { reason: 'RATE_LIMITED', metadata: { scope: 'address' } } }, { type: 'google.rpc.RetryInfo' }],
  });
  expect((await signUp('203.0.113.51')).status).not.toBe(429);
  nowMs += windowMs;
  expect((await signUp('203.0.113.50')).status).not.toBe(429);
  expect(await gateway.metrics.metrics()).toMatch(
    /edge_rate_limited_total\{method="only2u.user.v1.AuthService\/SignUp",scope="address"\} 1/,
  );
});

test('a user who calls too often is refused from any address; other users go on', async () => {
  const { requests } = limitOf(AuthService.method.signOut);
  const [eager, calm] = [gateway.signIn({ id: 'usr_eager' }), gateway.signIn({ id: 'usr_calm' })];
  const signOut = (authorization: string, i: number) =>
    gateway.postTo('only2u.user.v1.AuthService/SignOut', {}, { authorization, 'x-forwarded-for': `198.51.100.${i}` });
  for (let i = 0; i < requests; i++) expect((await signOut(eager, i)).status).not.toBe(429);
  expect(await reasonOf(await signOut(eager, 250))).toBe('429 RATE_LIMITED');
  expect((await signOut(calm, 250)).status).not.toBe(429);
});

test('more calls than the mesh may have at a time are turned away with 503', async () => {
  const release = Promise.withResolvers<void>();
  const small = await openTestGateway({
    config: { GATEWAY_MAX_CALLS: '2', GATEWAY_CACHE_BYTES: '0' },
    product: {
      async getProduct() {
        await release.promise;
        return {};
      },
    },
  });
  const two = [small.post('GetProduct', { productId: 'a' }), small.post('GetProduct', { productId: 'b' })];
  while (small.calls.length < 2) await new Promise(setImmediate);
  const third = await small.post('GetProduct', { productId: 'c' });
  expect(third.headers.get('retry-after')).toBe('1');
  expect(await reasonOf(third)).toBe('503 OVERLOADED');
  release.resolve();
  expect((await Promise.all(two)).map(({ status }) => status)).toEqual([200, 200]);
  await small.close();
});
