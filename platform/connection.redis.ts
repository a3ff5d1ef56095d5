import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { codeOf } from './error-code.ts';
import { engineAway, engineRefuses, type EngineState, tlsProblem } from './engine.ts';
import type { RedisConfig } from './engine-config.ts';
import { Fault } from './fault.ts';

export type RedisConnection = {
  /** Fails at once while Redis is away; see `ask`. */
  readonly client: Redis;
  /** A key or channel of ours: the prefix and the parts, joined by colons. Parts in braces share a cluster's slot. */
  key(...parts: readonly string[]): string;
  /** Awaits an answer; what fails because Redis is away becomes a Fault of kind "unavailable". */
  ask<T>(answer: Promise<T>): Promise<T>;
  /** A connection of its own with the same settings, such as a subscriber needs. Ends with this one. */
  another(): Redis;
  state(needed: boolean): EngineState;
  close(): Promise<void>;
};

const engine = 'Redis';
const connectTimeoutMs = 2_000;
const commandTimeoutMs = 2_000; // a command takes some 0.1 ms; whoever waits longer has a caller who waits too
const firstTryMs = 3_000;

/**
 * Connects to Redis. Resolves when that is done, or when Redis is away: it is tried again in the background, for ever. Throws a
 * StartError where Redis answers and refuses: wrong password, wrong authority, plain text.
 */
export async function openRedis(
  config: RedisConfig & { readonly REDIS_URL: string },
  log: Logger,
): Promise<RedisConnection> {
  const options: RedisOptions = {
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    enableOfflineQueue: false, // what waited for Redis would be answered after its caller has gone
    maxRetriesPerRequest: 0, // a command that was cut off may have been done: the caller knows whether to repeat it
    enableAutoPipelining: true, // what is asked in one turn of the event loop goes as one packet
    retryStrategy: (times) => Math.min(1_000, 50 * 2 ** Math.min(times, 10)),
    connectionName: 'only2u',
    ...(config.REDIS_CA !== undefined && { tls: { ca: config.REDIS_CA } }),
  };
  const opened = new Set<Redis>();
  let lastError: unknown;
  function open(): Redis {
    const redis = new Redis(config.REDIS_URL, options);
    opened.add(redis);
    let away = false;
    redis.on('error', (error: unknown) => {
      lastError = error;
      if (!away) log.warn({ err: error, engine }, 'an engine is away; trying again');
      away = true;
    });
    redis.on('ready', () => {
      if (away) log.info({ engine }, 'an engine is back');
      away = false;
    });
    return redis;
  }

  async function close(): Promise<void> {
    for (const redis of opened) redis.disconnect();
    opened.clear();
  }

  const client = open();
  try {
    await firstTry(client);
  } catch (error) {
    const refusal = refusalOf(lastError) ?? refusalOf(error);
    if (refusal !== undefined) {
      await close();
      throw engineRefuses(engine, refusal.variable, refusal.why, error);
    }
  }

  const ask = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((error: unknown) => {
      throw redisFault(error) ?? error;
    });
  return {
    client,
    ask,
    key: (...parts) => config.REDIS_PREFIX + parts.join(':'),
    another: open,
    state: (needed) => ({
      name: engine,
      needed,
      check: async () => void (await ask(client.ping())),
    }),
    close,
  };
}

// Node's client goes on trying after its promise is rejected; a server that hangs is no reason not to start.
async function firstTry(client: Redis): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, firstTryMs);
  try {
    await Promise.race([client.connect(), promise]);
  } finally {
    clearTimeout(timer);
  }
}

function refusalOf(error: unknown): { variable: string; why: string } | undefined {
  const text = error instanceof Error ? error.message : '';
  if (/WRONGPASS|NOAUTH|invalid password/i.test(text))
    return { variable: 'REDIS_URL', why: 'user or password is wrong' };
  if (text.includes('NOPERM')) return { variable: 'REDIS_URL', why: 'the user may not do what the shop needs' };
  const tls = tlsProblem(codeOf(error));
  return tls === undefined ? undefined : { variable: 'REDIS_CA, or rediss in REDIS_URL', why: tls };
}

/** What a driver's error means to a caller: undefined for one that is a bug of ours. */
export function redisFault(error: unknown): Fault | undefined {
  if (error instanceof Fault) return undefined;
  const text = error instanceof Error ? error.message : '';
  const away =
    /Connection is closed|Stream isn't writeable|max retries per request|Command timed out|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND/i;
  // LOADING: it reads its file; OOM: its memory is full; READONLY: a fail-over is under way.
  return away.test(text) ||
    /^(LOADING|OOM|READONLY|MASTERDOWN|BUSY|TRYAGAIN|CLUSTERDOWN)/.test(text) ||
    codeOf(error).startsWith('E')
    ? engineAway(engine, error)
    : undefined;
}
