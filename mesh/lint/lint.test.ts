import { expect, test } from '@jest/globals';
import { compile } from '../compile.ts';
import { lint, rules } from './lint.ts';
import { createModel, type MeshModel } from '../model.ts';
import { rolesIn, shopRoles } from '../roles.ts';

const policy = `callers: ["gateway"] access: ACCESS_USER timeout: {seconds: 2}
  rate_limits: {scope: SCOPE_USER requests: 60 window: {seconds: 60}}`;
const internal = (callers: string, seconds = 2) =>
  `callers: [${callers}] access: ACCESS_INTERNAL timeout: {seconds: ${seconds}}`;
const atEdge = (seconds: number) => policy.replace('seconds: 2', `seconds: ${seconds}`);

/** A service of a small shop: who serves it, and its methods with their policies. */
function service(
  name: string,
  workload: string,
  methods: Readonly<Record<string, string>>,
  level = 'IDEMPOTENT',
): string {
  const rpcs = Object.entries(methods).map(
    ([method, options]) => `rpc ${method}(Empty) returns (Empty) {
      ${level === '' ? '' : `option idempotency_level = ${level};`}
      ${options === '' ? '' : `option (only2u.mesh.v1.method) = {${options}};`}
    }`,
  );
  const option = workload === '' ? '' : `option (only2u.mesh.v1.service) = {workload: "${workload}"};`;
  return `service ${name} { ${option} ${rpcs.join('\n')} }`;
}

/** One method that the gateway calls, its policy as given. $ is the number of the case, so that each has a mesh of its own; # is it in the name of its package. */
const shoe = (options: string, level?: string) => service('ShoeService', 'shoe$', { MakeShoe: options }, level);

const event = (options: string) => `message ShoeMade { option (only2u.mesh.v1.event) = {${options}}; }`;

const madeOld = (name: string, field: string) => `invalidated_by: {event: "${name}" response_field: "${field}"}`;

/** A shared answer with an id, and events about it. */
const keeping = (invalidation: string) => `
  message Shoe { string shoe_id = 1; int32 size = 2; }
  message ShoeMade { option (only2u.mesh.v1.event) = {publisher: "order"}; string shoe_id = 1; }
  message ShoeSized { option (only2u.mesh.v1.event) = {publisher: "order"}; int32 size = 1; }
  ${shoe(
    `${policy.replace('ACCESS_USER', 'ACCESS_PUBLIC').replace('SCOPE_USER', 'SCOPE_ADDRESS')}
     cache: {max_age: {seconds: 1} shared: true ${invalidation}}`,
    'NO_SIDE_EFFECTS',
  ).replace('returns (Empty)', 'returns (Shoe)')}`;

