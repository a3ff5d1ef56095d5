import type { RedisConnection } from './connection.redis.ts';
import { createLocks, type Leases, type Locks } from './lock.ts';
import { redisScript } from './script.redis.ts';

// KEYS: the lease, the last token. ARGV: time to live, time to live of the last token.
// The token is at least the server's time in microseconds, which a double holds exactly until the year 2255: it goes on growing when Redis
// was emptied, or restored from an older copy. The last token is kept for a clock that is set back.
export const taking = redisScript(`
local left = redis.call('pttl', KEYS[1])
if left ~= -2 then return left end
local time = redis.call('time')
local token = math.max(tonumber(redis.call('get', KEYS[2]) or 0) + 1, time[1] * 1000000 + time[2])
local text = string.format('%.0f', token)
redis.call('set', KEYS[1], text, 'px', ARGV[1])
redis.call('set', KEYS[2], text, 'px', ARGV[2])
return text`);

// Renews, leaves for so long, or gives back: an expiry of 0 deletes.
export const keeping = redisScript(`
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end
return 0`);

const lastTokenMs = 30 * 24 * 3_600_000; // a clock is not set back by more

/**
 * Locks by Redis's clock. A lease that Redis forgets (it was emptied, or a replica took over that had not heard of it) may be taken
 * while its holder works: until its next renewal, a third of the time to live, there are two, and the token tells who is the later.
 */
export function createRedisLocks(redis: RedisConnection): Locks {
  return createLocks(createRedisLeases(redis));
}

export function createRedisLeases({ client, key, ask }: RedisConnection): Leases {
  const leaseOf = (name: string): string => key('lock', name);
  const keep = async (name: string, token: bigint, ms: number): Promise<boolean> =>
    (await ask(keeping.run(client, [leaseOf(name)], [String(token), ms]))) === 1;
  return {
    async take(name, ttlMs) {
      const keys = [leaseOf(name), key('lock-token', name)];
      const answer = await ask(taking.run(client, keys, [ttlMs, lastTokenMs]));
      return typeof answer === 'string' ? { token: BigInt(answer) } : { leftMs: Math.max(0, Number(answer)) };
    },
    renew: keep,
    async release(name, token, restMs) {
      await keep(name, token, restMs);
    },
  };
}
