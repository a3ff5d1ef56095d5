import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OrderConfirmedSchema } from '#gen/only2u/order/v1/events_pb.ts';
import type { Product } from '#gen/only2u/product/v1/product_pb.ts';
import { startTestRedis, type TestRedis } from '#platform/testing/redis-server.ts';
import { openProductShop, type ProductShop } from './service.testing.ts';

let redis: TestRedis;
let shop: ProductShop;
beforeAll(async () => {
  redis = await startTestRedis();
  shop = await openProductShop({ REDIS_URL: redis.url });
});
afterAll(async () => {
  await shop.close();
  await redis.close();
});

function buy({ variants }: Product, quantity: number): Promise<void> {
  const items = [{ variantId: variants[0]?.id ?? '', quantity }];
  const event = { orderId: 'ord_1', userId: 'usr_c', items, confirmTime: timestampFromDate(new Date()) };
  return shop.tell(OrderConfirmedSchema, create(OrderConfirmedSchema, event));
}

/** Asks until these are the best sellers: what Redis has added up may be some seconds old. */
async function listed(...wanted: readonly Product[]): Promise<boolean> {
  const ids = wanted.map(({ id }) => id);
  for (;;) {
    const { bestSellers } = await shop.guest.products.listBestSellers({});
    if (bestSellers.map(({ product }) => product?.id).join() === ids.join()) return true;
  }
}

test('best sellers go on being counted and listed while Redis dies, is away, and comes back empty', async () => {
  const [shirt, belt] = await Promise.all([shop.create(), shop.create()]);
  await buy(shirt, 20);
  expect(await listed(shirt)).toBe(true);
  await redis.kill();
  await buy(belt, 30);
  expect(await listed(belt, shirt)).toBe(true);
  await redis.start();
  await buy(shirt, 11);
  expect(await listed(shirt, belt)).toBe(true);
});
