import type { Code } from '@connectrpc/connect';
import { Fault } from '../fault.ts';
import type { Arrival, IncomingMetadata, ServerHooks } from './hooks.ts';
import { isAudited, policyOf } from './policy.ts';

/** A call that is about to run, as the audit keeps it: never what it says. */
export type AuditedCall = {
  /** "only2u.user.v1.OperatorService/GrantRole" */
  readonly method: string;
  /** The calling workload. */
  readonly caller: string;
  /** "usr_…"; "" for none. */
  readonly userId: string;
  readonly requestId: string;
  /** 32 hexadecimal digits; "" for none. */
  readonly traceId: string;
  /** The longest that the call may take; undefined for as long as it is wanted. */
  readonly timeoutMs: number | undefined;
};

/** Keeps which calls began and how they ended. */
export type Audit = {
  /** Resolves once it is written that the call begins, to whom is to be told how it ended. Rejects when that can't be written. */
  begin(call: AuditedCall): Promise<(code: Code | 0) => void>;
};

const quietMs = 3_600_000; // a flood of one refusal is one entry an hour and process; methods and workloads are few

/**
 * The same hooks, which also keep the calls that the contracts say are audited (`isAudited`). Others cost a look at their policy. What a
 * workload asks for that no contract grants it is kept too, once it is refused: nobody waits for that, and the same is not kept twice in
 * `quietMs`. Strangers without a certificate leave nothing.
 */
export function auditing(hooks: ServerHooks, audit: Audit, refusalsQuietMs = quietMs): ServerHooks {
  const begun = new WeakMap<Arrival, ReturnType<Audit['begin']>>();
  const refusedAtMs = new Map<string, number>();

  function keepRefusal({ method, metadata }: Arrival, code: Code | 0, error: unknown): void {
    if (!(error instanceof Fault) || error.reason !== 'CALLER_NOT_GRANTED') return;
    const caller = error.metadata['caller'] ?? '';
    const { path, timeoutMs, essential } = policyOf(method);
    const [key, nowMs] = [`${caller} ${path}`, performance.now()];
    if (caller === '' || essential || nowMs - (refusedAtMs.get(key) ?? -Infinity) < refusalsQuietMs) return;
    refusedAtMs.set(key, nowMs);
    const requestId = requestIds.exec(textOf(metadata, 'x-request-id'))?.[0] ?? '';
    const traceId = traceIdOf(textOf(metadata, 'traceparent'));
    void audit.begin({ method: path, caller, userId: '', requestId, traceId, timeoutMs }).then(
      (end) => end(code),
      () => refusedAtMs.delete(key), // it could not be written: the next one tries again
    );
  }

  return {
    ...hooks,
    begin(arrival, { caller, user, requestId, traceparent }) {
      const policy = policyOf(arrival.method);
      if (!isAudited(policy, caller, user)) return undefined;
      const traceId = traceIdOf(traceparent);
      const { path: method, timeoutMs } = policy;
      const began = audit.begin({ method, caller, userId: user?.id ?? '', requestId, traceId, timeoutMs });
      begun.set(arrival, began);
      return began.then(() => undefined);
    },
    ended(arrival, call, code, error, durationMs) {
      hooks.ended(arrival, call, code, error, durationMs);
      if (call === undefined) keepRefusal(arrival, code, error);
      // One that is refused since it can't be written has no end to tell; one that is left meanwhile has.
      void begun.get(arrival)?.then(
        (end) => end(code),
        () => undefined,
      );
    },
  };
}

const requestIds = /^[\w.:-]{1,128}$/;

function traceIdOf(traceparent: string | undefined): string {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent ?? '')?.[1] ?? '';
}

function textOf(metadata: IncomingMetadata, name: string): string {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : '';
}
