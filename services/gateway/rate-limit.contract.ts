import { afterAll, expect, test } from '@jest/globals';
import type { RateLimiter } from './rate-limit.ts';

/** What every rate limiter does. An adapter's test calls it. */
export function testRateLimiter(open: () => RateLimiter): void {
  const limiter = open();
  afterAll(() => limiter.close());
  const start = 1_700_000_000_000;

  test('a key may use its whole window at once, and not one more', async () => {
    const rate = { requests: 3, windowMs: 3_000 };
    for (let i = 0; i < 3; i++) expect(await limiter.take('burst', rate, start)).toBe(0);
    expect(await limiter.take('burst', rate, start)).toBe(1_000);
  });

  test('a refused call costs nothing, and after the wait that was named a call is free', async () => {
    const rate = { requests: 1, windowMs: 1_000 };
    expect(await limiter.take('wait', rate, start)).toBe(0);
    for (let i = 0; i < 5; i++) expect(await limiter.take('wait', rate, start + 400)).toBe(600);
    expect(await limiter.take('wait', rate, start + 1_000)).toBe(0);
  });

  test('keys are counted apart', async () => {
    const rate = { requests: 1, windowMs: 1_000 };
    expect(await limiter.take('one', rate, start)).toBe(0);
    expect(await limiter.take('other', rate, start)).toBe(0);
  });

  test('an allowance refills evenly', async () => {
    const rate = { requests: 60, windowMs: 60_000 };
    for (let i = 0; i < 60; i++) expect(await limiter.take('even', rate, start)).toBe(0);
    expect(await limiter.take('even', rate, start + 500)).toBe(500);
    expect(await limiter.take('even', rate, start + 1_000)).toBe(0);
    expect(await limiter.take('even', rate, start + 1_000)).toBe(1_000);
  });
}
