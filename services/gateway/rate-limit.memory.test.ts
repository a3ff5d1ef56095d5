import { expect, test } from '@jest/globals';
import { testRateLimiter } from './rate-limit.contract.ts';
import { createMemoryRateLimiter } from './rate-limit.memory.ts';

let nowMs = 1_700_000_000_000;
testRateLimiter(() => createMemoryRateLimiter({ maxKeys: 100 }), {
  now: () => nowMs,
  async pass(ms) {
    nowMs += ms;
  },
  latenessMs: 0,
});

test('beyond the most keys, the key that was not seen for longest is forgotten', async () => {
  const limiter = createMemoryRateLimiter({ maxKeys: 2 });
  const rate = { requests: 1, windowMs: 1_000 };
  for (const key of ['a', 'b', 'c']) expect(await limiter.take(key, rate, 1)).toBe(0);
  expect(await limiter.take('a', rate, 1)).toBe(0);
  expect(await limiter.take('c', rate, 1)).toBeGreaterThan(0);
  await limiter.close();
});
