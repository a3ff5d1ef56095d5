import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHmac, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import { type Account, type JsonBody, openTestShop, type TestShop } from './shop.ts';

let shop: TestShop;
let vendor: Account;
let customer: Account;

beforeAll(async () => {
  shop = await openTestShop();
  [vendor, customer] = await Promise.all([shop.signUp(Role.VENDOR), shop.signUp()]);
}, 60_000);

afterAll(() => shop.close());

const shirt = (title: string, status = 'PRODUCT_STATUS_PUBLISHED') => ({
  title,
  status,
  options: [{ name: 'Size' }],
  variants: ['S', 'M'].map((size) => ({
    optionValues: [size],
    price: { minorUnits: '149900', currency: 'INR' },
    stockTracked: true,
  })),
});

async function createProduct(account: Account, product: object): Promise<string> {
  const { status, body } = await shop.call(
    'ProductService/CreateProduct',
    { requestId: newId('req'), product },
    { token: account.token },
  );
  expect({ status, body }).toMatchObject({ status: 200 });
  return String(body['product']?.['id']);
}

/** What is found first, as soon as anything is: an engine that searches follows what is written within a second. */
async function searchUntilFound(query: string): Promise<JsonBody> {
  // Each time another question, since the edge keeps answers for a while.
  for (let pageSize = 20; ; pageSize = 20 + ((pageSize + 1) % 80)) {
    const { status, body } = await shop.call('ProductService/SearchProducts', { query, pageSize });
    const first = body['products']?.[0];
    if (first !== undefined) return first;
    expect({ status, body }).toMatchObject({ status: 200 });
    await pause(100);
  }
}

test('a vendor sells, and a stranger finds and reads it', async () => {
  const id = await createProduct(vendor, shirt('Marigold handloom shirt'));

  const found = await searchUntilFound('marigold shrit');
  expect(found).toMatchObject({ id, title: 'Marigold handloom shirt' });

  const read = await shop.call('ProductService/GetProduct', { productId: id });
  expect(read.body['product']?.['variants']).toHaveLength(2);
});

test('a session is refreshed once for each token, and a token that comes twice ends it', async () => {
  const account = await shop.signUp();
  const signIn = { requestId: newId('req'), email: account.email, password: account.password };
  const first = (await shop.call('AuthService/SignIn', signIn)).body['tokens']?.['refreshToken'];
  const refresh = (token: unknown) =>
    shop.call('AuthService/RefreshSession', { requestId: newId('req'), refreshToken: token });

  const second = await refresh(first);
  expect(second.status).toBe(200);
  expect((await refresh(first)).status).toBe(401);
  expect((await refresh(second.body['tokens']?.['refreshToken'])).status).toBe(401);
});

test.each<[string, () => string | undefined, string]>([
  ['no token', () => undefined, 'TOKEN_MISSING'],
  ['no token at all, but a word', () => 'nonsense', 'TOKEN_INVALID'],
  ['a token with another payload', () => tampered(customer.token), 'TOKEN_INVALID'],
  ['a token signed with another key', () => resigned(customer.token), 'TOKEN_INVALID'],
  ['alg none', () => unsigned(customer.token), 'TOKEN_INVALID'],
  ['a token signed by HMAC', () => byHmac(customer.token), 'TOKEN_INVALID'],
])('%s is refused', async (_name, token, reason) => {
  const sent = token();
  const { status, body } = await shop.call(
    'UserService/GetUser',
    { userId: 'me' },
    sent === undefined ? {} : { token: sent },
  );
  expect({ status, code: body['code'] }).toEqual({ status: 401, code: 'unauthenticated' });
  expect(JSON.stringify(body['details'])).toContain(reason);
});

test('another user’s data is not there', async () => {
  const read = await shop.call('UserService/GetUser', { userId: vendor.id }, { token: customer.token });
  expect([403, 404]).toContain(read.status);
  const address = await shop.call(
    'UserService/CreateAddress',
    {
      requestId: newId('req'),
      address: { recipient: 'A', lines: ['1 MG Road'], city: 'Bengaluru', countryCode: 'IN' },
    },
    { token: vendor.token },
  );
  expect(address.status).toBe(200);
  const removed = await shop.call(
    'UserService/DeleteAddress',
    { requestId: newId('req'), addressId: address.body['address']?.['id'] },
    { token: customer.token },
  );
  expect(removed.status).toBe(404);
});

