import { type DescMethod, type DescService, getOption, hasOption } from '@bufbuild/protobuf';
import type { MethodConfig, RetryPolicy, ServiceConfig } from '@grpc/grpc-js';
import { type Duration, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import {
  Access,
  method as methodOption,
  RateLimit_Scope,
  service as serviceOption,
} from '#gen/only2u/mesh/v1/policy_pb.ts';
import type { User } from './call.ts';

export type RateLimit = {
  /** Whose calls are counted together. "address" and "user" are counted at the edge, "caller" by the service. */
  readonly scope: 'address' | 'user' | 'caller';
  readonly requests: number;
  readonly windowMs: number;
};

/** The policy of one method, as its contract says. */
export type Policy = {
  /** "only2u.product.v1.ProductService/GetProduct" */
  readonly path: string;
  /** The workloads that may call it; "*" is every workload of the mesh. */
  readonly callers: ReadonlySet<string>;
  readonly access: 'public' | 'user' | 'roles' | 'internal';
  readonly roles: ReadonlySet<string>;
  /** The longest a call may take; undefined for streams that last as long as they are wanted. */
  readonly timeoutMs: number | undefined;
  readonly limits: readonly RateLimit[];
  readonly cache: { readonly maxAgeMs: number; readonly shared: boolean } | undefined;
  /** The most calls that one process serves at a time; 0 leaves it to the server's own limit. */
  readonly concurrency: number;
  /** Health and reflection: answered to the whole mesh, and under load too. */
  readonly essential: boolean;
  readonly idempotency: 'none' | 'idempotent' | 'no-side-effects';
};

/** Why a call is refused, and which rule of the contract refuses it. */
export type Refusal = {
  readonly reason: 'CALLER_NOT_GRANTED' | 'SIGN_IN_REQUIRED' | 'ROLE_MISSING';
  /** Such as "only2u.product.v1.ProductService/UpdateProduct callers [gateway]". */
  readonly rule: string;
};

const policies = new WeakMap<DescMethod, Policy>();

/** The policy of a method. A method whose contract grants nothing is refused to everybody. */
export function policyOf(method: DescMethod): Policy {
  const known = policies.get(method);
  if (known !== undefined) return known;
  const policy = readPolicy(method);
  policies.set(method, policy);
  return policy;
}

/** The workload that serves a contract, such as "product"; "*" for each of them, "" when the contract doesn't say. */
export function workloadServing(contract: DescService): string {
  return getOption(contract, serviceOption).workload;
}

export function isServedBy(contract: DescService, workload: string): boolean {
  const serving = workloadServing(contract);
  return serving === workload || serving === '*';
}

/** Whether `caller` may call the method at all, whoever the user is. */
export function isGranted(policy: Policy, caller: string): boolean {
  return caller !== '' && (policy.callers.has(caller) || policy.callers.has('*'));
}

/** The contract's answer to "may this workload call this method for this user?" Pure: every plane must agree with it. */
export function decide(policy: Policy, caller: string, user: User | undefined): 'allowed' | Refusal {
  if (!isGranted(policy, caller)) return { reason: 'CALLER_NOT_GRANTED', rule: callersRule(policy) };
  if (policy.access === 'public' || policy.access === 'internal') return 'allowed';
  if (user === undefined) return { reason: 'SIGN_IN_REQUIRED', rule: `${policy.path} access ${policy.access}` };
  if (policy.access === 'user' || user.roles.some((role) => policy.roles.has(role))) return 'allowed';
  return { reason: 'ROLE_MISSING', rule: `${policy.path} roles [${[...policy.roles].join(', ')}]` };
}

/** Names the rule that decides about callers, for messages and metrics. */
export function callersRule(policy: Policy): string {
  return `${policy.path} callers [${[...policy.callers].join(', ')}]`;
}

const retryPolicy: RetryPolicy = {
  maxAttempts: 3,
  initialBackoff: '0.05s',
  maxBackoff: '1s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
};

/**
 * What clients of these contracts do by themselves, as gRPC's service config (https://grpc.io/docs/guides/service-config/): give up
 * at the contract's timeout, and try again where the contract says that a second call does no harm. Streams are not tried
 * again: what was sent is gone. While every tenth call fails, nothing is tried again: it would only add to the load.
 */
export function serviceConfigOf(contracts: readonly DescService[]): ServiceConfig {
  return {
    methodConfig: contracts.flatMap((contract) =>
      contract.methods.map((method): MethodConfig => {
        const { timeoutMs, idempotency } = policyOf(method);
        return {
          name: [{ service: contract.typeName, method: method.name }],
          ...(timeoutMs === undefined ? {} : { timeout: durationOf(timeoutMs) }),
          ...(idempotency === 'none' || method.methodKind !== 'unary' ? {} : { retryPolicy }),
        };
      }),
    ),
    loadBalancingConfig: [{ round_robin: {} }],
    retryThrottling: { maxTokens: 100, tokenRatio: 0.1 },
  };
}

/** As numbers: grpc-js 1.14 reads the text "0.5s" as 5 nanoseconds. */
function durationOf(ms: number): { readonly seconds: number; readonly nanos: number } {
  return { seconds: Math.floor(ms / 1000), nanos: Math.round((ms % 1000) * 1_000_000) };
}

function readPolicy(method: DescMethod): Policy {
  const path = `${method.parent.typeName}/${method.name}`;
  const idempotency = idempotencyOf(method);
  if (!hasOption(method, methodOption)) {
    const essential = /^grpc\.(health|reflection)\./.test(path);
    return {
      path,
      callers: new Set(essential ? ['*'] : []),
      access: 'internal',
      roles: new Set(),
      timeoutMs: undefined,
      limits: [],
      cache: undefined,
      concurrency: 0,
      essential,
      idempotency,
    };
  }
  const option = getOption(method, methodOption);
  return {
    path,
    callers: new Set(option.callers),
    access: accessOf(path, option.access),
    roles: new Set(option.roles),
    timeoutMs: option.timeout && milliseconds(option.timeout),
    limits: option.rateLimits.map((limit) => ({
      scope: scopeOf(path, limit.scope),
      requests: limit.requests,
      windowMs: limit.window ? milliseconds(limit.window) : 60_000,
    })),
    cache: option.cache && {
      maxAgeMs: option.cache.maxAge ? milliseconds(option.cache.maxAge) : 0,
      shared: option.cache.shared,
    },
    concurrency: option.concurrency,
    essential: false,
    idempotency,
  };
}

function accessOf(path: string, access: Access): Policy['access'] {
  switch (access) {
    case Access.PUBLIC:
      return 'public';
    case Access.USER:
      return 'user';
    case Access.ROLES:
      return 'roles';
    case Access.INTERNAL:
      return 'internal';
    default:
      throw new Error(`${path}: the contract doesn't say its access; add access to its policy option.`);
  }
}

function scopeOf(path: string, scope: RateLimit_Scope): RateLimit['scope'] {
  switch (scope) {
    case RateLimit_Scope.ADDRESS:
      return 'address';
    case RateLimit_Scope.USER:
      return 'user';
    case RateLimit_Scope.CALLER:
      return 'caller';
    default:
      throw new Error(`${path}: a rate limit doesn't say its scope.`);
  }
}

function idempotencyOf(method: DescMethod): Policy['idempotency'] {
  switch (method.idempotency) {
    case MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS:
      return 'no-side-effects';
    case MethodOptions_IdempotencyLevel.IDEMPOTENT:
      return 'idempotent';
    default:
      return 'none';
  }
}

function milliseconds(duration: Duration): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1_000_000;
}
