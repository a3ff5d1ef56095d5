/**
 * What protects a service and those who call it beyond what its contract says: the same numbers in every proxy. They are bounds against
 * what is broken, not limits for what is busy: those are in the contract.
 */
export const resilience = {
  connectTimeoutMs: 1_000,
  /** To one workload, from one proxy. HTTP/2 needs few. */
  maxConnections: 100,
  /** As many calls as one process serves at a time (platform/rpc/server.ts): more would be refused there. */
  maxRequests: 1_000,
  /** Calls that wait for a connection. */
  maxPendingRequests: 1_000,
  /** An instance that fails so often in a row is asked nothing for a while; never more than half of them. */
  outlier: { consecutiveFailures: 10, intervalMs: 5_000, baseEjectionMs: 10_000, maxEjectionPercent: 50 },
  /**
   * When a call may be tried again, where the contract says that this does no harm: it came to nobody, or was answered UNAVAILABLE, or
   * was cut off.
   */
  retryOn: ['connect-failure', 'refused-stream', 'reset', 'unavailable'],
} as const;
