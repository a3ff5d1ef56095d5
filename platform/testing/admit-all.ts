import type { Call } from '../rpc/call.ts';
import type { Arrival } from '../rpc/hooks.ts';

/** Admits every call, as the workload that its certificate names. */
export function admitAll(arrival: Arrival): Call {
  return {
    caller: arrival.spiffeId ?? '',
    user: undefined,
    token: undefined,
    requestId: '',
    address: '',
    userAgent: '',
    deadlineMs: arrival.deadlineMs,
    get signal() {
      return arrival.signal;
    },
    traceparent: undefined,
  };
}