/** What breaks each rule. The name of a case is the rule and the claim. */
const broken: Readonly<Record<string, string>> = {
  'policy: a method has a policy': shoe(''),
  'callers: a policy grants somebody': shoe(policy.replace('callers: ["gateway"]', '')),
  'unknown-caller: a caller is a workload': shoe(policy.replace('"gateway"', '"gateway", "gatewya"')),
  'everybody: "*" stands alone': shoe(internal('"operator", "*"')),
  'workload: a contract says who serves it': service('ShoeService', '', { MakeShoe: policy }),
  'workload: what only calls serves nothing': `option (only2u.mesh.v1.mesh) = {workloads: {name: "shoe$" kind: KIND_CLIENT}};
    ${shoe(policy)}`,
  'workload: a listed workload has a kind': 'option (only2u.mesh.v1.mesh) = {workloads: {name: "shoe$"}};',
  'workload: a workload is listed once': `option (only2u.mesh.v1.mesh) = {
    workloads: {name: "shoe$" kind: KIND_CLIENT} workloads: {name: "shoe$" kind: KIND_CLIENT}};`,
  'served-by-all: what every workload serves is internal': service('ShoeService', '*', { MakeShoe: policy }),
  'edge: an edge serves nothing': service('ShoeService', 'gateway', { MakeShoe: internal('"operator"') }),
  'access: a policy says its access': shoe(policy.replace('access: ACCESS_USER', '')),
  'internal-at-edge: what is internal is not open to the edge': shoe(policy.replace('ACCESS_USER', 'ACCESS_INTERNAL')),
  'roles: roles come with ACCESS_ROLES': shoe(`${policy} roles: ["admin"]`),
  'roles: ACCESS_ROLES comes with roles': shoe(policy.replace('ACCESS_USER', 'ACCESS_ROLES')),
  'unknown-role: a role is one that users have': shoe(`${policy.replace('USER t', 'ROLES t')} roles: ["boss"]`),
  'no-user: a user comes through some caller': `${service('LaceService', 'lace$', { CutLace: internal('"operator"') })}
    ${shoe('callers: ["lace$"] access: ACCESS_ROLES roles: ["admin"] timeout: {seconds: 2}')}`,
  'timeout: a policy has a timeout': shoe(policy.replace('timeout: {seconds: 2}', '')),
  'timeout: a timeout is more than nothing': shoe(atEdge(0)),
  'rate-limit: what the edge may call is limited': shoe(policy.replace(/rate_limits.*$/s, '')),
  'rate-limit: what is counted at the edge comes from there': shoe(
    `${internal('"operator"')} rate_limits: {scope: SCOPE_ADDRESS requests: 60 window: {seconds: 60}}`,
  ),
  'rate-limit: a guest is not counted as a user': shoe(policy.replace('ACCESS_USER', 'ACCESS_PUBLIC')),
  'rate-limit: a limit has a window': shoe(policy.replace('window: {seconds: 60}', '')),
  'rate-limit: a limit has a scope': shoe(policy.replace('scope: SCOPE_USER', '')),
  'cache: only reading is cached': shoe(`${policy} cache: {max_age: {seconds: 1}}`),
  'cache: a cache has a max_age': shoe(`${policy} cache: {}`, 'NO_SIDE_EFFECTS'),
  'cache: what differs by user is in no shared cache': shoe(
    `${policy} cache: {max_age: {seconds: 1} shared: true}`,
    'NO_SIDE_EFFECTS',
  ),
  'invalidation: only what is shared is dropped': shoe(
    `${policy} cache: {max_age: {seconds: 1} ${madeOld('only2u.case#.v1.ShoeMade', 'shoe.id')}}`,
    'NO_SIDE_EFFECTS',
  ),
  'invalidation: what makes an answer old is an event': keeping(madeOld('only2u.case#.v1.ShoeMaid', 'shoe_id')),
  'invalidation: an answer has the field': keeping(madeOld('only2u.case#.v1.ShoeMade', 'shoe.id')),
  'invalidation: the field can hold the id': keeping(madeOld('only2u.case#.v1.ShoeMade', 'size')),
  'invalidation: the event is about an id': keeping(madeOld('only2u.case#.v1.ShoeSized', 'shoe_id')),
  'hedging: only reading is asked twice': shoe(`${policy} hedge_after: {nanos: 100000000}`),
  'hedging: a second instance is asked in time': shoe(`${policy} hedge_after: {seconds: 2}`, 'NO_SIDE_EFFECTS'),
  'idempotency: a method says whether a second call does harm': shoe(policy, ''),
  'retry: a timeout holds the pauses between attempts': shoe(policy.replace('{seconds: 2}', '{nanos: 150000000}')),
  'budget: a caller can wait for what it calls': `${shoe(policy)}
    ${service('LaceService', 'lace$', { CutLace: internal('"shoe$"', 3) })}`,
  'budget: two steps away, too': `${shoe(policy)}
    ${service('LaceService', 'lace$', { CutLace: internal('"shoe$"', 2), CutLaces: internal('"shoe$"', 9) })}
    ${service('YarnService', 'yarn$', { SpinYarn: internal('"lace$"', 3) })}`,
  'budget: what hears events has no user to ask for': `${shoe(policy)}
    ${event('publisher: "cart" subscribers: ["shoe$"]')}
    ${service('LaceService', 'lace$', { CutLace: internal('"shoe$"', 3).replace('INTERNAL', 'USER') })}`,
  'cycle: two don’t call each other': `${service('ShoeService', 'shoe$', { MakeShoe: internal('"lace$"') })}
    ${service('LaceService', 'lace$', { CutLace: internal('"shoe$"') })}`,
  'cycle: nor three in a ring': `${service('ShoeService', 'shoe$', { MakeShoe: internal('"lace$"') })}
    ${service('LaceService', 'lace$', { CutLace: internal('"yarn$"') })}
    ${service('YarnService', 'yarn$', { SpinYarn: internal('"shoe$"') })}`,
  'cycle: nor one itself': service('ShoeService', 'shoe$', { MakeShoe: internal('"shoe$"') }),
  'publisher: somebody tells an event': event('subscribers: ["cart"]'),
  'publisher: who tells it is a workload': event('publisher: "shoe" subscribers: ["cart"]'),
  'publisher: who tells it serves something': event('publisher: "operator" subscribers: ["cart"]'),
  'subscriber: who hears it is a workload': event('publisher: "order" subscribers: ["crat"]'),
  'subscriber: who hears it serves something': event('publisher: "order" subscribers: ["gateway"]'),
  'subscriber: nobody hears itself': event('publisher: "order" subscribers: ["order"]'),
  'subscriber: nobody hears it twice': event('publisher: "order" subscribers: ["cart", "cart"]'),
};

