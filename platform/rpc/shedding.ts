import type { DescMethod } from '@bufbuild/protobuf';
import { Fault } from '../fault.ts';
import type { RpcMetrics, ShedBy } from '../telemetry/metrics.ts';
import type { Policy, RateLimit } from './policy.ts';

/** Turns calls away before they pile up: what a server can't do in time it had better refuse at once. */
export type Shedder = {
  /** Counts a call in, or refuses it with RESOURCE_EXHAUSTED and the time to wait. */
  enter(method: DescMethod, policy: Policy, caller: string): void;
  /** Counts it out again: once for each `enter` that returned. */
  leave(policy: Policy): void;
  close(): void;
};

export type ShedderOptions = {
  /** Calls that the process serves at a time while it keeps up. */
  readonly maxInFlight: number;
  readonly metrics: RpcMetrics;
  /** Milliseconds that never go back. */
  readonly nowMs: () => number;
};

const leastInFlight = 64; // however late the event loop is, so that a busy start or one long call turns nobody away
const checkEveryMs = 100;
const lateMs = 100; // an event loop this far behind answers nothing in time
const overloadWaitMs = 250;
const maxCallers = 1000; // counted apart per method; a mesh has dozens

type State = { inFlight: number; readonly rates: readonly Rate[] };
type Rate = { readonly limit: RateLimit; readonly nextMs: Map<string, number> };

/**
 * Three limits: calls in flight in the whole process, which shrink by a fifth for each tenth of a second that the event loop is
 * late and grow again while it isn't; the contract's `concurrency` of a method; its rate limits by calling workload.
 */
export function createShedder({ maxInFlight, metrics, nowMs }: ShedderOptions): Shedder {
  const states = new Map<Policy, State>();
  let inFlight = 0;
  let limit = maxInFlight;
  let expectedMs = nowMs() + checkEveryMs;
  const timer = setInterval(() => {
    const late = nowMs() - expectedMs > lateMs;
    expectedMs = nowMs() + checkEveryMs;
    limit = late ? Math.max(leastInFlight, Math.min(limit, inFlight) * 0.8) : Math.min(maxInFlight, limit * 1.1 + 1);
  }, checkEveryMs).unref();

  function stateOf(policy: Policy): State {
    const known = states.get(policy);
    if (known !== undefined) return known;
    const ofCallers = policy.limits.filter(({ scope }) => scope === 'caller');
    const state = { inFlight: 0, rates: ofCallers.map((rate) => ({ limit: rate, nextMs: new Map<string, number>() })) };
    states.set(policy, state);
    return state;
  }

  function refuse(method: DescMethod, policy: Policy, by: ShedBy, retryAfterMs: number): Fault {
    metrics.shed(method, by);
    return new Fault('resource-exhausted', refusals[by].reason, refusals[by].text, {
      metadata: { method: policy.path, limit: by },
      retryAfterMs,
    });
  }

  return {
    enter(method, policy, caller) {
      if (policy.essential) return; // not counted either: who watches health does so for days
      const state = stateOf(policy);
      if (inFlight >= limit) throw refuse(method, policy, 'server', overloadWaitMs);
      if (policy.concurrency > 0 && state.inFlight >= policy.concurrency) {
        throw refuse(method, policy, 'method', overloadWaitMs);
      }
      for (const rate of state.rates) {
        const waitMs = take(rate, caller, nowMs());
        if (waitMs > 0) throw refuse(method, policy, 'caller-rate', waitMs);
      }
      inFlight++;
      state.inFlight++;
    },
    leave(policy) {
      if (policy.essential) return;
      inFlight--;
      stateOf(policy).inFlight--;
    },
    close: () => clearInterval(timer),
  };
}

const refusals: Record<ShedBy, { readonly reason: string; readonly text: string }> = {
  server: {
    reason: 'SERVER_OVERLOADED',
    text: 'This server has more calls than it can answer in time: wait, then try again.',
  },
  method: {
    reason: 'METHOD_OVERLOADED',
    text: 'This method has as many calls as it may at a time: wait, then try again.',
  },
  'caller-rate': {
    reason: 'RATE_LIMITED',
    text: 'This workload calls the method more often than its contract allows: wait, then try again.',
  },
};

/**
 * The generic cell rate algorithm (ITU-T I.371): one number a caller says when its next call conforms. Answers 0 when the
 * call may go on, else how long to wait.
 */
function take({ limit, nextMs }: Rate, caller: string, now: number): number {
  const interval = limit.windowMs / limit.requests;
  const next = Math.max(nextMs.get(caller) ?? 0, now);
  const waitMs = next + interval - limit.windowMs - now;
  if (waitMs > 1e-6) return waitMs; // not 0: a sum of many intervals isn't exactly the window
  if (!nextMs.has(caller) && nextMs.size >= maxCallers) forgetOldest(nextMs);
  nextMs.set(caller, next + interval);
  return 0;
}

function forgetOldest(nextMs: Map<string, number>): void {
  for (const caller of nextMs.keys()) {
    nextMs.delete(caller);
    return;
  }
}
