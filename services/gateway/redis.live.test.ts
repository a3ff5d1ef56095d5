import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AuthService } from '#gen/only2u/user/v1/auth_pb.ts';
import { openRedis } from '#platform/connection.redis.ts';
import { openRedisPubSub } from '#platform/pubsub.redis.ts';
import type { PubSub } from '#platform/pubsub.ts';
import { policyOf } from '#platform/rpc/policy.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { startTestRedis, type TestRedis } from '#platform/testing/redis-server.ts';
import { aProduct, openTestGateway, type TestGateway } from './testing.ts';

// Two gateways on one Redis, each with a product service of its own, which says what it is asked.
let server: TestRedis;
let gateways: TestGateway[];
let pubsubs: PubSub[];
let title = 'first';
const announced = 'event.only2u.product.v1.ProductChanged';

beforeAll(async () => {
  server = await startTestRedis();
  const settings = { REDIS_URL: server.url, REDIS_PREFIX: 'edge:', REDIS_CA: undefined };
  pubsubs = await Promise.all([1, 2].map(() => openRedisPubSub(settings, silentLog())));
  gateways = await Promise.all(
    pubsubs.map((pubsub) =>
      openTestGateway({
        pubsub,
        config: { REDIS_URL: server.url, REDIS_PREFIX: 'edge:' },
        product: { getProduct: ({ key }) => ({ product: aProduct(key.value ?? '', title) }) },
      }),
    ),
  );
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()));
  await Promise.all(pubsubs.map((pubsub) => pubsub.close()));
  await server.close();
});

const [one, other] = [() => gatewayAt(0), () => gatewayAt(1)];
function gatewayAt(index: number): TestGateway {
  const gateway = gateways[index];
  if (gateway === undefined) throw new Error('it is not open');
  return gateway;
}

async function titleAt(gateway: TestGateway, productId: string): Promise<string> {
  const response = await gateway.post('GetProduct', { productId });
  const { product } = (await response.json()) as { product?: { title: string } };
  return product?.title ?? `${response.status}`;
}

test('an answer that one gateway has is the other’s too, until the event is told', async () => {
  title = 'first';
  expect(await titleAt(one(), 'prd_1')).toBe('first');
  title = 'second';
  expect(await titleAt(other(), 'prd_1')).toBe('first');
  expect(other().calls.length).toBe(0);
  await pubsubs[0]?.publish(announced, ['prd_1']);
  while ((await titleAt(other(), 'prd_1')) !== 'second') await new Promise(setImmediate);
  while ((await titleAt(one(), 'prd_1')) !== 'second') await new Promise(setImmediate);
  expect(one().calls.length + other().calls.length).toBeLessThan(8);
});

test('a rate is counted over both', async () => {
  const requests = policyOf(AuthService.method.signUp).limits[0]?.requests ?? 0;
  const signUp = (gateway: TestGateway) => gateway.postTo('only2u.user.v1.AuthService/SignUp', {});
  for (let call = 0; call < requests; call++)
    expect((await signUp(call % 2 === 0 ? one() : other())).status).not.toBe(429);
  expect((await signUp(one())).status).toBe(429);
  expect((await signUp(other())).status).toBe(429);
});

test('emptied, hanging, killed and started again under load: no call fails, and all is shared again', async () => {
  let asked = 0;
  let on = true;
  const failed: string[] = [];
  const loads = [one(), other()].flatMap((gateway) =>
    Array.from({ length: 4 }, async () => {
      while (on) {
        const response = await gateway.post('GetProduct', { productId: `prd_${asked++ % 50}` });
        if (response.status !== 200) failed.push(`${response.status} ${await response.text()}`);
        else await response.arrayBuffer();
      }
    }),
  );
  const more = async (count: number) => {
    const until = asked + count;
    while (asked < until && failed.length === 0) await new Promise(setImmediate);
  };
  await more(200);
  const redis = await openRedis({ REDIS_URL: server.url, REDIS_PREFIX: 'edge:', REDIS_CA: undefined }, silentLog());
  await redis.client.flushall();
  await redis.close();
  await more(100);
  server.pause();
  await more(200);
  server.resume();
  await more(200);
  await server.kill();
  await more(300);
  expect(await one().metrics.metrics()).toMatch(/edge_rate_limits_alone_total [1-9]/);
  await server.start();
  await more(300);
  on = false;
  await Promise.all(loads);
  expect(failed).toEqual([]);
  // Answers are shared again, and listeners hear again.
  let round = 0;
  for (;;) {
    const id = `prd_after_${round++}`;
    title = id;
    await titleAt(one(), id);
    title = 'unshared';
    if ((await titleAt(other(), id)) === id) break;
  }
});
