import type { Logger } from 'pino';
import type { RedisConfig } from './engine-config.ts';
import type { EngineState } from './engine.ts';
import { createMemoryPubSub } from './pubsub.memory.ts';
import type { PubSub } from './pubsub.ts';

export type OpenPubSub = { readonly pubsub: PubSub; readonly engines: readonly EngineState[] };

/** What tells all processes: Redis where it is named, else the memory of this one, which is all of the shop under `npm start`. */
export async function openPubSub({ REDIS_URL, ...rest }: RedisConfig, log: Logger): Promise<OpenPubSub> {
  if (REDIS_URL === undefined) return { pubsub: createMemoryPubSub(), engines: [] };
  const pubsub = await (await import('./pubsub.redis.ts')).openRedisPubSub({ ...rest, REDIS_URL }, log);
  // Beside the Redis that a service has of its own, which may be another. Who hears nothing keeps answers no longer than without it.
  return { pubsub, engines: [{ ...pubsub.state(false), name: 'Redis for announcements' }] };
}
