import { randomUUID } from 'node:crypto';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import { Fault } from '../fault.ts';
import type { TokenVerifier } from '../identity/access-token.ts';
import { type Mesh, workloadOf } from '../identity/spiffe.ts';
import { createAccessLog } from '../telemetry/access-log.ts';
import type { RpcMetrics } from '../telemetry/metrics.ts';
import type { Span, Tracing } from '../telemetry/tracing.ts';
import type { Call, User } from './call.ts';
import type { Arrival, IncomingMetadata, ServerHooks } from './hooks.ts';
import {
  callersRule,
  decide,
  isGranted,
  type Policy,
  policyOf as policyOfShop,
  type Refusal,
  workloadsServing,
} from './policy.ts';
import type { Shedder } from './shedding.ts';
import { checkMessage, prepareValidation } from './validation.ts';

export type AdmissionOptions = {
  /** Whose certificates count. */
  readonly mesh: Mesh;
  readonly verifier: TokenVerifier;
  readonly metrics: RpcMetrics;
  readonly log: Logger;
  readonly tracing: Tracing | undefined;
  /** What is served: validation is made ready for it. */
  readonly contracts?: readonly DescService[];
  /** What is enforced; the shop's contracts, unless told. */
  policyOf?(method: DescMethod): Policy;
  /** A policy to come: what it would refuse of the calls that are let in is counted, and nothing else. */
  readonly shadowOf?: ((method: DescMethod) => Policy) | undefined;
  /** Turns calls away when there are too many; nobody is, without one. */
  readonly shedder?: Shedder;
};

/** The workload that speaks for the edge: what it says of the end client is believed. */
const edge = 'gateway';

/**
 * What every server asks of a call before it is served: caller by certificate, policy, user by token, roles, deadline.
 * Costs microseconds and stays synchronous while the user's token is one that was seen before.
 */
export function createServerHooks({
  mesh,
  verifier,
  metrics,
  log,
  tracing,
  contracts = [],
  shedder,
  policyOf = policyOfShop,
  shadowOf,
}: AdmissionOptions): ServerHooks {
  prepareValidation(contracts);
  const callers = createCallerNames(mesh);
  const tell = createAccessLog(log, () => performance.now());
  const spans = new WeakMap<Arrival, Span>();

  function refuse(policy: Policy, refusal: Refusal, caller: string): Fault {
    metrics.refused(refusal.rule);
    return faultOf(policy, refusal, caller);
  }

  function callFor(
    arrival: Arrival,
    policy: Policy,
    caller: string,
    token: string | undefined,
    user: User | undefined,
  ): Call {
    const decision = decide(policy, caller, user);
    if (decision !== 'allowed') throw refuse(policy, decision, caller);
    if (shadowOf !== undefined) {
      const next = decide(shadowOf(arrival.method), caller, user);
      if (next !== 'allowed') metrics.shadowRefused(policy.path, caller, next.rule);
    }
    const { metadata } = arrival;
    const fromEdge = caller === edge;
    const traceparent = textOf(metadata, 'traceparent');
    const [serving, ...others] = workloadsServing(arrival.method.parent);
    // What several workloads serve is asked by operators, whose calls begin no trace that anybody would look for.
    const isTraced = serving !== undefined && others.length === 0;
    const span = isTraced ? tracing?.server(serving, arrival.method, caller, traceparent) : undefined;
    if (span !== undefined) spans.set(arrival, span);
    return {
      caller,
      user,
      token,
      requestId: requestIdOf(metadata),
      address: fromEdge ? (textOf(metadata, 'x-only2u-address') ?? '') : '',
      userAgent: fromEdge ? (textOf(metadata, 'x-only2u-user-agent') ?? '') : '',
      deadlineMs: earlier(arrival.deadlineMs, policy.timeoutMs),
      get signal() {
        return arrival.signal; // made when somebody asks: most calls never do
      },
      traceparent: span?.traceparent ?? traceparent,
    };
  }

  /** Knows the user and decides. Synchronous when the token was seen before. */
  function admitUser(arrival: Arrival, policy: Policy, caller: string): Call | Promise<Call> {
    const token = bearerOf(arrival.metadata);
    if (token === undefined) return callFor(arrival, policy, caller, token, undefined);
    const user = verifier.verify(token);
    return user instanceof Promise
      ? user.then((verified) => callFor(arrival, policy, caller, token, verified))
      : callFor(arrival, policy, caller, token, user);
  }

  return {
    admit(arrival) {
      const { method } = arrival;
      const policy = policyOf(method);
      metrics.began(method);
      const caller = callers(arrival.spiffeId);
      if (!isGranted(policy, caller)) {
        throw refuse(policy, { reason: 'CALLER_NOT_GRANTED', rule: callersRule(policy) }, caller);
      }
      shedder?.enter(method, policy, caller); // before the token: a flood must not cost signatures
      try {
        const call = admitUser(arrival, policy, caller);
        if (!(call instanceof Promise)) return call;
        return call.catch((error: unknown) => {
          shedder?.leave(policy);
          throw error;
        });
      } catch (error) {
        shedder?.leave(policy);
        throw error;
      }
    },
    check: checkMessage,
    ended(arrival, call, code, error, durationMs) {
      if (call !== undefined) shedder?.leave(policyOf(arrival.method));
      const caller = call?.caller ?? callers(arrival.spiffeId);
      metrics.handled(arrival.method, caller, code, durationMs);
      spans.get(arrival)?.end(code);
      tell({ method: arrival.method, caller, call, code, error, durationMs });
    },
  };
}

