import { connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { aProduct, openTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({
    product: {
      getProduct: ({ key }) => ({ product: aProduct(key.value ?? '') }),
      updateProduct: () => ({ product: aProduct('prd_1') }),
      searchProducts: () => ({}),
    },
    config: { GATEWAY_MAX_BODY_BYTES: '1000000' },
  });
});
afterAll(async () => {
  expect((await gateway.post('GetProduct', { productId: 'prd_1' })).status).toBe(200); // the shop goes on
  await gateway.close();
});

type Refusal = {
  code: string;
  message: string;
  details?: { type: string; debug: { reason: string; fieldViolations: { field: string }[] } }[];
};

async function refusalOf(response: Response) {
  const refusal = (await response.json()) as Refusal;
  const info = refusal.details?.find(({ type }) => type === 'google.rpc.ErrorInfo')?.debug;
  const fields = refusal.details?.find(({ type }) => type === 'google.rpc.BadRequest')?.debug.fieldViolations ?? [];
  return {
    status: response.status,
    code: refusal.code,
    message: refusal.message,
    reason: info?.reason,
    fields: fields.map(({ field }) => field),
  };
}

const invalid = { status: 400, code: 'invalid_argument' };

test.each([
  ['nothing', ''],
  ['half an object', '{"productId":'],
  ['a trailing comma', '{"productId":"prd_1",}'],
  ['two objects', '{}{}'],
  ['single quotes', "{'productId':'prd_1'}"],
  ['a list', '[]'],
  ['a word', '"prd_1"'],
  ['null', 'null'],
])('a body of %s is refused as malformed JSON', async (_name, body) => {
  expect(await refusalOf(await gateway.post('GetProduct', body))).toMatchObject({
    ...invalid,
    reason: 'MALFORMED_JSON',
  });
});

test.each([
  ['a number for a string', 'GetProduct', { productId: 1 }, 'productId', 'INVALID_JSON_VALUE'],
  ['an object for a string', 'GetProduct', { productId: {} }, 'productId', 'INVALID_JSON_VALUE'],
  ['a field that is unknown', 'GetProduct', { id: 'prd_1' }, 'id', 'UNKNOWN_FIELD'],
  [
    'a field deep inside that is unknown',
    'UpdateProduct',
    { product: { variants: [{}, { price: { amount: 1 } }] } },
    'product.variants[1].price.amount',
    'UNKNOWN_FIELD',
  ],
  [
    'a wrong type deep inside',
    'UpdateProduct',
    { product: { variants: [{}, {}, { price: { minorUnits: '1.5' } }] } },
    'product.variants[2].price.minorUnits',
    'INVALID_JSON_VALUE',
  ],
  [
    'a wrong item in a list',
    'UpdateProduct',
    { product: { tags: ['linen', 3] } },
    'product.tags[1]',
    'INVALID_JSON_VALUE',
  ],
  [
    'a word that the enum lacks',
    'UpdateProduct',
    { product: { status: 'SOLD' } },
    'product.status',
    'INVALID_JSON_VALUE',
  ],
  ['a number beyond int32', 'SearchProducts', { pageSize: 3_000_000_000 }, 'pageSize', 'INVALID_JSON_VALUE'],
  [
    'a malformed time',
    'UpdateProduct',
    { product: { createTime: 'yesterday' } },
    'product.createTime',
    'INVALID_JSON_VALUE',
  ],
  [
    'both of two that exclude each other',
    'GetProduct',
    { productId: 'prd_1', handle: 'shirt' },
    'handle',
    'DUPLICATE_FIELD',
  ],
])('%s is refused with the name of the field', async (_name, method, body, field, reason) => {
  const authorization = gateway.signIn({ roles: ['admin'] });
  const refusal = await refusalOf(await gateway.post(method, body, { authorization }));
  expect(refusal).toMatchObject({ ...invalid, reason, fields: [field] });
  expect(refusal.message).toContain(field);
});

test('several wrong fields are all named', async () => {
  const refusal = await refusalOf(await gateway.post('SearchProducts', { query: 1, page: 2, inStock: 'yes' }));
  expect(refusal.fields).toEqual(['query', 'page', 'inStock']);
});

test('a field that is given twice is refused with its name', async () => {
  const refusal = await refusalOf(await gateway.post('GetProduct', '{"productId":"prd_1","productId":"prd_2"}'));
  expect(refusal).toMatchObject({ ...invalid, reason: 'DUPLICATE_FIELD', fields: ['productId'] });
});

test("a rule of the contract that doesn't hold is refused with the field's name", async () => {
  const refusal = await refusalOf(await gateway.post('SearchProducts', { pageSize: -1 }));
  expect(refusal).toMatchObject({ ...invalid, fields: ['page_size'] });
});

test('JSON that nests deep is refused before it is parsed', async () => {
  const refusal = await refusalOf(await gateway.post('GetProduct', `{"productId":${'['.repeat(400_000)}`));
  expect(refusal).toMatchObject({ ...invalid, reason: 'JSON_TOO_DEEP' });
});

test('JSON of very many values is refused before it is parsed', async () => {
  const refusal = await refusalOf(await gateway.post('SearchProducts', `{"tags":[${'{},'.repeat(200_000)}{}]}`));
  expect(refusal).toMatchObject({ ...invalid, reason: 'JSON_TOO_MANY_VALUES' });
});

test('brackets in a string are no nesting', async () => {
  expect((await gateway.post('GetProduct', { productId: '\\"[{'.repeat(50).slice(0, 200) })).status).toBe(400);
  expect((await gateway.post('SearchProducts', { query: '\\"[{'.repeat(40) })).status).toBe(200);
});

