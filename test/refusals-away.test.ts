import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import { readRefusal, refused } from './refused.ts';
import { type Account, openTestShop, type TestShop } from './shop.ts';

let shop: TestShop;
let customer: Account;
let vendor: Account;

beforeAll(async () => {
  const nowhere = '127.0.0.1:1';
  const away = { PRODUCT_ADDRESS: nowhere, COUPON_ADDRESS: nowhere, PAYMENT_ADDRESS: nowhere };
  shop = await openTestShop(away, ['user', 'cart', 'order', 'gateway']);
  [customer, vendor] = await Promise.all([shop.signUp(), shop.signUp(Role.VENDOR)]);
}, 60_000);

afterAll(() => shop.close());

const requestId = newId('req');

test.each([
  ['ProductService/GetProduct', { productId: 'prd_1' }],
  ['CartService/AddCartItem', { requestId, variantId: 'var_1', quantity: 1 }],
  ['CouponService/ListCoupons', {}],
  ['PaymentService/GetPayment', { paymentId: 'pay_1' }],
  ['TestProviderService/PayTestOrder', { requestId, providerOrderId: 'tord_1' }],
] as const)('%s says to try again, and not who is away', async (method, body) => {
  const { token } = method.startsWith('Coupon') ? vendor : customer;
  expect(await refused(shop, method, body, token)).toMatchObject({ status: 503, code: 'unavailable' });
  const { headers, body: answer } = await shop.call(method, body, { token });
  expect(headers.get('retry-after')).toBe('1');
  expect(JSON.stringify(answer)).toContain('google.rpc.RetryInfo');
});

test('a provider is told to come again with its event', async () => {
  const answer = await fetch(`${shop.url}/webhooks/test`, { method: 'POST', body: '{}' });
  expect(answer.headers.get('retry-after')).toBe('5');
  expect(readRefusal(answer.status, await answer.text())).toMatchObject({ status: 503, code: 'unavailable' });
});

test('who needs none of them is served', async () => {
  expect((await shop.call('OrderService/ListOrders', {}, { token: customer.token })).status).toBe(200);
  expect((await shop.call('CartService/GetCart', {}, { token: customer.token })).status).toBe(200);
});
