import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { codeOf } from './error-code.ts';
import { engineAway, engineRefuses, type EngineState, tlsProblem } from './engine.ts';
import type { RedisConfig } from './engine-config.ts';
import { Fault } from './fault.ts';
import { whatSpeaks } from './probe.redis.ts';

export type RedisConnection = {
  /** Fails at once while Redis is away; see `ask`. Several commands that belong together go by `client.pipeline()`. */
  readonly client: Redis;
  /** A key or channel of ours: the prefix and the parts, joined by colons. */
  key(...parts: readonly string[]): string;
  /** Awaits an answer; what fails because Redis is away becomes a Fault of kind "unavailable". */
  ask<T>(answer: Promise<T>): Promise<T>;
  /** A connection of its own with the same settings, such as a subscriber needs. Not opened yet: `connect()`. Ends with this one. */
  another(options?: Pick<RedisOptions, 'autoResubscribe'>): Redis;
  state(needed: boolean): EngineState;
  close(): Promise<void>;
};

export type RedisSettings = RedisConfig & { readonly REDIS_URL: string };

export type RedisOpening = {
  /** How long an answer may take: 2 s unless told, where a command takes some 0.1 ms. */
  readonly commandTimeoutMs?: number;
};

const engine = 'Redis';
const connectTimeoutMs = 2_000;
const defaultCommandTimeoutMs = 2_000; // whoever waits longer has a caller who waits too
const silenceMs = 5_000; // a connection that answers nothing for so long is made anew: a router may have forgotten it
const firstTryMs = 3_000;

/**
 * Connects to Redis: one server, or one address that leads to whichever is the primary. Resolves when that is done, or when Redis is
 * away: it is tried again in the background, for ever. Throws a StartError where Redis answers and refuses: wrong password, wrong
 * authority, plain text.
 */
export async function openRedis(
  config: RedisSettings,
  log: Logger,
  { commandTimeoutMs = defaultCommandTimeoutMs }: RedisOpening = {},
): Promise<RedisConnection> {
  // No autopipelining: measured with ioredis 6 it took a lone command from 25,000 to 16,000 a second, and gave 32 at a time a tenth.
  const options: RedisOptions = {
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    socketTimeout: silenceMs,
    enableOfflineQueue: false, // what waited for Redis would be answered after its caller has gone
    autoResendUnfulfilledCommands: false, // a command that was cut off may have been done: the caller knows whether to repeat it
    maxRetriesPerRequest: 0,
    // A primary that became a replica refuses writes: another connection may lead to the new one.
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
    retryStrategy: (times) => Math.min(1_000, 50 * 2 ** Math.min(times, 10)),
    connectionName: 'only2u',
    ...(config.REDIS_URL.startsWith('rediss:') && {
      tls: config.REDIS_CA === undefined ? {} : { ca: config.REDIS_CA },
    }),
  };
  const opened = new Set<Redis>();
  let lastError: unknown;
  function open(more: Pick<RedisOptions, 'autoResubscribe'> = {}): Redis {
    const redis = new Redis(config.REDIS_URL, { ...options, ...more });
    opened.add(redis);
    let said = '';
    redis.on('error', (error: unknown) => {
      lastError = error;
      const text = codeOf(error) || String(error);
      if (text !== said) log.warn({ err: error, engine }, 'an engine is away; trying again');
      said = text;
    });
    redis.on('ready', () => {
      if (said !== '') log.info({ engine }, 'an engine is back');
      said = '';
    });
    redis.on('end', () => opened.delete(redis));
    return redis;
  }

  async function close(): Promise<void> {
    for (const redis of opened) redis.disconnect();
    opened.clear();
  }

  const client = open();
  const failed = await firstTry(client);
  // Where the number of the database is wrong the driver says so, and goes on in another.
  if (failed || lastError !== undefined) {
    const refusal = refusalOf(lastError) ?? (failed ? await otherTongue(config.REDIS_URL) : undefined);
    if (refusal !== undefined) {
      await close();
      throw engineRefuses(engine, refusal.variable, refusal.why, lastError);
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

// The client goes on trying after its promise is rejected; a server that hangs is no reason not to start.
async function firstTry(client: Redis): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), firstTryMs);
  try {
    return await Promise.race([
      client.connect().then(
        () => false,
        () => true,
      ),
      promise,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

type Refused = { readonly variable: string; readonly why: string };

function refusalOf(error: unknown): Refused | undefined {
  const text = error instanceof Error ? error.message : '';
  if (/WRONGPASS|NOAUTH|invalid (username-)?password|without any password/i.test(text))
    return { variable: 'REDIS_URL', why: 'user or password is wrong' };
  if (text.startsWith('NOPERM')) return { variable: 'REDIS_URL', why: 'the user may not do what the shop needs' };
  if (text.includes('DB index is out of range'))
    return { variable: 'REDIS_URL', why: 'it has no database of that number' };
  const tls = tlsProblem(codeOf(error));
  return tls === undefined ? undefined : { variable: 'REDIS_CA, or rediss in REDIS_URL', why: tls };
}

/** Neither side says so by itself: plain text to a TLS port is hung up on, and TLS to a plain port waits for its end. */
async function otherTongue(url: string): Promise<Refused | undefined> {
  const { protocol, hostname, port } = new URL(url);
  const tongue = await whatSpeaks(hostname.replace(/^\[|\]$/g, ''), Number(port || 6_379));
  if (protocol === 'redis:' && tongue === 'tls')
    return { variable: 'REDIS_URL', why: 'it speaks TLS there: rediss, not redis' };
  if (protocol === 'rediss:' && tongue === 'plain')
    return { variable: 'REDIS_URL', why: 'it speaks plain text there, not TLS' };
  return undefined;
}

/** What a driver's error means to a caller: undefined for one that is a bug of ours. */
export function redisFault(error: unknown): Fault | undefined {
  if (error instanceof Fault) return undefined;
  const text = error instanceof Error ? error.message : '';
  const away =
    /Connection is closed|Stream isn't writeable|max retries per request|Command timed out|Socket timeout|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND/i;
  // LOADING: it reads its file; OOM: its memory is full; READONLY: a fail-over is under way.
  return away.test(text) ||
    /^(LOADING|OOM|READONLY|MASTERDOWN|MISCONF|NOREPLICAS|BUSY|TRYAGAIN|CLUSTERDOWN)/.test(text) ||
    codeOf(error).startsWith('E')
    ? engineAway(engine, error)
    : undefined;
}
