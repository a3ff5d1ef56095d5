import type { Code } from '@connectrpc/connect';
import type { Arrival, ServerHooks } from './hooks.ts';
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

/** The same hooks, which also keep the calls that the contracts say are audited (`isAudited`). Others cost a look at their policy. */
export function auditing(hooks: ServerHooks, audit: Audit): ServerHooks {
  const begun = new WeakMap<Arrival, ReturnType<Audit['begin']>>();
  return {
    ...hooks,
    begin(arrival, { caller, user, requestId, traceparent }) {
      const policy = policyOf(arrival.method);
      if (!isAudited(policy, caller, user)) return undefined;
      const traceId = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent ?? '')?.[1] ?? '';
      const { path: method, timeoutMs } = policy;
      const began = audit.begin({ method, caller, userId: user?.id ?? '', requestId, traceId, timeoutMs });
      begun.set(arrival, began);
      return began.then(() => undefined);
    },
    ended(arrival, call, code, error, durationMs) {
      hooks.ended(arrival, call, code, error, durationMs);
      // One that is refused since it can't be written has no end to tell; one that is left meanwhile has.
      void begun.get(arrival)?.then(
        (end) => end(code),
        () => undefined,
      );
    },
  };
}
