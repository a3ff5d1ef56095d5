import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openRedis, type RedisConnection } from '#platform/connection.redis.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { startTestRedis, type TestRedis } from '#platform/testing/redis-server.ts';
import { testRateLimiter } from './rate-limit.contract.ts';
import { createRedisRateLimiter } from './rate-limit.redis.ts';

let server: TestRedis;
let redis: RedisConnection;
let other: RedisConnection;
const open = () => openRedis({ REDIS_URL: server.url, REDIS_PREFIX: 'limits:', REDIS_CA: undefined }, silentLog());
beforeAll(async () => {
  server = await startTestRedis();
  [redis, other] = await Promise.all([open(), open()]);
});
afterAll(async () => {
  await Promise.all([redis.close(), other.close()]);
  await server.close();
});

async function redisMs(): Promise<number> {
  const [seconds = 0, micros = 0] = (await redis.client.time()).map(Number);
  return seconds * 1_000 + micros / 1_000;
}

testRateLimiter(() => createRedisRateLimiter(redis), {
  now: () => 0, // counted by Redis' clock, whatever ours says
  async pass(ms) {
    const endMs = (await redisMs()) + ms;
    while ((await redisMs()) < endMs);
  },
  latenessMs: 900, // a busy machine
});

test('all gateways share the count: of 200 calls at once through two exactly 50 pass', async () => {
  const [one, two] = [createRedisRateLimiter(redis), createRedisRateLimiter(other)];
  const rate = { requests: 50, windowMs: 600_000 };
  const waits = await Promise.all(
    Array.from({ length: 200 }, async (_, call) => (call % 2 === 0 ? one : two).take('crowd', rate, 0)),
  );
  expect(waits.filter((wait) => wait === 0).length).toBe(50);
});

test('a key is gone when its allowance is whole again', async () => {
  await createRedisRateLimiter(redis).take('short', { requests: 2, windowMs: 100 }, 0);
  const left = await redis.client.pttl(redis.key('rate', 'short'));
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(50);
  while ((await redis.client.exists(redis.key('rate', 'short'))) === 1);
});

test('a Redis that forgot its scripts, or everything, is no failure', async () => {
  const limiter = createRedisRateLimiter(redis);
  const rate = { requests: 1, windowMs: 60_000 };
  expect(await limiter.take('forgotten', rate, 0)).toBe(0);
  await redis.client.script('FLUSH');
  expect(await limiter.take('forgotten', rate, 0)).toBeGreaterThan(0);
  await redis.client.flushall();
  expect(await limiter.take('forgotten', rate, 0)).toBe(0);
});
