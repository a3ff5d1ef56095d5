/** How often something may happen: `requests` in each `windowMs`. */
export type Rate = { readonly requests: number; readonly windowMs: number };

/**
 * Counts how often each key acts. All gateways that share one adapter's store share the count.
 * The contract suite in rate-limit.contract.ts says how an adapter behaves.
 */
export type RateLimiter = {
  /** Takes one from the key's allowance: 0 when it was free, else the milliseconds until it makes sense to try again. */
  take(key: string, rate: Rate, nowMs: number): number | Promise<number>;
  close(): Promise<void>;
};
