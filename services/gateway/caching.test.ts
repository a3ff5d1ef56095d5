import { gunzipSync } from 'node:zlib';
import { get } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { toBinary } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { GetProductRequestSchema } from '#gen/only2u/product/v1/product_pb.ts';
import { Fault } from '#platform/fault.ts';
import { createMemoryPubSub } from '#platform/pubsub.memory.ts';
import { aProduct, openTestGateway, servedCall, type TestGateway } from './testing.ts';

let gateway: TestGateway;
const pubsub = createMemoryPubSub();
let nowMs = Date.now() + 3_600_000; // stands still, later than the machine's: no deadline passes
let title = 'first';
let held: Promise<void> | undefined;
beforeAll(async () => {
  gateway = await openTestGateway({
    now: () => new Date(nowMs),
    config: { GATEWAY_RATE_LIMITS: 'off' },
    pubsub,
    product: {
      async getProduct({ key }) {
        await held;
        if (key.value === 'prd_none') throw new Fault('not-found', 'PRODUCT_NOT_FOUND', 'There is no such product.');
        return {
          product: { ...aProduct(key.value ?? '', title), descriptionHtml: `for ${servedCall().token ?? 'anybody'}` },
        };
      },
      listProducts: () => ({ products: Array.from({ length: 30 }, (_, i) => aProduct(`prd_${i}`)) }),
    },
  });
});
beforeEach(() => {
  nowMs += 3_600_000; // what an earlier test left is stale
  title = 'first';
});
afterAll(() => gateway.close());

function getById(id: string, headers: Record<string, string> = {}): Promise<Response> {
  const message = encodeURIComponent(JSON.stringify({ productId: id }));
  return fetch(
    `${gateway.url}/only2u.product.v1.ProductService/GetProduct?connect=v1&encoding=json&message=${message}`,
    { headers },
  );
}

test('a GET says how long its answer may be kept, by whom, and what it depends on', async () => {
  const response = await getById('prd_1');
  expect(response.headers.get('cache-control')).toBe('public, max-age=5');
  expect(response.headers.get('vary')).toContain('authorization');
  expect(response.headers.get('etag')).toMatch(/^"[\w-]{20,}(-gzip)?"$/);
  expect(response.headers.get('age')).toBeNull();
});

test('a GET whose answer the client has already is answered with 304', async () => {
  const etag = (await getById('prd_2')).headers.get('etag') ?? '';
  for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await getById('prd_2', { 'if-none-match': condition });
    expect(again.status).toBe(304);
    expect(again.headers.get('etag')).toBe(etag);
    expect(await again.text()).toBe('');
  }
  expect((await getById('prd_2', { 'if-none-match': '"other"' })).status).toBe(200);
});

test('an answer is kept as long as the contract says, and says how old it is', async () => {
  await getById('prd_3');
  title = 'second';
  nowMs += 4_000;
  const kept = await getById('prd_3');
  expect(kept.headers.get('age')).toBe('4');
  expect(await kept.text()).toContain('first');
  nowMs += 1_000;
  const fresh = await getById('prd_3');
  expect(fresh.headers.get('age')).toBeNull();
  expect(await fresh.text()).toContain('second');
});

test('POST and GET, written one way or another, share an answer', async () => {
  await getById('prd_4');
  const before = gateway.calls.length;
  await gateway.post('GetProduct', { productId: 'prd_4' });
  await gateway.post('GetProduct', '{ "product_id" : "prd_4" }');
  expect(gateway.calls.length).toBe(before);
});

test('a binary client and a JSON client get the same answer in their own encoding', async () => {
  const request = toBinary(
    GetProductRequestSchema,
    create(GetProductRequestSchema, { key: { case: 'productId', value: 'prd_5' } }),
  );
  const binary = await fetch(`${gateway.url}/only2u.product.v1.ProductService/GetProduct`, {
    method: 'POST',
    headers: { 'content-type': 'application/proto' },
    body: request,
  });
  expect(binary.headers.get('content-type')).toBe('application/proto');
  expect((await (await getById('prd_5')).json()) as object).toMatchObject({ product: { id: 'prd_5' } });
});

