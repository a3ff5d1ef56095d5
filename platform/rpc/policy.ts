import { readFileSync } from 'node:fs';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { ServiceConfig } from '@grpc/grpc-js';
import { policies as compiled, servedBy } from '#gen/mesh/policies.ts';
import type { User } from './call.ts';

export type RateLimit = {
  /** Whose calls are counted together. "address" and "user" are counted at the edge, "caller" by the service. */
  readonly scope: 'address' | 'user' | 'caller';
  readonly requests: number;
  readonly windowMs: number;
};

type Terms = {
  readonly access: 'public' | 'user' | 'roles' | 'internal';
  readonly limits: readonly RateLimit[];
  readonly cache:
    | {
        readonly maxAgeMs: number;
        readonly shared: boolean;
        /** The events after which an answer is dropped, and where in it the ids stand that they are about. */
        readonly invalidatedBy?: readonly { readonly event: string; readonly field: string }[];
      }
    | undefined;
  /** The longest a call may take; undefined for streams that last as long as they are wanted. */
  readonly timeoutMs: number | undefined;
  /** The most calls that one process serves at a time; 0 leaves it to the server's own limit. */
  readonly concurrency: number;
  /** Whether clients from outside reach it through the edge. */
  readonly open: boolean;
  /** Health and reflection: answered to the whole mesh, and under load too. */
  readonly essential: boolean;
  readonly idempotency: 'none' | 'idempotent' | 'no-side-effects';
};

/** The policy of one method, as its contract says. */
export type Policy = Terms & {
  /** "only2u.product.v1.ProductService/GetProduct" */
  readonly path: string;
  /** The workloads that may call it. */
  readonly callers: ReadonlySet<string>;
  readonly roles: ReadonlySet<string>;
};

/** Policies by path, as the compiler writes them (gen/mesh/policies.ts). */
export type PolicyTable = Readonly<
  Record<
    string,
    Pick<Terms, 'access' | 'idempotency'> &
      Partial<Terms> & { readonly callers: readonly string[]; readonly roles?: readonly string[] }
  >
>;

/** Why a call is refused, and which rule of the contract refuses it. */
export type Refusal = {
  readonly reason: 'CALLER_NOT_GRANTED' | 'SIGN_IN_REQUIRED' | 'ROLE_MISSING';
  /** Such as "only2u.product.v1.ProductService/UpdateProduct callers [gateway]". */
  readonly rule: string;
};

const servers: Readonly<Record<string, readonly string[]>> = servedBy;

/** Reads a table. A method that isn't in it is refused to everybody. */
export function createPolicies(table: PolicyTable): (method: DescMethod) => Policy {
  const policies = new WeakMap<DescMethod, Policy>();
  return (method) => {
    const known = policies.get(method);
    if (known !== undefined) return known;
    const policy = readPolicy(`${method.parent.typeName}/${method.name}`, table);
    policies.set(method, policy);
    return policy;
  };
}

function readPolicy(path: string, table: PolicyTable): Policy {
  const { callers, roles, ...terms } = table[path] ?? nobody;
  return {
    limits: [],
    cache: undefined,
    timeoutMs: undefined,
    concurrency: 0,
    open: false,
    essential: false,
    ...terms,
    path,
    callers: new Set(callers),
    roles: new Set(roles),
  };
}

const nobody: PolicyTable[string] = { callers: [], access: 'internal', idempotency: 'none' };

/** The policy of a method of the shop's. */
export const policyOf = createPolicies(compiled);

/** The workloads that serve a contract: one, or each that keeps data. */
export function workloadsServing({ typeName }: DescService): readonly string[] {
  return servers[typeName] ?? [];
}

/** Whether `caller` may call the method at all, whoever the user is. */
export function isGranted(policy: Policy, caller: string): boolean {
  return policy.callers.has(caller);
}

/** The contract's answer to "may this workload call this method for this user?" Pure: every plane must agree with it. */
export function decide(policy: Policy, caller: string, user: User | undefined): 'allowed' | Refusal {
  if (!isGranted(policy, caller)) return { reason: 'CALLER_NOT_GRANTED', rule: callersRule(policy) };
  if (policy.access === 'public' || policy.access === 'internal') return 'allowed';
  if (user === undefined) return { reason: 'SIGN_IN_REQUIRED', rule: `${policy.path} access ${policy.access}` };
  if (policy.access === 'user' || user.roles.some((role) => policy.roles.has(role))) return 'allowed';
  return { reason: 'ROLE_MISSING', rule: `${policy.path} roles [${[...policy.roles].join(', ')}]` };
}

/** Roles that only the shop's own people have. */
const staffRoles = ['admin'];

/**
 * Whether a call that was let in is kept for the audit: one that may change something, called by an operator, or through the edge for
 * one of the staff, to whom handlers allow more than the contract says. What a service calls for them in turn is not kept again.
 */
export function isAudited(policy: Policy, caller: string, user: User | undefined): boolean {
  if (policy.idempotency === 'no-side-effects' || policy.essential) return false;
  if (caller === 'operator') return true;
  const asksWho = policy.access === 'user' || policy.access === 'roles';
  return policy.open && asksWho && user !== undefined && staffRoles.some((role) => user.roles.includes(role));
}

/** Names the rule that decides about callers, for messages and metrics. */
export function callersRule(policy: Policy): string {
  return `${policy.path} callers [${[...policy.callers].join(', ')}]`;
}

/**
 * What clients of a workload do by themselves, as gRPC's service config (https://grpc.io/docs/guides/service-config/): give up at the
 * contract's timeout, and try again or ask a second instance where the contract says that a second call does no harm.
 */
export function serviceConfigOf(workload: string): ServiceConfig {
  const file = new URL(`../../gen/mesh/grpc/${workload}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as ServiceConfig; // grpc-js checks it
}
