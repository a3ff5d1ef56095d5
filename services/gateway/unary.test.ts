import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Fault } from '#platform/fault.ts';
import { aProduct, openTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({
    product: {
      getProduct(request) {
        const id = request.key.value ?? '';
        if (id === 'prd_none')
          throw new Fault('not-found', 'PRODUCT_NOT_FOUND', 'There is no such product.', {
            metadata: { product_id: id },
          });
        if (id === 'prd_bug') throw new Error('the password is hunter2');
        return { product: aProduct(id) };
      },
    },
  });
});
afterAll(() => gateway.close());

test('JSON in, JSON out', async () => {
  const response = await gateway.post('GetProduct', { productId: 'prd_1' });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('x-request-id')).toMatch(/^req_/);
  expect(await response.json()).toEqual({
    product: { id: 'prd_1', handle: 'linen-shirt', title: 'Linen shirt', etag: '1' },
  });
});

test("a service's refusal reaches the client with its reason, its values and its HTTP status", async () => {
  const response = await gateway.post('GetProduct', { productId: 'prd_none' });
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({
    code: 'not_found',
    message: 'There is no such product.',
    details: [
      {
        type: 'google.rpc.ErrorInfo',
        debug: { reason: 'PRODUCT_NOT_FOUND', domain: 'only2u', metadata: { product_id: 'prd_none' } },
      },
    ],
  });
});

test('nothing of a bug behind the edge is told', async () => {
  const response = await gateway.post('GetProduct', { productId: 'prd_bug' });
  expect(response.status).toBe(500);
  expect(await response.json()).toEqual({ code: 'internal', message: 'internal error' });
});
