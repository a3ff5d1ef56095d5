import { hash, randomUUID } from 'node:crypto';
import { backOff } from '#platform/back-off.ts';
import { redisFault, type RedisConnection } from '#platform/connection.redis.ts';
import { redisScript } from '#platform/script.redis.ts';
import { decodeAnswer, encodeAnswer } from './kept-answer.ts';
import type { Answer, Making, ResponseCache } from './response-cache.ts';

const leaseMs = 1_000; // an answer takes some ms; who dies while making one holds the others up for so long
const looks = 40; // some 2 s, twice a lease; then each makes it for itself
const maxAnswerBytes = 256 * 1024; // longer ones are rare, and Redis serves one at a time
const maxTags = 200;
const droppedMs = 30_000; // longer than any answer is being made

/** Whoever comes first makes the answer, and hears what time it is by the clock that drops are told by. */
const begin = redisScript(`
  if redis.call('EXISTS', KEYS[1]) == 1 then return 'kept' end
  if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 'wait' end
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]`);

/** KEYS: the answer, its lease, then for each tag what was dropped and what is held. Nothing is kept that was dropped since. */
const keep = redisScript(`
  if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
  for at = 3, #KEYS, 2 do
    local dropped = redis.call('GET', KEYS[at])
    if dropped and tonumber(dropped) >= tonumber(ARGV[2]) then return 0 end
  end
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[3])
  for at = 4, #KEYS, 2 do
    redis.call('SADD', KEYS[at], KEYS[1])
    if redis.call('PTTL', KEYS[at]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[at], ARGV[3]) end
  end
  return 1`);

const giveUp = redisScript(
  `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`,
);

/** KEYS: for each tag what was dropped and what is held. */
const drop = redisScript(`
  local time = redis.call('TIME')
  local now = string.format('%.0f', time[1] * 1000000 + time[2])
  for at = 1, #KEYS, 2 do
    redis.call('SET', KEYS[at], now, 'PX', ARGV[1])
    for _, key in ipairs(redis.call('SMEMBERS', KEYS[at + 1])) do redis.call('UNLINK', key) end
    redis.call('UNLINK', KEYS[at + 1])
  end
  return 1`);

/**
 * Keeps answers for all gateways in Redis, each for as long as it is fresh. For each id the keys of the answers that hold it are kept
 * beside them, so that a look-up is one round trip and a drop finds them all. Rejects while Redis is away.
 */
export function createRedisResponseCache({ client, ask, key: keyOf }: RedisConnection): ResponseCache {
  // A key holds the whole request: hashed it is short, and nobody's words stand in Redis.
  const hashed = (key: string): string => hash('sha256', key, 'base64url');
  const answerKey = (key: string): string => keyOf('answer', hashed(key));
  const leaseKey = (key: string): string => keyOf('making', hashed(key));
  const tagKeys = (tags: readonly string[]): string[] =>
    tags.flatMap((tag) => [keyOf('dropped', tag), keyOf('holding', tag)]);

  async function get(key: string, nowMs: number): Promise<Answer | undefined> {
    const name = answerKey(key);
    const replies = await ask(client.pipeline().getBuffer(name).pttl(name).exec());
    const [bytes, leftMs] = (replies ?? []).map(([error, reply]) => {
      if (error !== null) throw redisFault(error) ?? error;
      return reply;
    });
    // How long it is fresh is told by Redis: clocks of gateways may differ.
    return Buffer.isBuffer(bytes) && typeof leftMs === 'number' && leftMs > 0
      ? decodeAnswer(bytes, nowMs + leftMs)
      : undefined;
  }

  function making(key: string, token: string, sinceMicros: number): Making {
    return {
      async keep(answer) {
        const { body, tags, staleAtMs, madeAtMs } = answer;
        const forMs = Math.floor(staleAtMs - madeAtMs);
        if (forMs < 1 || body.byteLength > maxAnswerBytes || tags.length > maxTags) return this.giveUp();
        const keys = [answerKey(key), leaseKey(key), ...tagKeys(tags)];
        await ask(keep.run(client, keys, [token, sinceMicros, forMs, encodeAnswer(answer)]));
      },
      async giveUp() {
        await ask(giveUp.run(client, [leaseKey(key)], [token]));
      },
    };
  }

  return {
    get,
    async begin(key, nowMs) {
      const token = randomUUID();
      for (let look = 1; look <= looks; look++) {
        const said = await ask(begin.run(client, [answerKey(key), leaseKey(key)], [token, leaseMs]));
        if (typeof said === 'number') return making(key, token, said);
        const answer = said === 'kept' ? await get(key, nowMs) : undefined;
        if (answer !== undefined) return answer;
        await backOff(look);
      }
      return { keep: () => undefined, giveUp: () => undefined };
    },
    async drop(tags) {
      if (tags.length > 0) await ask(drop.run(client, tagKeys(tags), [droppedMs]));
    },
    dropOwn: () => undefined,
    close: () => Promise.resolve(),
  };
}
