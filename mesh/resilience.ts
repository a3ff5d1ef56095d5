/**
 * What protects a service and those who call it beyond what its contract says: the same numbers in every proxy. They are bounds against
 * what is broken, not limits for what is busy: those are in the contract.
 */
export const resilience = {
  connectTimeoutMs: 1_000,
  /** To one workload, from one proxy: calls, and as many that wait for a connection. A process takes no more unless it is told to. */
  maxRequests: 1_000,
  /** Of the calls in flight, so many may be second attempts: retries must not double a load that is too much already. */
  retryBudget: { percent: 25, atLeast: 20 },
  /** An instance that doesn't answer so often in a row is asked nothing for a while. */
  outlier: { consecutiveFailures: 5, intervalMs: 1_000, baseEjectionMs: 2_000, maxEjectionPercent: 100 },
  /**
   * When a call may be tried again, where the contract says that this does no harm: it came to nobody, or was answered UNAVAILABLE, or
   * was cut off.
   */
  retryOn: ['unavailable', 'connect-failure', 'refused-stream', 'reset'],
} as const;
