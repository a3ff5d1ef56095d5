import { randomUUID } from 'node:crypto';
import { withCall } from './rpc/call.ts';
import { toConnectError } from './rpc/status.ts';
import type { Span } from './telemetry/tracing.ts';

/** Begins a span of work that no call waits for, under the service's own name; undefined in a process without a collector. */
export type TraceWork = (name: string, traceparent: string) => Span | undefined;

export type BackgroundCall = {
  /** What is done, such as "task order.expire". */
  readonly name: string;
  /** Of the call that made it necessary; "" for none. */
  readonly traceparent: string;
  readonly requestId: string;
  readonly signal: AbortSignal;
  /** How long the calls that it makes may take, all together. */
  readonly timeoutMs: number;
  readonly trace: TraceWork | undefined;
};

/** Runs `work` as part of the trace of the call that made it necessary, with a deadline for the calls that it makes. */
export async function runInBackground<T>(about: BackgroundCall, work: () => Promise<T>): Promise<T> {
  const { name, traceparent, requestId, signal, timeoutMs, trace } = about;
  const span = trace?.(name, traceparent);
  const call = {
    caller: '',
    user: undefined,
    token: undefined,
    requestId: requestId === '' ? randomUUID() : requestId,
    address: '',
    userAgent: '',
    deadlineMs: Date.now() + timeoutMs,
    signal,
    traceparent: span?.traceparent ?? (traceparent === '' ? undefined : traceparent),
  };
  try {
    const result = await withCall(call, work);
    span?.end(0);
    return result;
  } catch (error) {
    span?.end(toConnectError(error).code);
    throw error;
  }
}
