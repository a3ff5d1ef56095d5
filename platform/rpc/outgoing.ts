import { randomUUID } from 'node:crypto';
import { Fault } from '../fault.ts';
import type { RpcMetrics } from '../telemetry/metrics.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { currentCall } from './call.ts';
import type { ClientHooks } from './hooks.ts';
import { markUpstream, toConnectError } from './status.ts';
import { callersRule, isGranted, policyOf } from './policy.ts';

export type OutgoingOptions = {
  /** The workload that calls. */
  readonly workload: string;
  readonly metrics: RpcMetrics;
  readonly tracing: Tracing | undefined;
};

/**
 * What every client adds to a call: the user's token, the request id and the trace of the call being served, and the
 * deadline, which is the earliest of what is left of that call, the caller's own and the contract's. A method that the
 * contract doesn't grant to this workload is refused here already, with the words that its server would use.
 */
export function createClientHooks({ workload, metrics, tracing }: OutgoingOptions): ClientHooks {
  return {
    begin(method, metadata, deadlineMs) {
      const policy = policyOf(method);
      if (!isGranted(policy, workload)) {
        const rule = callersRule(policy);
        const fault = new Fault(
          'permission-denied',
          'CALLER_NOT_GRANTED',
          `"${workload}" may not call this method: ${rule} doesn't name it.`,
          {
            metadata: { caller: workload, method: policy.path, rule },
          },
        );
        throw markUpstream(toConnectError(fault)); // a mistake of this workload's, which its own caller must not read as its own
      }
      const call = currentCall();
      // A method that asks for no user gets no token: what is passed on can be misused.
      if (call?.token !== undefined && policy.access !== 'internal' && metadata.get('authorization').length === 0) {
        metadata.set('authorization', `Bearer ${call.token}`);
      }
      if (metadata.get('x-request-id').length === 0) metadata.set('x-request-id', call?.requestId ?? randomUUID());
      const span = tracing?.client(workload, method, call?.traceparent);
      const traceparent = span?.traceparent ?? call?.traceparent;
      if (traceparent !== undefined) metadata.set('traceparent', traceparent);
      const began = performance.now();
      return {
        deadlineMs: earliest(
          deadlineMs,
          call?.deadlineMs,
          policy.timeoutMs === undefined ? undefined : Date.now() + policy.timeoutMs,
        ),
        ended(code) {
          metrics.called(method, code, performance.now() - began);
          span?.end(code);
        },
      };
    },
  };
}

/** The earliest of the deadlines that there are, in Unix milliseconds. */
function earliest(...deadlines: readonly (number | undefined)[]): number | undefined {
  let first: number | undefined;
  for (const deadline of deadlines) {
    if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline;
  }
  return first;
}
