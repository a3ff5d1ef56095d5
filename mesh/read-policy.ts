import { type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { type Duration, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import {
  Access,
  method as methodOption,
  type MethodPolicy as MethodPolicyMessage,
  MethodPolicySchema,
  RateLimit_Scope,
  service as serviceOption,
} from '#gen/only2u/mesh/v1/policy_pb.ts';
import type { SaidAt } from './source.ts';

export type RateLimit = {
  /** Whose calls are counted together. "address" and "user" are counted at the edge, "caller" by the service. */
  readonly scope: 'unspecified' | 'address' | 'user' | 'caller';
  readonly requests: number;
  readonly windowMs: number;
};

/** How long an answer may be kept, by whom, and what makes it old before. */
export type Cache = {
  readonly maxAgeMs: number;
  readonly shared: boolean;
  /** The events after which an answer is dropped, and where in it the ids stand that they are about. Left out where there is none. */
  readonly invalidatedBy?: readonly Invalidation[];
};

export type Invalidation = { readonly event: string; readonly field: string };

/** The whole policy of one method: what its option says, and its service's defaults where it says nothing. */
export type MethodPolicy = {
  /** The workloads that may call it. */
  readonly callers: readonly string[];
  /** Which end users may; "internal" asks for none. */
  readonly access: 'unspecified' | 'public' | 'user' | 'roles' | 'internal';
  readonly roles: readonly string[];
  /** The longest a call may take; undefined when the contract doesn't say. */
  readonly timeoutMs: number | undefined;
  readonly limits: readonly RateLimit[];
  readonly cache: Cache | undefined;
  /** The most calls that one process serves at a time; 0 leaves it to the server's own limit. */
  readonly concurrency: number;
  readonly idempotency: 'none' | 'idempotent' | 'no-side-effects';
  /** How often a call is tried in all, where it failed for want of an answer: 1 is never again. */
  readonly attempts: number;
  /** After how long without an answer a second instance is asked; undefined: never. */
  readonly hedgeAfterMs: number | undefined;
};

/** The parts of a policy, as the contract names them. */
export type PolicyField =
  | 'callers'
  | 'access'
  | 'roles'
  | 'timeout'
  | 'rate_limits'
  | 'cache'
  | 'concurrency'
  | 'hedge_after'
  | 'idempotency_level';

/** How a failed call is tried again in every plane, where the contract says that a second call does no harm: on UNAVAILABLE alone. */
export const retrying = { attempts: 3, initialBackoffMs: 50, maxBackoffMs: 1_000, backoffMultiplier: 2 } as const;

type FieldsAt = Readonly<Record<PolicyField, SaidAt>>;

/** Reads a method's policy, and where each part of it is said. A method whose contract grants nothing has no callers. */
export function readPolicy(method: DescMethod): { readonly policy: MethodPolicy; readonly fieldsAt: FieldsAt } {
  const own = hasOption(method, methodOption) ? getOption(method, methodOption) : undefined;
  const { defaults } = getOption(method.parent, serviceOption);
  const said = (isSaid: (policy: MethodPolicyMessage) => boolean, field: keyof typeof MethodPolicySchema.field) => {
    const { number } = MethodPolicySchema.field[field];
    if (own !== undefined && isSaid(own)) return { policy: own, at: { at: 'method', field: number } as const };
    if (defaults !== undefined && isSaid(defaults))
      return { policy: defaults, at: { at: 'defaults', field: number } as const };
    return undefined;
  };
  const callers = said((policy) => policy.callers.length > 0, 'callers');
  const access = said((policy) => policy.access !== Access.UNSPECIFIED, 'access');
  // Roles go with the access that they belong to: defaults for another one don't count.
  const roles = said(
    (policy) => policy.roles.length > 0 && (access === undefined || access.policy === policy || policy === own),
    'roles',
  );
  const timeout = said((policy) => policy.timeout !== undefined, 'timeout');
  const limits = said((policy) => policy.rateLimits.length > 0, 'rateLimits');
  const cache = said((policy) => policy.cache !== undefined, 'cache');
  const concurrency = said((policy) => policy.concurrency > 0, 'concurrency');
  const hedge = said((policy) => policy.hedgeAfter !== undefined, 'hedgeAfter');
  const idempotency = idempotencyOf(method);
  const hedgeAfterMs = millisecondsOf(hedge?.policy.hedgeAfter);
  return {
    policy: {
      callers: callers?.policy.callers ?? [],
      access: accessNames[access?.policy.access ?? Access.UNSPECIFIED] ?? 'unspecified',
      roles: [...(roles?.policy.roles ?? [])].sort(),
      timeoutMs: millisecondsOf(timeout?.policy.timeout),
      limits: (limits?.policy.rateLimits ?? []).map(({ scope, requests, window }) => ({
        scope: scopeNames[scope] ?? 'unspecified',
        requests,
        windowMs: millisecondsOf(window) ?? 0,
      })),
      cache: cache?.policy.cache && {
        maxAgeMs: millisecondsOf(cache.policy.cache.maxAge) ?? 0,
        shared: cache.policy.cache.shared,
        ...(cache.policy.cache.invalidatedBy.length > 0 && {
          invalidatedBy: cache.policy.cache.invalidatedBy.map(({ event, responseField: field }) => ({ event, field })),
        }),
      },
      concurrency: concurrency?.policy.concurrency ?? 0,
      idempotency,
      // What was sent on a stream is gone, and hedging is itself another try.
      attempts:
        idempotency === 'none' || method.methodKind !== 'unary' || hedgeAfterMs !== undefined ? 1 : retrying.attempts,
      hedgeAfterMs,
    },
    fieldsAt: {
      callers: callers?.at,
      access: access?.at,
      roles: roles?.at,
      timeout: timeout?.at,
      rate_limits: limits?.at,
      cache: cache?.at,
      concurrency: concurrency?.at,
      hedge_after: hedge?.at,
      idempotency_level: { at: 'idempotency', field: 0 },
    },
  };
}

const accessNames: Readonly<Record<Access, MethodPolicy['access']>> = {
  [Access.UNSPECIFIED]: 'unspecified',
  [Access.PUBLIC]: 'public',
  [Access.USER]: 'user',
  [Access.ROLES]: 'roles',
  [Access.INTERNAL]: 'internal',
};

const scopeNames: Readonly<Record<RateLimit_Scope, RateLimit['scope']>> = {
  [RateLimit_Scope.UNSPECIFIED]: 'unspecified',
  [RateLimit_Scope.ADDRESS]: 'address',
  [RateLimit_Scope.USER]: 'user',
  [RateLimit_Scope.CALLER]: 'caller',
};

function idempotencyOf(method: DescMethod): MethodPolicy['idempotency'] {
  switch (method.idempotency) {
    case MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS:
      return 'no-side-effects';
    case MethodOptions_IdempotencyLevel.IDEMPOTENT:
      return 'idempotent';
    default:
      return 'none';
  }
}

function millisecondsOf(duration: Duration | undefined): number | undefined {
  return duration && Number(duration.seconds) * 1_000 + duration.nanos / 1_000_000;
}
