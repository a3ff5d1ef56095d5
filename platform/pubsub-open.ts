import type { Logger } from 'pino';
import { z } from 'zod';
import { readConfig, type Variables } from './config.ts';
import { redisVariables } from './engine-config.ts';
import { createMemoryPubSub } from './pubsub.memory.ts';
import type { PubSub } from './pubsub.ts';

const own = { name: 'process', config: z.object(redisVariables) };

/** What tells all processes: Redis where it is named, else the memory of this one, which is all of the shop under `npm start`. */
export async function openPubSub(variables: Variables, log: Logger): Promise<PubSub> {
  const { REDIS_URL, ...rest } = readConfig([own], { variables }).of(own);
  if (REDIS_URL === undefined) return createMemoryPubSub();
  return (await import('./pubsub.redis.ts')).openRedisPubSub({ ...rest, REDIS_URL }, log);
}
