import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openRedis, redisFault, type RedisConnection, type RedisSettings } from './connection.redis.ts';
import { examineRedis } from './examination.redis.ts';
import { createTestAuthority } from './testing/rpc.ts';
import { startTestRedis, type TestRedis } from './testing/redis-server.ts';
import { silentLog } from './telemetry/log.ts';

const users = [
  'user default off',
  'user shop on >right ~only2u:* &only2u:* +@all',
  'user reader on >right ~* +@read +ping',
];
let plain: TestRedis;
let secured: TestRedis;
let ca: string;
let otherCa: string;
const opened: RedisConnection[] = [];

beforeAll(async () => {
  const [good, other] = [createTestAuthority(), createTestAuthority('other')];
  const tls = await good.issue('redis');
  ca = tls.ca;
  otherCa = (await other.issue('redis')).ca;
  [plain, secured] = await Promise.all([startTestRedis({ lines: users }), startTestRedis({ tls, lines: users })]);
});
afterAll(async () => {
  await Promise.all(opened.map((redis) => redis.close()));
  await Promise.all([plain.close(), secured.close()]);
});

function settings(url: string, REDIS_CA?: string): RedisSettings {
  return { REDIS_URL: url, REDIS_PREFIX: 'only2u:', REDIS_CA };
}

async function open(of: RedisSettings, options = {}): Promise<RedisConnection> {
  const redis = await openRedis(of, silentLog(), options);
  opened.push(redis);
  return redis;
}

const as = (user: string, { url }: TestRedis) => url.replace('//', `//${user}@`);
const refusal = (of: RedisSettings) => open(of).then(() => 'nothing', String);

test('it speaks TLS, with a user, a password and an authority of its own', async () => {
  const redis = await open(settings(as('shop:right', secured), ca));
  await redis.client.set(redis.key('tls', '1'), 'yes', 'PX', 10_000);
  expect(await redis.ask(redis.client.get('only2u:tls:1'))).toBe('yes');
  await redis.state(true).check();
});

test('what no waiting helps is refused at the start, in one line that says what to correct', async () => {
  const wrongUser = 'Redis refuses us: user or password is wrong. Correct REDIS_URL.';
  expect(await refusal(settings(as('shop:wrong', plain)))).toContain(wrongUser);
  expect(await refusal(settings(as('nobody:right', plain)))).toContain(wrongUser);
  expect(await refusal(settings(plain.url))).toContain(wrongUser);
  expect(await refusal(settings(as('shop:wrong', secured), ca))).toContain(wrongUser);
  const stranger = 'comes from an authority that is not in the CA file. Correct REDIS_CA, or rediss in REDIS_URL.';
  expect(await refusal(settings(as('shop:right', secured), otherCa))).toContain(stranger);
  expect(await refusal(settings(as('shop:right', secured)))).toContain('not in the CA file');
  const plainToTls = settings(as('shop:right', secured).replace('rediss', 'redis'));
  expect(await refusal(plainToTls)).toContain('it speaks TLS there: rediss, not redis. Correct REDIS_URL.');
  const tlsToPlain = settings(as('shop:right', plain).replace('redis', 'rediss'), ca);
  expect(await refusal(tlsToPlain)).toContain('it speaks plain text there, not TLS');
  expect(await refusal(settings(`${as('shop:right', plain)}/99`))).toContain('no database of that number');
});

test('a service starts while Redis is away, is told so at once, and has it when it comes', async () => {
  const late = await startTestRedis({}, false);
  const redis = await open(settings(late.url));
  await expect(redis.ask(redis.client.get('a'))).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'REDIS_UNAVAILABLE',
    retryAfterMs: 1_000,
  });
  await expect(redis.state(true).check()).rejects.toMatchObject({ kind: 'unavailable' });
  await late.start();
  await until(() => redis.state(true).check());
  expect(await redis.client.get('a')).toBeNull();
  await late.close();
});

test('what is asked while it is killed or hangs fails in time, and the connection comes back by itself', async () => {
  const own = await startTestRedis();
  const redis = await open(settings(own.url), { commandTimeoutMs: 200 });
  await redis.client.set('a', '1');
  own.pause();
  const asked = performance.now();
  await expect(redis.ask(redis.client.get('a'))).rejects.toMatchObject({ kind: 'unavailable' });
  expect(performance.now() - asked).toBeLessThan(1_000);
  own.resume();
  await until(() => redis.state(true).check());
  expect(await redis.client.get('a')).toBe('1');
  await own.kill();
  await expect(redis.ask(redis.client.get('a'))).rejects.toMatchObject({ kind: 'unavailable' });
  await own.start();
  await until(() => redis.state(true).check());
  expect(await redis.client.get('a')).toBeNull();
  await own.close();
});

test('a bug of ours is no absence of Redis', async () => {
  const redis = await open(settings(as('shop:right', plain)));
  await redis.client.set('only2u:text', 'a', 'PX', 10_000);
  const error: unknown = await redis.client.lpush('only2u:text', '1').catch((caught: unknown) => caught);
  expect(redisFault(error)).toBeUndefined();
  await expect(redis.ask(redis.client.lpush('only2u:text', '1'))).rejects.toThrow('WRONGTYPE');
});

test('a doctor hears all that matters of a Redis', async () => {
  const findings = async (of: RedisSettings) => {
    const lines: string[] = [];
    for await (const { about, verdict, text } of examineRedis(of)) lines.push(`${about} ${verdict}: ${text}`);
    return lines.join('\n');
  };
  const good = await findings(settings(as('shop:right', secured), ca));
  for (const line of [/^reachable good/m, /^tls good/m, /^rights good/m, /^version good: Redis \d/m, /^clock good/m])
    expect(good).toMatch(line);
  expect(good).toMatch(/^memory warning: maxmemory not set/m);
  expect(await findings(settings(as('reader:right', plain)))).toMatch(/^rights bad: the user may not SET, /m);
  expect(await findings(settings(as('shop:wrong', plain)))).toMatch(/^reachable bad: Redis refuses us/);
  expect(await findings(settings('redis://127.0.0.1:1'))).toMatch(/^reachable bad: it can’t be reached/);
});

async function until(holds: () => Promise<void>): Promise<void> {
  const endMs = performance.now() + 10_000;
  for (;;) {
    try {
      return await holds();
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise(setImmediate);
    }
  }
}
