import type { Logger } from 'pino';
import type { EngineState } from '#platform/engine.ts';
import { Fault } from '#platform/fault.ts';
import type { GatewayConfig } from './config.ts';
import type { Meter } from './meter.ts';
import { createMemoryRateLimiter } from './rate-limit.memory.ts';
import type { RateLimiter } from './rate-limit.ts';
import { createMemoryResponseCache } from './response-cache.memory.ts';
import type { ResponseCache } from './response-cache.ts';

/** What a gateway remembers of calls: by itself, or together with all others. */
export type SharedState = {
  readonly limiter: RateLimiter;
  readonly cache: ResponseCache;
  readonly engines: readonly EngineState[];
  close(): Promise<void>;
};

const answerWithinMs = 250; // Redis takes 0.1 ms; a call goes on without it rather than wait

/** In memory, or in Redis where it is named; while that is away, in memory again. */
export async function openSharedState(config: GatewayConfig, meter: Meter, log: Logger): Promise<SharedState> {
  const limiter = createMemoryRateLimiter({ maxKeys: config.GATEWAY_RATE_LIMIT_KEYS });
  const cache = createMemoryResponseCache({ maxBytes: config.GATEWAY_CACHE_BYTES });
  const { REDIS_URL } = config;
  if (REDIS_URL === undefined) {
    return {
      limiter,
      cache,
      engines: [],
      close: async () => void (await Promise.all([limiter.close(), cache.close()])),
    };
  }
  // Loaded only where it is used.
  const [{ openRedis }, rates, answers, { createEngineGuard }, fallback, layered] = await Promise.all([
    import('#platform/connection.redis.ts'),
    import('./rate-limit.redis.ts'),
    import('./response-cache.redis.ts'),
    import('./engine-guard.ts'),
    import('./rate-limit.fallback.ts'),
    import('./response-cache.layered.ts'),
  ]);
  const redis = await openRedis({ ...config, REDIS_URL }, log, { commandTimeoutMs: answerWithinMs });
  const guard = createEngineGuard(isAway, meter.engineFailed);
  const all = {
    limiter: fallback.createFallbackRateLimiter({
      shared: rates.createRedisRateLimiter(redis),
      own: limiter,
      guard,
      counted: meter.countedAlone,
    }),
    cache:
      config.GATEWAY_CACHE_BYTES === 0
        ? cache
        : layered.createLayeredResponseCache({ own: cache, shared: answers.createRedisResponseCache(redis), guard }),
  };
  return {
    ...all,
    engines: [redis.state(false)],
    async close() {
      await Promise.all([all.limiter.close(), all.cache.close()]);
      await redis.close();
    },
  };
}

function isAway(error: unknown): boolean {
  return error instanceof Fault && error.kind === 'unavailable';
}
