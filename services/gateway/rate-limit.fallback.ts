import type { EngineGuard } from './engine-guard.ts';
import type { RateLimiter } from './rate-limit.ts';

export type FallbackOptions = {
  /** Counts for all gateways, and rejects while its engine is away. */
  readonly shared: RateLimiter;
  /** Counts for this gateway alone. */
  readonly own: RateLimiter;
  readonly guard: EngineGuard;
  /** Told of each call that was counted here alone. */
  counted(): void;
};

/** Counts by itself while nobody counts for all: an allowance then begins anew, and holds for each gateway by itself. */
export function createFallbackRateLimiter({ shared, own, guard, counted }: FallbackOptions): RateLimiter {
  return {
    take(key, rate, nowMs) {
      if (guard.open) {
        return guard
          .ask(async () => shared.take(key, rate, nowMs))
          .then((wait) => {
            if (wait !== undefined) return wait;
            counted();
            return own.take(key, rate, nowMs);
          });
      }
      counted();
      return own.take(key, rate, nowMs);
    },
    async close() {
      await Promise.all([shared.close(), own.close()]);
    },
  };
}
