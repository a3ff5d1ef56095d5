import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { openRedis, type RedisConnection, type RedisSettings } from './connection.redis.ts';
import type { EngineState } from './engine.ts';
import { assertCarriable, type Listener, type PubSub } from './pubsub.ts';

const lookEveryMs = 5_000; // a connection that only listens would not notice that it leads nowhere

/** Tells by PUBLISH, which a replica passes on too. */
export function createRedisPubSub(redis: RedisConnection, log: Logger): PubSub {
  const channels = new Map<string, Set<Listener>>();
  let subscriber: Redis | undefined;
  let looking: NodeJS.Timeout | undefined;
  let connected = false; // whether all channels are asked for on the connection of now

  function listening(): Redis {
    if (subscriber !== undefined) return subscriber;
    const own = redis.another({ autoResubscribe: false });
    own.on('message', (name: string, message: string) => {
      for (const { heard } of [...(channels.get(name) ?? [])]) heard(message);
    });
    own.on('close', () => (connected = false));
    own.on('ready', () => void resume(own));
    own.connect().catch(() => undefined); // tried again for ever
    looking = setInterval(() => void own.ping().catch(() => undefined), lookEveryMs).unref();
    return (subscriber = own);
  }

  // What was told until all channels were asked for again is gone.
  async function resume(own: Redis): Promise<void> {
    try {
      if (channels.size > 0) await own.subscribe(...channels.keys());
      connected = true;
      for (const { lost } of [...channels.values()].flatMap((listeners) => [...listeners])) lost();
    } catch (error) {
      log.warn({ err: error }, 'listening to Redis failed; trying again');
      if (own.status === 'ready') own.disconnect(true);
    }
  }

  return {
    async publish(channel, messages) {
      assertCarriable(channel, messages);
      const name = redis.key('ch', channel);
      await redis.ask(Promise.all(messages.map((message) => redis.client.publish(name, message))));
    },
    async subscribe(channel, listener) {
      assertCarriable(channel, []);
      const name = redis.key('ch', channel);
      const own = { ...listener };
      const listeners = channels.get(name) ?? new Set();
      channels.set(name, listeners.add(own));
      const client = listening();
      // Where it is away, `resume` asks for it; where it was asked for already, another time does no harm.
      if (connected) await client.subscribe(name).catch(() => undefined);
      else await settled(client);
      return async () => {
        if (!listeners.delete(own) || listeners.size > 0 || channels.get(name) !== listeners) return;
        channels.delete(name);
        if (connected) await client.unsubscribe(name).catch(() => undefined);
      };
    },
    async close() {
      clearInterval(looking);
      channels.clear();
      subscriber?.disconnect();
    },
  };

  /** Waits for the first connection and its subscriptions, or for the news that there is none now. */
  async function settled(client: Redis): Promise<void> {
    while (!connected && !['close', 'reconnecting', 'end'].includes(client.status))
      await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** One with a connection of its own. */
export async function openRedisPubSub(
  settings: RedisSettings,
  log: Logger,
): Promise<PubSub & { state(needed: boolean): EngineState }> {
  const redis = await openRedis(settings, log);
  const pubsub = createRedisPubSub(redis, log);
  return {
    ...pubsub,
    state: redis.state,
    async close() {
      await pubsub.close();
      await redis.close();
    },
  };
}
