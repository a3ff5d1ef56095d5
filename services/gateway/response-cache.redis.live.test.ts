import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openRedis, type RedisConnection } from '#platform/connection.redis.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { startTestRedis, type TestRedis } from '#platform/testing/redis-server.ts';
import { createEngineGuard } from './engine-guard.ts';
import { testResponseCache } from './response-cache.contract.ts';
import { createLayeredResponseCache } from './response-cache.layered.ts';
import { createMemoryResponseCache } from './response-cache.memory.ts';
import { createRedisResponseCache } from './response-cache.redis.ts';
import { type Answer, shareAnswers } from './response-cache.ts';

let server: TestRedis;
let redis: RedisConnection;
beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ REDIS_URL: server.url, REDIS_PREFIX: 'answers:', REDIS_CA: undefined }, silentLog());
});
afterAll(async () => {
  await redis.close();
  await server.close();
});

const uncounted = { hit: () => undefined, miss: () => undefined, joined: () => undefined };
const layered = (name: string) =>
  createLayeredResponseCache({
    own: createMemoryResponseCache({ maxBytes: 1_000_000 }),
    shared: createRedisResponseCache({ ...redis, key: (...parts) => redis.key(name, ...parts) }),
    guard: createEngineGuard(
      () => true,
      () => undefined,
    ),
  });
const answer = (text: string, tags: readonly string[] = []): Answer => {
  const madeAtMs = Date.now();
  return { body: Buffer.from(text), etag: `"${text}"`, madeAtMs, staleAtMs: madeAtMs + 60_000, tags };
};

describe('in Redis alone', () => {
  testResponseCache(() => createRedisResponseCache(redis));
});
describe('in memory and in Redis', () => {
  testResponseCache(() => layered('both'));
});

test('what one gateway made the others give, and what one drops none gives', async () => {
  const [one, other] = [layered('shared'), layered('shared')];
  let made = 0;
  const ask = (gateway: typeof one) =>
    shareAnswers(gateway, Date.now, uncounted).through('k', async () => answer(`made ${++made}`, ['prd_1']));
  expect((await ask(one)).etag).toBe('"made 1"');
  expect((await ask(other)).etag).toBe('"made 1"');
  await Promise.all([one.drop(['prd_1']), other.drop(['prd_1'])]);
  expect((await ask(other)).etag).toBe('"made 2"');
  expect((await ask(one)).etag).toBe('"made 2"');
});

test('an answer that all gateways want at once is made once', async () => {
  const gateways = Array.from({ length: 5 }, () => shareAnswers(layered('flight'), Date.now, uncounted));
  const release = Promise.withResolvers<void>();
  let made = 0;
  const asked = gateways.map(async (gateway) =>
    gateway.through('k', async () => {
      made++;
      await release.promise;
      return answer('k');
    }),
  );
  while (made === 0) await new Promise(setImmediate);
  release.resolve();
  for (const { etag } of await Promise.all(asked)) expect(etag).toBe('"k"');
  expect(made).toBe(1);
});

test('who dies while making an answer holds the others up for a second, not for ever', async () => {
  const dead = createRedisResponseCache(redis);
  expect('keep' in (await dead.begin('left', Date.now()))).toBe(true);
  const asked = performance.now();
  const made = await shareAnswers(createRedisResponseCache(redis), Date.now, uncounted).through('left', async () =>
    answer('mine'),
  );
  expect(made.etag).toBe('"mine"');
  expect(performance.now() - asked).toBeLessThan(3_000);
});

test('an answer that is too large for all is made and given, and not kept in Redis', async () => {
  const large = { ...answer('large'), body: Buffer.alloc(300_000) };
  const cache = createRedisResponseCache(redis);
  expect((await shareAnswers(cache, Date.now, uncounted).through('large', async () => large)).body.length).toBe(
    300_000,
  );
  expect(await cache.get('large', Date.now())).toBeUndefined();
});
