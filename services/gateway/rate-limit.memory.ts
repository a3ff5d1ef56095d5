import { LRUCache } from 'lru-cache';
import type { RateLimiter } from './rate-limit.ts';

/**
 * Keeps the rates of one process in its memory. One number a key: the time at which the key's allowance is whole again
 * (the generic cell rate algorithm, ITU-T I.371), so a burst may use the whole window at once and refills evenly.
 * When `maxKeys` others came since, a key is forgotten.
 */
export function createMemoryRateLimiter(options: { readonly maxKeys: number }): RateLimiter {
  const wholeAgain = new LRUCache<string, number>({ max: options.maxKeys });
  return {
    take(key, { requests, windowMs }, nowMs) {
      const cost = windowMs / requests;
      const next = Math.max(wholeAgain.get(key) ?? 0, nowMs) + cost;
      const wait = next - nowMs - windowMs;
      if (wait > 1e-6 * windowMs) return Math.max(1, Math.ceil(wait));
      wholeAgain.set(key, next);
      return 0;
    },
    async close() {
      wholeAgain.clear();
    },
  };
}
