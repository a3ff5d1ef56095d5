import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { testPubSub } from './pubsub.contract.ts';
import { openRedisPubSub } from './pubsub.redis.ts';
import { silentLog } from './telemetry/log.ts';
import { startTestRedis, type TestRedis } from './testing/redis-server.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.close());

const open = () =>
  openRedisPubSub({ REDIS_URL: server.url, REDIS_PREFIX: 'pubsub:', REDIS_CA: undefined }, silentLog());

testPubSub(open);

test('after Redis was away, listeners are told that something was lost, and hear again', async () => {
  const own = await startTestRedis();
  const settings = { REDIS_URL: own.url, REDIS_PREFIX: 'gap:', REDIS_CA: undefined };
  const [here, there] = await Promise.all([
    openRedisPubSub(settings, silentLog()),
    openRedisPubSub(settings, silentLog()),
  ]);
  const heard: string[] = [];
  let lost = Promise.withResolvers<void>();
  let came = Promise.withResolvers<void>();
  await there.subscribe('a', {
    heard(message) {
      heard.push(message);
      came.resolve();
    },
    lost: () => lost.resolve(),
  });
  lost = Promise.withResolvers();
  await own.kill();
  await expect(here.publish('a', ['gone'])).rejects.toMatchObject({ kind: 'unavailable' });
  await own.start();
  await lost.promise;
  came = Promise.withResolvers();
  while ((await here.publish('a', ['back']).catch(() => 'away')) === 'away') await new Promise(setImmediate);
  await came.promise;
  expect(heard).toEqual(['back']);
  await Promise.all([here.close(), there.close()]);
  await own.close();
});

test('who listens before Redis is there hears once it is', async () => {
  const own = await startTestRedis({}, false);
  const late = await openRedisPubSub({ REDIS_URL: own.url, REDIS_PREFIX: 'late:', REDIS_CA: undefined }, silentLog());
  const there = Promise.withResolvers<void>();
  await late.subscribe('a', { heard: () => undefined, lost: there.resolve });
  await own.start();
  await there.promise;
  await late.close();
  await own.close();
});
