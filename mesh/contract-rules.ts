import type { DescFile, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import { getOption, hasOption, isFieldSet } from '@bufbuild/protobuf';
import { type Duration, MethodOptions_IdempotencyLevel, MethodOptionsSchema } from '@bufbuild/protobuf/wkt';
import {
  Access,
  method as methodOption,
  type MethodPolicy,
  RateLimit_Scope,
  service as serviceOption,
} from '#gen/only2u/mesh/v1/policy_pb.ts';
import { fieldFindings, requestFindings } from './field-rules.ts';
import { type Finding, finding } from './finding.ts';

/** Workloads that may be granted calls beside those that serve a contract: the edge, the operator's commands, and what is yet to come. */
const otherWorkloads = [
  'gateway',
  'operator',
  'cart',
  'coupon',
  'order',
  'payment',
  'partner',
  'review',
  'chat',
  'notification',
  'analytics',
  'collector',
  'recommendation',
];

type Known = { readonly workloads: ReadonlySet<string>; readonly roles: ReadonlySet<string> };

/**
 * What is wrong with the shop's contracts beyond what Buf's lint sees: naming and paging as in Google's AIP, and a policy
 * on every method. `files` are all of them together, since a workload is known by the contract that it serves.
 */
export function contractFindings(files: readonly DescFile[]): Finding[] {
  const own = files.filter((file) => file.proto.package.startsWith('only2u.'));
  const services = own.flatMap((file) => file.services);
  const known = {
    workloads: new Set([
      ...otherWorkloads,
      ...services.map((each) => getOption(each, serviceOption).workload).filter((each) => each !== '*'),
    ]),
    roles: rolesOf(own),
  };
  return [
    ...services.flatMap(serviceFindings),
    ...services.flatMap((service) => service.methods.flatMap((method) => methodFindings(method, known))),
    ...sharedMessages(services),
    ...own.flatMap(fieldFindings),
    ...requestFindings(services.flatMap((service) => service.methods.map((method) => method.input))),
  ];
}

function serviceFindings(service: DescService): Finding[] {
  const { workload } = getOption(service, serviceOption);
  if (workload === '')
    return [finding(service, 'workload', 'says no workload that serves it: add option (only2u.mesh.v1.service)')];
  // A call to it needs the name of the one that is meant, which a path at the edge doesn't hold.
  const beyond = service.methods.filter((method) => getOption(method, methodOption).access !== Access.INTERNAL);
  return workload === '*'
    ? beyond.map((method) => finding(method, 'workload', 'is served by every workload, yet not ACCESS_INTERNAL'))
    : [];
}

function methodFindings(method: DescMethod, known: Known): Finding[] {
  const problems = [
    ...nameProblems(method),
    ...idempotencyProblems(method),
    ...(/^(List|Search)/.test(method.name) ? pagingProblems(method) : []),
    ...(method.name.startsWith('Update') ? updateProblems(method) : []),
    ...(hasOption(method, methodOption)
      ? policyProblems(method, getOption(method, methodOption), known)
      : [['policy', 'has no policy: add option (only2u.mesh.v1.method)'] as const]),
  ];
  return problems.map(([rule, problem]) => finding(method, rule, problem));
}

type Problem = readonly [rule: string, problem: string];

function nameProblems(method: DescMethod): Problem[] {
  return [[method.input, `${method.name}Request`] as const, [method.output, `${method.name}Response`] as const].flatMap(
    ([message, name]): Problem[] =>
      message.name === name && message.file === method.parent.file
        ? []
        : [['own-messages', `takes or answers ${message.name}, not its own ${name}`]],
  );
}

function idempotencyProblems(method: DescMethod): Problem[] {
  const { options } = method.proto;
  if (options === undefined || !isFieldSet(options, MethodOptionsSchema.field.idempotencyLevel)) {
    return [
      ['idempotency', 'says no idempotency_level: the mesh repeats a failed call only where it is known to be safe'],
    ];
  }
  const mutates = method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return mutates && !hasRequestId(method) ? [['request-id', 'changes things, but its request has no request_id']] : [];
}

/** A client stream has it in the message of options that comes first. */
function hasRequestId(method: DescMethod): boolean {
  const nested = method.methodKind === 'unary' ? [] : method.input.fields.flatMap((field) => field.message ?? []);
  return [method.input, ...nested].some((message) => scalarField(message, 'request_id'));
}

function pagingProblems(method: DescMethod): Problem[] {
  const missing = [
    ...['page_size', 'page_token'].filter((name) => !scalarField(method.input, name)),
    ...['next_page_token'].filter((name) => !scalarField(method.output, name)),
  ];
  return missing.map((name) => ['paging', `is a list, but has no ${name}`]);
}

function updateProblems(method: DescMethod): Problem[] {
  const { fields } = method.input;
  const mask = fields.some(
    (field) => field.name === 'update_mask' && field.message?.typeName === 'google.protobuf.FieldMask',
  );
  const messages = [method.input, ...fields.flatMap((field) => field.message ?? [])];
  return [
    ...(mask ? [] : [['update-mask', 'is an update, but has no google.protobuf.FieldMask update_mask'] as const]),
    ...(messages.some((message) => scalarField(message, 'etag'))
      ? []
      : [['etag', 'is an update, but takes no etag'] as const]),
  ];
}

function scalarField(message: DescMessage, name: string): boolean {
  return message.fields.some((field) => field.name === name && field.fieldKind === 'scalar');
}

function policyProblems(method: DescMethod, policy: MethodPolicy, known: Known): Problem[] {
  const atEdge = policy.callers.includes('gateway');
  const unknownCallers = policy.callers.filter((each) => each !== '*' && !known.workloads.has(each));
  const unknownRoles = policy.roles.filter((each) => !known.roles.has(each));
  const readOnly = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const checks: readonly (readonly [broken: boolean, rule: string, problem: string])[] = [
    [policy.callers.length === 0, 'callers', 'grants no caller'],
    [unknownCallers.length > 0, 'callers', `grants unknown workloads: ${unknownCallers.join(', ')}`],
    [policy.callers.includes('*') && policy.callers.length > 1, 'callers', 'grants "*" and others: "*" is all of them'],
    [policy.access === Access.UNSPECIFIED, 'access', 'says no access'],
    [policy.access === Access.INTERNAL && atEdge, 'access', 'is ACCESS_INTERNAL, yet open to the gateway'],
    [
      (policy.access === Access.ROLES) !== policy.roles.length > 0,
      'roles',
      'needs roles with ACCESS_ROLES, and only then',
    ],
    [unknownRoles.length > 0, 'roles', `asks for unknown roles: ${unknownRoles.join(', ')}`],
    [!isPositive(policy.timeout), 'timeout', 'has no timeout'],
    [atEdge && !limitsEdge(policy), 'rate-limit', 'is open to the gateway without a rate limit by address or user'],
    [
      policy.access === Access.PUBLIC && !policy.rateLimits.every(countsAnybody),
      'rate-limit',
      'is public, but counts by user',
    ],
    [!policy.rateLimits.every(isWhole), 'rate-limit', 'has a rate limit without scope, requests or window'],
    [policy.cache !== undefined && !readOnly, 'cache', 'is cached, but not NO_SIDE_EFFECTS'],
    [policy.cache !== undefined && !isPositive(policy.cache.maxAge), 'cache', 'is cached without a max_age'],
    [
      policy.cache?.shared === true && policy.access !== Access.PUBLIC,
      'cache',
      'is in shared caches, but not for everybody',
    ],
  ];
  return checks.flatMap(([broken, rule, problem]) => (broken ? [[rule, problem] as const] : []));
}

type Limit = MethodPolicy['rateLimits'][number];

function limitsEdge(policy: MethodPolicy): boolean {
  return policy.rateLimits.some(
    (each) => each.scope === RateLimit_Scope.ADDRESS || each.scope === RateLimit_Scope.USER,
  );
}

function countsAnybody(limit: Limit): boolean {
  return limit.scope !== RateLimit_Scope.USER;
}

function isWhole(limit: Limit): boolean {
  return limit.scope !== RateLimit_Scope.UNSPECIFIED && limit.requests > 0 && isPositive(limit.window);
}

function isPositive(duration: Duration | undefined): boolean {
  return duration !== undefined && (duration.seconds > 0n || duration.nanos > 0);
}

/** A message that two methods share can't grow for one of them alone. */
function sharedMessages(services: readonly DescService[]): Finding[] {
  const users = new Map<DescMessage, DescMethod[]>();
  for (const method of services.flatMap((service) => service.methods)) {
    for (const message of [method.input, method.output]) users.set(message, [...(users.get(message) ?? []), method]);
  }
  return [...users]
    .filter(([, methods]) => methods.length > 1)
    .map(([message, methods]) =>
      finding(message, 'own-messages', `is shared by ${methods.map((each) => each.name).join(', ')}`),
    );
}

/** The roles' names as policies and tokens write them, such as "vendor". */
function rolesOf(files: readonly DescFile[]): Set<string> {
  const role = files.flatMap((file) => file.enums).find((each) => each.typeName === 'only2u.user.v1.Role');
  return new Set(
    role?.values.filter((each) => each.number > 0).map((each) => each.name.replace('ROLE_', '').toLowerCase()),
  );
}
