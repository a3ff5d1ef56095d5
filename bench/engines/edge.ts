import { hash } from 'node:crypto';
import { createRedisRateLimiter, taking } from '#services/gateway/rate-limit.redis.ts';
import { createMemoryRateLimiter } from '#services/gateway/rate-limit.memory.ts';
import { createRedisResponseCache } from '#services/gateway/response-cache.redis.ts';
import { createMemoryResponseCache } from '#services/gateway/response-cache.memory.ts';
import type { Answer, ResponseCache } from '#services/gateway/response-cache.ts';
import type { World } from './world.ts';

const rate = { requests: 1_000_000, windowMs: 60_000 };
const keys = 1_000;

/** What the edge asks of Redis. By itself a gateway counts and keeps in its own memory. */
export async function benchEdge({ compare, redis: open }: World): Promise<void> {
  const { redis, bareRedis: bare } = await open();
  const [limiter, memory] = [createRedisRateLimiter(redis), createMemoryRateLimiter({ maxKeys: keys })];
  const script = String(await bare.script('LOAD', taking.text));
  await compare('rate-limit take', {
    'bare ioredis, same script': (call) =>
      bare.evalsha(script, 1, redis.key('bare', `${call % keys}`), rate.requests, rate.windowMs),
    Redis: (call) => limiter.take(`${call % keys}`, rate, 0),
    'memory (embedded)': (call) => memory.take(`${call % keys}`, rate, Date.now()),
  });

  const [cache, near] = [createRedisResponseCache(redis), createMemoryResponseCache({ maxBytes: 64 << 20 })];
  const nameOf = (call: number): string => redis.key('answer', hash('sha256', `k${call % keys}`, 'base64url'));
  for (let call = 0; call < keys; call++) {
    await put(cache, `k${call}`, call);
    await put(near, `k${call}`, call);
  }
  await compare('answer get, 2 KB', {
    'bare ioredis, same commands': (call) => {
      const name = nameOf(call);
      return bare.pipeline().getBuffer(name).pttl(name).exec();
    },
    Redis: (call) => cache.get(`k${call % keys}`, Date.now()),
    'memory (embedded)': (call) => near.get(`k${call % keys}`, Date.now()),
  });
}

async function put(cache: ResponseCache, key: string, id: number): Promise<void> {
  const madeAtMs = Date.now();
  const body = Buffer.alloc(2_000, `${id}`);
  const answer: Answer = { body, etag: '"a"', madeAtMs, staleAtMs: madeAtMs + 3_600_000, tags: [`prd_${id}`] };
  const making = await cache.begin(key, madeAtMs);
  if ('keep' in making) await making.keep(answer);
}