/** Remembers the workload of each SPIFFE ID: a mesh has few, and every call asks. */
function createCallerNames(mesh: Mesh): (spiffeId: string | undefined) => string {
  const names = new Map<string, string>();
  return (spiffeId) => {
    if (spiffeId === undefined) return '';
    const known = names.get(spiffeId);
    if (known !== undefined) return known;
    const name = workloadOf(mesh, spiffeId);
    if (names.size < 1000) names.set(spiffeId, name); // certificates come from our own CA: this bound is never met
    return name;
  };
}

/** The refusal in words, the same at the edge and in the service. */
export function faultOf(policy: Policy, { reason, rule }: Refusal, caller: string): Fault {
  const metadata = { caller, method: policy.path, rule };
  switch (reason) {
    case 'CALLER_NOT_GRANTED':
      return new Fault(
        'permission-denied',
        reason,
        caller === ''
          ? `The caller shows no certificate of this mesh; ${rule} decides.`
          : `"${caller}" may not call this method: ${rule} doesn't name it. Grant it in the contract.`,
        { metadata },
      );
    case 'ROLE_MISSING':
      return new Fault('permission-denied', reason, `Your account has none of the roles that this needs: ${rule}.`, {
        metadata,
      });
    case 'SIGN_IN_REQUIRED':
      return new Fault(
        'unauthenticated',
        'TOKEN_MISSING',
        'Sign in and send the access token as "authorization: Bearer …".',
        {
          metadata,
        },
      );
  }
}

/** The user's token. One that is sent in another form is refused, not ignored. */
function bearerOf(metadata: IncomingMetadata): string | undefined {
  const value = textOf(metadata, 'authorization');
  if (value === undefined) return undefined;
  if (/^bearer [^\s]+$/i.test(value)) return value.slice(7);
  throw new Fault('unauthenticated', 'TOKEN_INVALID', 'Send the access token as "authorization: Bearer …".');
}

function requestIdOf(metadata: IncomingMetadata): string {
  const sent = textOf(metadata, 'x-request-id');
  return sent !== undefined && /^[\w.:-]{1,128}$/.test(sent) ? sent : randomUUID();
}

function textOf(metadata: IncomingMetadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function earlier(deadlineMs: number | undefined, timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined) return deadlineMs;
  const latest = Date.now() + timeoutMs;
  return deadlineMs === undefined ? latest : Math.min(deadlineMs, latest);
}