test("a signed-in user's answer is never kept, nor is a kept one given to a user", async () => {
  const [anna, ben] = [gateway.signIn({ id: 'usr_anna' }), gateway.signIn({ id: 'usr_ben' })];
  const told = async (headers: Record<string, string> = {}) => {
    const response = await getById('prd_6', headers);
    const { product } = (await response.json()) as { product: { descriptionHtml: string } };
    return `${product.descriptionHtml}, ${response.headers.get('cache-control') ?? ''}`;
  };
  const expected = [
    `for ${anna.slice(7)}, private, max-age=5`,
    `for ${ben.slice(7)}, private, max-age=5`,
    'for anybody, public, max-age=5',
  ];
  for (let round = 0; round < 2; round++) {
    expect([await told({ authorization: anna }), await told({ authorization: ben }), await told()]).toEqual(expected);
  }
});

test('a bad token is refused, though the answer is kept for anybody', async () => {
  await getById('prd_7');
  expect((await getById('prd_7', { authorization: 'Bearer forged' })).status).toBe(401);
});

test('a refusal is not kept', async () => {
  const before = gateway.calls.length;
  const refused = await getById('prd_none');
  expect(refused.headers.get('cache-control')).toBe('no-store');
  await getById('prd_none');
  expect(gateway.calls.length).toBe(before + 2);
});

test('a crowd that asks for the same at once costs one call', async () => {
  const release = Promise.withResolvers<void>();
  held = release.promise;
  const before = gateway.calls.length;
  const crowd = Array.from({ length: 50 }, () => gateway.post('GetProduct', { productId: 'prd_8' }));
  while (gateway.calls.length === before) await new Promise(setImmediate);
  held = undefined;
  release.resolve();
  expect((await Promise.all(crowd)).map(({ status }) => status)).toEqual(Array<number>(50).fill(200));
  expect(gateway.calls.length).toBe(before + 1);
});

test('a long answer is compressed for who takes gzip, under an ETag of its own', async () => {
  const ask = (headers: Record<string, string>) =>
    new Promise<{ encoding: string | undefined; etag: string | undefined; text: string }>((resolve, reject) => {
      get(`${gateway.url}/only2u.product.v1.ProductService/ListProducts?message=%7B%7D`, { headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const body = Buffer.concat(chunks);
          const encoding = response.headers['content-encoding'];
          resolve({
            encoding,
            etag: response.headers.etag,
            text: (encoding === 'gzip' ? gunzipSync(body) : body).toString(),
          });
        });
      }).on('error', reject);
    });
  const zipped = await ask({ 'accept-encoding': 'gzip, br' });
  const plain = await ask({ 'accept-encoding': 'br, gzip;q=0' });
  expect([zipped.encoding, plain.encoding]).toEqual(['gzip', undefined]);
  expect(zipped.text).toBe(plain.text);
  expect(zipped.etag).not.toBe(plain.etag);
  expect(await ask({ 'accept-encoding': 'gzip' })).toEqual(zipped);
});

test('look-ups of kept answers are counted', async () => {
  const text = await gateway.metrics.metrics();
  expect(text).toMatch(/edge_cache_lookups_total\{result="hit"\} [1-9]/);
  expect(text).toMatch(/edge_cache_lookups_total\{result="joined"\} [1-9]/);
});

const titleOf = async (productId: string): Promise<unknown> =>
  ((await (await gateway.post('GetProduct', { productId })).json()) as { product: { title: string } }).product.title;

test('what an event makes old is asked for anew, and other answers stay', async () => {
  expect([await titleOf('prd_21'), await titleOf('prd_22')]).toEqual(['first', 'first']);
  const listed = async () => (await gateway.post('ListProducts', {})).text();
  await listed();
  const before = gateway.calls.length;
  title = 'second';
  await pubsub.publish('event.only2u.product.v1.ProductChanged', ['prd_21']);
  expect([await titleOf('prd_21'), await titleOf('prd_22')]).toEqual(['second', 'first']);
  await listed(); // it holds that one too
  expect(gateway.calls.length).toBe(before + 2);
  await pubsub.publish('event.only2u.product.v1.ProductDeleted', ['prd_22']);
  expect(await titleOf('prd_22')).toBe('second');
});

test('an answer that was read before the event is given, and not kept', async () => {
  const release = Promise.withResolvers<void>();
  held = release.promise;
  const before = gateway.calls.length;
  const asked = titleOf('prd_23');
  while (gateway.calls.length === before) await new Promise(setImmediate);
  await pubsub.publish('event.only2u.product.v1.ProductChanged', ['prd_23']);
  held = undefined;
  release.resolve();
  await asked;
  await titleOf('prd_23');
  expect(gateway.calls.length).toBe(before + 2);
});
