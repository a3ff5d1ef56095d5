import type { Redis } from 'ioredis';
import { silentLog } from './telemetry/log.ts';
import { openRedis, type RedisConnection, type RedisSettings } from './connection.redis.ts';
import type { Finding } from './engine.ts';
import { StartError } from './start-error.ts';

const oldest = 7; // GETEX, functions' effects and ACL selectors aside: what the scripts stand on is stated for 7
const clockMs = 500; // limits and leases count by Redis' clock; carts and sessions compare it with ours

/** What the shop does, tried on keys that end by themselves. */
const attempts: readonly (readonly [command: string, ...args: (string | number)[]])[] = [
  ['SET', '#', '1', 'PX', 1_000],
  ['GET', '#'],
  ['PTTL', '#'],
  ['DEL', '#'],
  ['UNLINK', '#'],
  ['HSET', '#h', 'a', '1'],
  ['SADD', '#s', 'a'],
  ['ZADD', '#z', 1, 'a'],
  ['PEXPIRE', '#h', 1],
  ['PEXPIRE', '#s', 1],
  ['PEXPIRE', '#z', 1],
  ['EVAL', "return redis.call('TIME')", 0],
  ['PUBLISH', '#', 'x'],
];

/** Looks at the Redis of a service, as that would use it. */
export async function* examineRedis(settings: RedisSettings): AsyncIterable<Finding> {
  let redis: RedisConnection;
  try {
    redis = await openRedis(settings, silentLog());
  } catch (error) {
    yield { about: 'reachable', verdict: 'bad', text: error instanceof StartError ? error.message : String(error) };
    return;
  }
  try {
    yield* examine(redis, settings);
  } catch (error) {
    const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    yield { about: 'reachable', verdict: 'bad', text: `it can’t be reached: ${why}. Start it, or correct REDIS_URL.` };
  } finally {
    await redis.close();
  }
}

async function* examine({ client, ask, key }: RedisConnection, { REDIS_URL }: RedisSettings): AsyncIterable<Finding> {
  await ask(client.ping());
  yield { about: 'reachable', verdict: 'good', text: `answers at ${new URL(REDIS_URL).host}` };
  yield REDIS_URL.startsWith('rediss:')
    ? { about: 'tls', verdict: 'good', text: 'encrypted, and its certificate is trusted' }
    : { about: 'tls', verdict: 'warning', text: 'plain text: say rediss in REDIS_URL, and REDIS_CA_FILE' };
  const refused = await refusedOf(client, key('doctor', String(process.pid)));
  yield refused.length === 0
    ? { about: 'rights', verdict: 'good', text: 'the user may do what the shop needs' }
    : { about: 'rights', verdict: 'bad', text: `the user may not ${refused.join(', ')}: allow it by ACL SETUSER` };
  const info = await client.info().catch(() => '');
  const said = (name: string): string => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
  const version = said('redis_version');
  if (version === '') yield { about: 'version', verdict: 'warning', text: 'the user may not ask INFO: not known' };
  else
    yield Number.parseInt(version, 10) >= oldest
      ? { about: 'version', verdict: 'good', text: `Redis ${version}` }
      : { about: 'version', verdict: 'bad', text: `Redis ${version} is too old: ${oldest} or later is needed` };
  if (said('role') === 'slave')
    yield { about: 'rights', verdict: 'bad', text: 'it is a replica, which takes no writes: name the primary' };
  if (said('redis_mode') === 'cluster')
    yield { about: 'version', verdict: 'bad', text: 'it is a cluster: a single primary is supported' };
  if (version !== '') yield memoryFinding(Number(said('maxmemory')), said('maxmemory_policy'));
  const [seconds, micros] = (await ask(client.time())).map(Number);
  const ahead = (seconds ?? 0) * 1_000 + (micros ?? 0) / 1_000 - Date.now();
  yield Math.abs(ahead) < clockMs
    ? { about: 'clock', verdict: 'good', text: `${Math.abs(Math.round(ahead))} ms from ours` }
    : { about: 'clock', verdict: 'bad', text: `${Math.round(ahead)} ms ahead of ours: set both by NTP` };
}

async function refusedOf(client: Redis, key: string): Promise<string[]> {
  const refused: string[] = [];
  for (const [command, ...args] of attempts) {
    const named = args.map((arg) => (typeof arg === 'string' ? arg.replace('#', key) : arg));
    await client.call(command, ...named).catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith('NOPERM')) refused.push(command);
      else throw error;
    });
  }
  return refused;
}

function memoryFinding(bytes: number, policy: string): Finding {
  const text = `maxmemory ${bytes === 0 ? 'not set' : `${Math.round(bytes / 1024 / 1024)} MiB`}, ${policy}`;
  if (bytes === 0)
    return { about: 'memory', verdict: 'warning', text: `${text}: bound it, or it grows until the machine ends it` };
  // What has no end is what nothing may take: carts that are not yet in PostgreSQL.
  return policy === 'noeviction' || policy.startsWith('volatile-')
    ? { about: 'memory', verdict: 'good', text }
    : { about: 'memory', verdict: 'bad', text: `${text}: it may take carts; set maxmemory-policy to volatile-ttl` };
}