test('a customer can’t sell, and a vendor can’t touch another’s product or see its draft', async () => {
  const rival = await shop.signUp(Role.VENDOR);
  const refused = await shop.call(
    'ProductService/CreateProduct',
    { requestId: newId('req'), product: shirt('Not mine to sell') },
    { token: customer.token },
  );
  expect(refused.status).toBe(403);
  expect(JSON.stringify(refused.body)).toContain('ROLE_MISSING');

  const id = await createProduct(vendor, shirt('Mine alone'));
  const change = await shop.call(
    'ProductService/UpdateProduct',
    { requestId: newId('req'), product: { id, title: 'Yours now' }, updateMask: 'title' },
    { token: rival.token },
  );
  expect(change.status).toBe(403);
  expect(JSON.stringify(change.body)).toContain('NOT_YOUR_PRODUCT');

  const draft = await createProduct(vendor, shirt('Not yet', 'PRODUCT_STATUS_DRAFT'));
  expect((await shop.call('ProductService/GetProduct', { productId: draft })).status).toBe(404);
  expect((await shop.call('ProductService/GetProduct', { productId: draft }, { token: rival.token })).status).toBe(404);
  expect((await shop.call('ProductService/GetProduct', { productId: draft }, { token: vendor.token })).status).toBe(
    200,
  );
});

test('a workload without the grant is refused by the rule’s name, and what is not open to the edge is not there', async () => {
  const product = { id: 'prd_x', title: 'x' };
  const call = shop
    .dial(ProductService)
    .updateProduct({ requestId: newId('req'), product, updateMask: { paths: ['title'] } });
  const error = ConnectError.from(await call.catch((reason: unknown) => reason));
  expect(error.code).toBe(Code.PermissionDenied);

  const hidden = await shop.call('InventoryService/ReserveStock', {});
  expect(hidden.status).toBe(404);
});

test('the same request_id with the same content gives one product, with other content a refusal', async () => {
  const requestId = newId('req');
  const send = (title: string) =>
    shop.call('ProductService/CreateProduct', { requestId, product: shirt(title) }, { token: vendor.token });
  const [first, again] = await Promise.all([send('Once only'), send('Once only')]);
  expect(first.body['product']?.['id']).toBe(again.body['product']?.['id']);
  expect((await send('Something else')).status).toBe(409);
});

test('a vendor imports a file through the gateway as a stream, and the second time nothing changes', async () => {
  const client = createClient(ProductService, createConnectTransport({ baseUrl: shop.url, httpVersion: '2' }));
  const file = 'Handle,Title,Variant Price\nlamp,Clay lamp,99.50\nbad,,x\n';
  async function* pieces() {
    yield { piece: { case: 'options' as const, value: { requestId: newId('req'), currency: 'INR' } } };
    yield { piece: { case: 'chunk' as const, value: new TextEncoder().encode(file) } };
  }
  const headers = { authorization: `Bearer ${vendor.token}` };
  const first = await client.importProducts(pieces(), { headers });
  expect(first).toMatchObject({ rowCount: 2, createdCount: 1, rejectedCount: 1 });
  expect(first.faults[0]).toMatchObject({ line: 3, handle: 'bad' });
  const second = await client.importProducts(pieces(), { headers });
  expect(second).toMatchObject({ createdCount: 0, updatedCount: 0, unchangedCount: 1 });
});

test('what may be kept is kept: an ETag that still holds costs no body', async () => {
  const id = await createProduct(vendor, shirt('Worth keeping'));
  const message = encodeURIComponent(JSON.stringify({ productId: id }));
  const url = `${shop.url}/only2u.product.v1.ProductService/GetProduct?connect=v1&encoding=json&message=${message}`;
  const first = await fetch(url);
  expect(first.headers.get('cache-control')).toContain('max-age=5');
  const etag = first.headers.get('etag') ?? '';
  await first.arrayBuffer();
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
});

test('an answer that is kept is dropped when its product changes, before its five seconds are over', async () => {
  const products = shop.client(ProductService, vendor.token);
  const productId = await createProduct(vendor, shirt('Kept for now'));
  const read = async (): Promise<string> =>
    String((await shop.call('ProductService/GetProduct', { productId })).body['product']?.['title']);
  for (let title = 1; ; title++) {
    await read();
    const keptMs = Date.now();
    await products.updateProduct({
      requestId: newId('req'),
      product: { id: productId, title: `Changed ${title}` },
      updateMask: { paths: ['title'] },
    });
    while ((await read()) !== `Changed ${title}`) await new Promise((resolve) => setImmediate(resolve));
    // A machine that was held up for five seconds says nothing, so it is tried again.
    if (Date.now() - keptMs < 5_000) return;
  }
});

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const payloadOf = (token: string): object => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

function tampered(token: string): string {
  const [head = '', , signature = ''] = token.split('.');
  return `${head}.${encode({ ...payloadOf(token), roles: ['admin'] })}.${signature}`;
}

function resigned(token: string): string {
  const [head = ''] = token.split('.');
  const signed = `${head}.${encode(payloadOf(token))}`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' }));
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

function unsigned(token: string): string {
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(payloadOf(token))}.`;
}

function byHmac(token: string): string {
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payloadOf(token))}`;
  return `${signed}.${createHmac('sha256', 'public key').update(signed).digest('base64url')}`;
}
