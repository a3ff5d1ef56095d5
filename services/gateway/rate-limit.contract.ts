import { afterAll, expect, test } from '@jest/globals';
import type { RateLimiter } from './rate-limit.ts';

/** The clock that an adapter counts by: one that a test moves on, or its engine's own. */
export type LimiterClock = {
  now(): number;
  /** Resolves once so much time has passed. */
  pass(ms: number): Promise<void>;
  /** How much later than asked a call may be counted. */
  readonly latenessMs: number;
};

/** What every rate limiter does. An adapter's test calls it. */
export function testRateLimiter(open: () => RateLimiter, clock: LimiterClock): void {
  let limiter: RateLimiter | undefined;
  const take = async (key: string, rate: Parameters<RateLimiter['take']>[1]): Promise<number> =>
    (limiter ??= open()).take(key, rate, clock.now());
  afterAll(() => limiter?.close());

  function expectWait(wait: number, ms: number): void {
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(ms);
    expect(wait).toBeGreaterThanOrEqual(ms - clock.latenessMs);
  }

  test('a key may use its whole window at once, and not one more', async () => {
    const rate = { requests: 3, windowMs: 3_000 };
    for (let i = 0; i < 3; i++) expect(await take('burst', rate)).toBe(0);
    expectWait(await take('burst', rate), 1_000);
  });

  test('a refused call costs nothing, and after the wait that was named a call is free', async () => {
    const rate = { requests: 1, windowMs: 1_000 };
    expect(await take('wait', rate)).toBe(0);
    await clock.pass(400);
    let wait = 0;
    for (let i = 0; i < 5; i++) {
      wait = await take('wait', rate);
      expectWait(wait, 600);
    }
    await clock.pass(wait);
    expect(await take('wait', rate)).toBe(0);
  });

  test('keys are counted apart', async () => {
    const rate = { requests: 1, windowMs: 1_000 };
    expect(await take('one', rate)).toBe(0);
    expect(await take('other', rate)).toBe(0);
  });

  test('an allowance refills evenly', async () => {
    const rate = { requests: 6, windowMs: 12_000 };
    const waits = await Promise.all(Array.from({ length: 6 }, () => take('even', rate)));
    expect(waits).toEqual([0, 0, 0, 0, 0, 0]);
    await clock.pass(1_000);
    expectWait(await take('even', rate), 1_000);
    await clock.pass(1_000);
    expect(await take('even', rate)).toBe(0);
    expectWait(await take('even', rate), 2_000);
  });
}
