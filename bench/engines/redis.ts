import { hash } from 'node:crypto';
import { Redis } from 'ioredis';
import { openRedis } from '#platform/connection.redis.ts';
import { redisScript } from '#platform/script.redis.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { startTestRedis } from '#platform/testing/redis-server.ts';
import { createRedisRateLimiter } from '#services/gateway/rate-limit.redis.ts';
import { createMemoryRateLimiter } from '#services/gateway/rate-limit.memory.ts';
import { createRedisResponseCache } from '#services/gateway/response-cache.redis.ts';
import { createMemoryResponseCache } from '#services/gateway/response-cache.memory.ts';
import type { Answer, ResponseCache } from '#services/gateway/response-cache.ts';

// What the edge asks of Redis, through its adapters, beside a bare ioredis with the same commands, and the embedded default:
// node bench/engines/redis.ts, on a Redis that it starts itself. They take turns of 100 ms, so that all meet the same machine.

type Work = (call: number) => unknown;
type Side = {
  readonly name: string;
  readonly work: Work;
  count: number;
  ms: number;
  cpuMicros: number;
  readonly tookMs: number[];
};

const turnMs = 100;
const rate = { requests: 1_000_000, windowMs: 60_000 };
const keys = 1_000;
// As long as the adapter's, and as many commands of Redis.
const bareScript = redisScript(`
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  local next = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + tonumber(ARGV[2]) / tonumber(ARGV[1])
  redis.call('SET', KEYS[1], string.format('%.3f', next), 'PX', math.max(1, math.ceil(next - now)))
  return 0`);

/** Operations a second, and what half and 99 of 100 take at most, at 1 and at 16 in flight. */
export async function benchEdgeRedis(seconds: number): Promise<string> {
  const server = await startTestRedis();
  const redis = await openRedis({ REDIS_URL: server.url, REDIS_PREFIX: 'bench:', REDIS_CA: undefined }, silentLog());
  const bare = new Redis(server.url);
  const lines = ['operation | in flight | side | a second | p50 ms | p99 ms | CPU µs | of bare'];
  const sides = (of: Readonly<Record<string, Work>>): Side[] =>
    Object.entries(of).map(([name, work]) => ({ name, work, count: 0, ms: 0, cpuMicros: 0, tookMs: [] }));

  async function compare(name: string, of: Readonly<Record<string, Work>>): Promise<void> {
    for (const inFlight of [1, 16]) {
      for (const { work } of sides(of)) for (let call = 0; call < 500; call++) await work(call);
      const all = sides(of);
      const turns = Math.ceil((seconds * 1_000) / turnMs);
      for (let round = 0; round < turns; round++)
        for (const side of round % 2 === 0 ? all : [...all].reverse()) await turn(side, inFlight);
      const bareRate = rateOf(all.find((side) => side.name === 'bare ioredis'));
      for (const side of all) lines.push(`${name} | ${inFlight} | ${row(side, bareRate)}`);
    }
  }

  try {
    const [limiter, memory] = [createRedisRateLimiter(redis), createMemoryRateLimiter({ maxKeys: keys })];
    await compare('rate-limit take', {
      'bare ioredis': (call) => bareScript.run(bare, [`bare:${call % keys}`], [rate.requests, rate.windowMs]),
      adapter: (call) => limiter.take(`${call % keys}`, rate, 0),
      memory: (call) => memory.take(`${call % keys}`, rate, Date.now()),
    });
    const [cache, near] = [createRedisResponseCache(redis), createMemoryResponseCache({ maxBytes: 64 << 20 })];
    const nameOf = (call: number): string => redis.key('answer', hash('sha256', `k${call % keys}`, 'base64url'));
    for (let call = 0; call < keys; call++) {
      await put(cache, `k${call}`, call);
      await put(near, `k${call}`, call);
    }
    await compare('answer get, 2 KB', {
      'bare ioredis': (call) => Promise.all([bare.getBuffer(nameOf(call)), bare.pttl(nameOf(call))]),
      adapter: (call) => cache.get(`k${call % keys}`, Date.now()),
      memory: (call) => near.get(`k${call % keys}`, Date.now()),
    });
  } finally {
    bare.disconnect();
    await redis.close();
    await server.close();
  }
  return lines.join('\n');
}

async function turn(side: Side, inFlight: number): Promise<void> {
  const beganMs = performance.now();
  const before = process.cpuUsage();
  const one = async (): Promise<void> => {
    for (let at = beganMs; at - beganMs < turnMs;) {
      await side.work(side.count++);
      const doneMs = performance.now();
      side.tookMs.push(doneMs - at);
      at = doneMs;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  side.ms += performance.now() - beganMs;
  const { user, system } = process.cpuUsage(before);
  side.cpuMicros += user + system;
}

function rateOf(side: Side | undefined): number {
  return side === undefined ? NaN : (side.count / side.ms) * 1_000;
}

function row(side: Side, bareRate: number): string {
  const sorted = side.tookMs.sort((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? NaN).toFixed(3);
  const own = rateOf(side);
  return [
    side.name,
    Math.round(own),
    at(0.5),
    at(0.99),
    (side.cpuMicros / side.count).toFixed(1),
    `${Math.round((own / bareRate) * 100)}%`,
  ].join(' | ');
}

async function put(cache: ResponseCache, key: string, id: number): Promise<void> {
  const madeAtMs = Date.now();
  const body = Buffer.alloc(2_000, `${id}`);
  const answer: Answer = { body, etag: '"a"', madeAtMs, staleAtMs: madeAtMs + 3_600_000, tags: [`prd_${id}`] };
  const making = await cache.begin(key, madeAtMs);
  if ('keep' in making) await making.keep(answer);
}

if (import.meta.main) console.log(await benchEdgeRedis(Number(process.env['BENCH_SECONDS'] ?? 2)));