/** What keeps them all. */
const good: Readonly<Record<string, string>> = {
  'a method that the gateway calls': shoe(policy),
  'what every workload serves, granted to operators': service('ShoeService', '*', { MakeShoe: internal('"operator"') }),
  'what everybody may ask': shoe(internal('"*"')),
  'a way that a user comes by': `${shoe(policy)}
    ${service('LaceService', 'lace$', { CutLace: internal('"shoe$"').replace('INTERNAL', 'USER') })}`,
  'a long call that an event sets off': `${shoe(policy)} ${event('publisher: "order" subscribers: ["shoe$"]')}
    ${service('LaceService', 'lace$', { CutLace: internal('"shoe$"', 30) })}`,
  'a second instance asked in time': shoe(`${policy} hedge_after: {nanos: 200000000}`, 'NO_SIDE_EFFECTS'),
  'an answer that an event makes old': keeping(madeOld('only2u.case#.v1.ShoeMade', 'shoe_id')),
  'what may do harm twice, and says so': shoe(policy, 'IDEMPOTENCY_UNKNOWN'),
};

const names = [...Object.keys(broken), ...Object.keys(good)];
const files = compile(
  Object.fromEntries(
    Object.values({ ...broken, ...good }).map((text, index) => [
      `only2u/case${index}/v1/shoe.proto`,
      proto(text, index),
    ]),
  ),
);
const model = createModel(files);
const findings = lint({ model, files, roles: rolesIn(files, shopRoles) });

function proto(text: string, index: number): string {
  return `syntax = "proto3";
    package only2u.case${index}.v1;
    import "only2u/mesh/v1/policy.proto";
    message Empty {}
    ${text.replaceAll('$', `${index}x`).replaceAll('#', `${index}`)}`;
}

function findingsOf(name: string) {
  return findings.filter(({ source }) => source?.file === `only2u/case${names.indexOf(name)}/v1/shoe.proto`);
}

test.each(Object.keys(broken))('%s', (name) => {
  expect([...new Set(findingsOf(name).map(({ rule }) => rule))]).toEqual([name.split(':')[0]]);
});

test.each(Object.keys(good))('%s is fine', (name) => {
  expect(findingsOf(name)).toEqual([]);
});

test('every rule has a case that breaks it', () => {
  const tried = new Set(Object.keys(broken).map((name) => name.split(':')[0]));
  expect(Object.keys(rules).filter((rule) => !tried.has(rule))).toEqual([]);
});

test('what would be repeated though it does harm is found, whoever made the model', () => {
  const repeated: MeshModel = {
    ...model,
    methods: model.methods.map((method) => ({ ...method, policy: { ...method.policy, idempotency: 'none' } })),
  };
  const found = lint({ model: repeated, files: [], roles: [] }).filter(({ rule }) => rule === 'retry');
  expect(found.map(({ where }) => where)).toContain('only2u.order.v1.OrderService/PlaceOrder');
});

test('a finding has the line of what is wrong, and says what to do', () => {
  const [finding] = findingsOf('unknown-caller: a caller is a workload');
  expect(finding).toMatchObject({
    where: 'only2u.case2.v1.ShoeService/MakeShoe',
    source: { line: 7 },
    problem: expect.stringContaining('did you mean gateway'),
  });
});

test('a cycle is found with its whole way', () => {
  const [finding] = findingsOf('cycle: nor three in a ring');
  expect(finding?.problem).toMatch(/lace\w+ → shoe\w+ \(only2u.*MakeShoe, proto.*:\d+\) → yarn\w+ .* → lace\w+ /);
});
