import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

export type RedisScript = {
  readonly text: string;
  /** Runs it in one round trip. Redis learns it by itself, again after each time it forgot: at its restart, or told to flush. */
  run(client: Redis, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown>;
};

/** A Lua script that Redis runs as one step, between two commands of others. */
export function redisScript(text: string): RedisScript {
  const sha = createHash('sha1').update(text).digest('hex'); // the name that Redis gives it
  return {
    text,
    run: (client, keys, args) =>
      client.evalsha(sha, keys.length, ...keys, ...args).catch((error: unknown) => {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return client.eval(text, keys.length, ...keys, ...args);
      }),
  };
}
