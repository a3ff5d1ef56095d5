import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openRedis, type RedisConnection } from './connection.redis.ts';
import { newId } from './ids.ts';
import { lockContract } from './lock.contract.ts';
import { createRedisLeases, createRedisLocks } from './lock.redis.ts';
import { silentLog } from './telemetry/log.ts';
import { testRedisConfig } from './testing/redis-config.ts';

const prefix = `${newId('test')}:`;
let redis: RedisConnection;
let another: RedisConnection;

beforeAll(async () => {
  const config = testRedisConfig(prefix);
  [redis, another] = await Promise.all([openRedis(config, silentLog()), openRedis(config, silentLog())]);
});
afterAll(() => Promise.all([redis.close(), another.close()]));

lockContract(() => {
  const [one, other] = [redis, another].map((connection) => ({
    locks: createRedisLocks(connection),
    leases: createRedisLeases(connection),
  }));
  if (one === undefined || other === undefined) throw new Error('there are two');
  return Promise.resolve({
    one,
    other,
    async forget(name) {
      await redis.client.del(redis.key('lock', name));
    },
  });
});

test('tokens go on growing when Redis was emptied', async () => {
  const leases = createRedisLeases(redis);
  const before = await leases.take('emptied', 60_000);
  await redis.client.del(redis.key('lock', 'emptied'), redis.key('lock-token', 'emptied'));
  const after = await leases.take('emptied', 60_000);
  expect('token' in after && after.token).toBeGreaterThan('token' in before ? before.token : 0n);
});

test('tokens go on growing when the server’s clock is set back', async () => {
  const leases = createRedisLeases(redis);
  const ahead = (Date.now() + 3_600_000) * 1_000; // what a clock said that went ahead
  await redis.client.set(redis.key('lock-token', 'back'), ahead);
  expect(await leases.take('back', 60_000)).toEqual({ token: BigInt(ahead) + 1n });
});

test('all that locks keep has a time to live', async () => {
  await createRedisLeases(redis).take('kept', 60_000);
  for (const part of ['lock', 'lock-token']) {
    expect(await redis.client.pttl(redis.key(part, 'kept'))).toBeGreaterThan(0);
  }
});