test('a body that is not UTF-8 is refused', async () => {
  const response = await fetch(`${gateway.url}/only2u.product.v1.ProductService/GetProduct`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
  });
  expect(await refusalOf(response)).toMatchObject({ ...invalid, reason: 'INVALID_UTF8' });
});

test('bytes that are no message are refused by the service in words', async () => {
  const response = await fetch(`${gateway.url}/only2u.product.v1.ProductService/GetProduct`, {
    method: 'POST',
    headers: { 'content-type': 'application/proto' },
    body: Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x01]),
  });
  expect(await refusalOf(response)).toMatchObject(invalid);
});

test('a body of 10 MB is refused with 413, whether its length is told or not', async () => {
  const large = Buffer.alloc(10_000_000, 'a');
  const told = await fetch(`${gateway.url}/only2u.product.v1.ProductService/GetProduct`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: large,
  });
  expect(await refusalOf(told)).toMatchObject({ status: 413, code: 'resource_exhausted', reason: 'BODY_TOO_LARGE' });
  const chunked = await fetch(`${gateway.url}/only2u.product.v1.ProductService/GetProduct`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Blob([large]).stream(),
    duplex: 'half',
  });
  expect(await refusalOf(chunked)).toMatchObject({ status: 413, reason: 'BODY_TOO_LARGE' });
});

test('a body of 10 MB over HTTP/2 is refused with 413', async () => {
  const session = connect(gateway.url);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/only2u.product.v1.ProductService/GetProduct',
    'content-type': 'application/json',
  });
  stream.on('error', () => {});
  stream.write(Buffer.alloc(10_000_000, 'a'));
  const status = await new Promise((resolve) => stream.once('response', (headers) => resolve(headers[':status'])));
  expect(status).toBe(413);
  session.destroy();
});

test('a small body that unfolds to much is refused', async () => {
  const response = await fetch(`${gateway.url}/only2u.product.v1.ProductService/GetProduct`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(10_000_000, ' ')),
  });
  expect(await refusalOf(response)).toMatchObject({ status: 413, reason: 'BODY_TOO_LARGE' });
});

test('what says that it is gzip and is not is refused', async () => {
  const response = await gateway.post('GetProduct', '{}', { 'content-encoding': 'gzip' });
  expect(await refusalOf(response)).toMatchObject({ ...invalid, reason: 'MALFORMED_COMPRESSION' });
});

test('an unknown compression is refused in words', async () => {
  const response = await gateway.post('GetProduct', '{}', { 'content-encoding': 'zstd' });
  expect(await refusalOf(response)).toMatchObject({ code: 'unimplemented' });
});

test.each(['text/plain', 'application/xml', 'application/json; charset=latin1', 'multipart/form-data'])(
  'Content-Type %s is refused with 415 and what would do',
  async (contentType) => {
    const response = await gateway.post('GetProduct', '{}', { 'content-type': contentType });
    expect(response.status).toBe(415);
    expect(response.headers.get('accept-post')).toContain('application/json');
    expect(await refusalOf(response)).toMatchObject({ message: expect.stringContaining('application/json') });
  },
);

test.each([
  ['GET', 'UpdateProduct', 'POST'],
  ['PUT', 'UpdateProduct', 'POST'],
  ['DELETE', 'GetProduct', 'GET, POST'],
])('%s %s is refused with 405 and the methods that are allowed', async (method, rpc, allowed) => {
  const response = await fetch(`${gateway.url}/only2u.product.v1.ProductService/${rpc}`, { method });
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe(allowed);
});

test.each(['connect-timeout-ms: soon', 'connect-timeout-ms: 99999999999', 'connect-protocol-version: 2'])(
  'the header %s is refused',
  async (header) => {
    const [name = '', value = ''] = header.split(': ');
    expect(await refusalOf(await gateway.post('GetProduct', { productId: 'a' }, { [name]: value }))).toMatchObject({
      ...invalid,
      fields: [name],
    });
  },
);

test.each([
  ['no message', '?encoding=json', 'MESSAGE_MISSING'],
  ['no base64', '?encoding=json&base64=1&message=%7B%7D', 'MALFORMED_BASE64'],
  ['no JSON', '?encoding=json&message=%7B', 'MALFORMED_JSON'],
  ['another version', '?encoding=json&connect=v9&message=%7B%7D', 'PROTOCOL_VERSION'],
])('a GET with %s is refused', async (_name, query, reason) => {
  const response = await fetch(`${gateway.url}/only2u.product.v1.ProductService/GetProduct${query}`);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await refusalOf(response)).toMatchObject({ ...invalid, reason });
});

test.each([
  ['nothing', []],
  ['half a frame', [0, 0, 0, 0, 9, 1]],
  ['two messages', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['compressed bytes without a compression', [1, 0, 0, 0, 0]],
])('a gRPC-Web body of %s is refused in its trailer', async (_name, bytes) => {
  const response = await fetch(`${gateway.url}/only2u.product.v1.ProductService/GetProduct`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto' },
    body: Buffer.from(bytes),
  });
  expect(response.status).toBe(200);
  expect(await response.text()).toMatch(/grpc-status: (3|12)\r\n/);
});

test('methods that the contract keeps from the edge look like methods that do not exist', async () => {
  const paths = [
    'only2u.product.v1.InventoryService/ReserveStock',
    'only2u.user.v1.KeyService/GetKeys',
    'only2u.user.v1.OperatorService/GrantRole',
    'only2u.user.v1.UserService/NoSuch',
    'no.Service/Method',
    'grpc.health.v1.Health/Check',
    'x',
  ];
  const answers = await Promise.all(
    paths.map(async (path) => {
      const response = await fetch(`${gateway.url}/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      return `${response.status} ${await response.text()}`;
    }),
  );
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toMatch(/^404 .*"unimplemented"/);
});
