import type { RedisConnection } from '#platform/connection.redis.ts';
import { redisScript } from '#platform/script.redis.ts';
import type { RateLimiter } from './rate-limit.ts';

/**
 * As rate-limit.memory.ts counts, in one step and by Redis' clock, so that gateways need not agree on the time. The number goes
 * when the allowance is whole again. A clock that was set back costs a key no more than its window.
 */
export const taking = redisScript(`
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  local window = tonumber(ARGV[2])
  local whole = math.min(tonumber(redis.call('GET', KEYS[1]) or '0'), now + window)
  local next = math.max(whole, now) + window / tonumber(ARGV[1])
  local wait = next - now - window
  if wait > 1e-6 * window then return math.max(1, math.ceil(wait)) end
  redis.call('SET', KEYS[1], string.format('%.3f', next), 'PX', math.max(1, math.ceil(next - now)))
  return 0`);

/** Keeps the rates of all gateways in Redis, a key each, one round trip a call. Rejects while Redis is away. */
export function createRedisRateLimiter(redis: RedisConnection): RateLimiter {
  return {
    take: (key, { requests, windowMs }) =>
      redis.ask(taking.run(redis.client, [redis.key('rate', key)], [requests, windowMs])).then(Number),
    close: () => Promise.resolve(),
  };
}
