import { expect, test } from '@jest/globals';
import { createEngineGuard } from './engine-guard.ts';
import { createFallbackRateLimiter } from './rate-limit.fallback.ts';
import { createMemoryRateLimiter } from './rate-limit.memory.ts';

const away = new Error('away');

test('after a failure calls go on without the engine, and one tries again', async () => {
  let failures = 0;
  const guard = createEngineGuard(
    (error) => error === away,
    () => failures++,
  );
  expect(await guard.ask(async () => 1)).toBe(1);
  expect(await guard.ask(() => Promise.reject(away))).toBeUndefined();
  expect([guard.open, guard.open, failures]).toEqual([false, false, 1]);
  while (!guard.open) await new Promise(setImmediate);
  expect(guard.open).toBe(false); // the others wait for what that one finds
  expect(await guard.ask(async () => 2)).toBe(2);
  expect([guard.open, guard.open]).toEqual([true, true]);
});

test('a bug is no absence', async () => {
  const guard = createEngineGuard(
    (error) => error === away,
    () => undefined,
  );
  await expect(guard.ask(() => Promise.reject(new Error('bug')))).rejects.toThrow('bug');
  expect(guard.open).toBe(true);
});

test('while nobody counts for all, a limiter counts by itself, and says how often', async () => {
  let alone = 0;
  const limiter = createFallbackRateLimiter({
    shared: { take: () => Promise.reject(away), close: () => Promise.resolve() },
    own: createMemoryRateLimiter({ maxKeys: 10 }),
    guard: createEngineGuard(
      () => true,
      () => undefined,
    ),
    counted: () => alone++,
  });
  const rate = { requests: 2, windowMs: 60_000 };
  expect([await limiter.take('a', rate, 1), await limiter.take('a', rate, 1)]).toEqual([0, 0]);
  expect(await limiter.take('a', rate, 1)).toBeGreaterThan(0);
  expect(alone).toBe(3);
  await limiter.close();
});
