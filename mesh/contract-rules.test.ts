import { expect, test } from '@jest/globals';
import { compile } from './compile.ts';
import { contractFindings } from './contract-rules.ts';

const requestId = 'string request_id = 1 [(buf.validate.field).string.max_len = 64];';
const policy = `callers: ["gateway"] access: ACCESS_USER timeout: {seconds: 2}
  rate_limits: {scope: SCOPE_USER requests: 60 window: {seconds: 60}}`;

type Case = {
  /** The method's options, name and messages, where they differ from a method that is as it should be. */
  readonly name?: string;
  readonly level?: string;
  readonly policy?: string;
  readonly input?: string;
  readonly request?: string;
  readonly response?: string;
  readonly more?: string;
  readonly service?: string;
};

/** What breaks each rule. The name of a case is the rule and the claim. */
const broken: Readonly<Record<string, Case>> = {
  'workload: a service says who serves it': { service: '' },
  'workload: what every workload serves is internal': {
    service: 'option (only2u.mesh.v1.service) = {workload: "*"};',
  },
  'own-messages: a method takes its own request': { input: 'Other', more: 'message Other {}' },
  'own-messages: two methods share no message': {
    more: `service TwinService {
      option (only2u.mesh.v1.service) = {workload: "shoe"};
      rpc MakeShoe(MakeShoeRequest) returns (MakeShoeResponse) {
        option idempotency_level = IDEMPOTENT;
        option (only2u.mesh.v1.method) = {${policy}};
      }
    }`,
  },
  'idempotency: a method says its idempotency_level': { level: '' },
  'request-id: what changes things has a request_id': { request: '' },
  'paging: a list has page_size and tokens': { name: 'ListShoes', level: 'NO_SIDE_EFFECTS', request: '' },
  'update-mask: an update has update_mask': { name: 'UpdateShoe' },
  'etag: an update takes an etag': { name: 'UpdateShoe' },
  'policy: a method has a policy': { policy: '' },
  'callers: a policy grants somebody': { policy: policy.replace('callers: ["gateway"]', '') },
  'callers: a caller is a known workload': { policy: policy.replace('["gateway"]', '["gateway", "gatewya"]') },
  'callers: everybody is granted alone': { policy: policy.replace('["gateway"]', '["gateway", "*"]') },
  'access: a policy says its access': { policy: policy.replace('access: ACCESS_USER', '') },
  'access: what is internal is not open to the edge': { policy: policy.replace('ACCESS_USER', 'ACCESS_INTERNAL') },
  'roles: roles come with ACCESS_ROLES': { policy: `${policy} roles: ["admin"]` },
  'roles: ACCESS_ROLES comes with roles': { policy: policy.replace('ACCESS_USER', 'ACCESS_ROLES') },
  'roles: a role is known': { policy: `${policy.replace('ACCESS_USER', 'ACCESS_ROLES')} roles: ["boss"]` },
  'timeout: a policy has a timeout': { policy: policy.replace('timeout: {seconds: 2}', '') },
  'rate-limit: what the edge may call is limited': { policy: policy.replace(/rate_limits.*$/s, '') },
  'rate-limit: a public method is not counted by user': { policy: policy.replace('ACCESS_USER', 'ACCESS_PUBLIC') },
  'rate-limit: a limit has a window': { policy: policy.replace('window: {seconds: 60}', '') },
  'cache: only reading is cached': { policy: `${policy} cache: {max_age: {seconds: 1}}` },
  'cache: a cache has a max_age': { level: 'NO_SIDE_EFFECTS', policy: `${policy} cache: {}` },
  'cache: what differs by user is in no shared cache': {
    level: 'NO_SIDE_EFFECTS',
    policy: `${policy} cache: {max_age: {seconds: 1} shared: true}`,
  },
  'enum-zero: an enum begins with UNSPECIFIED': { more: 'enum Size { SIZE_SMALL = 0; }' },
  'time: what ends in _time is a Timestamp': { response: 'string create_time = 1;' },
  'time: a Timestamp ends in _time': { response: 'google.protobuf.Timestamp created = 1;' },
  'id: an id is a string': { response: 'int64 shoe_id = 1;' },
  'redact: a password is redacted': { response: 'string old_password = 1;' },
  'redact: a phone number is redacted': { response: 'string phone = 1;' },
  'bound: a text that comes in has a most': { request: `${requestId} string note = 2;` },
  'bound: an open pattern bounds nothing': {
    request: `${requestId} string note = 2 [(buf.validate.field).string.pattern = "^[a-z]+$"];`,
  },
  'bound: bytes that come in have a most': { request: `${requestId} bytes chunk = 2;` },
  'bound: a list that comes in has a most': { request: `${requestId} repeated int32 sizes = 2;` },
  'bound: the items of a list have a most': {
    request: `${requestId} repeated string tags = 2 [(buf.validate.field).repeated.max_items = 3];`,
  },
  'bound: a map that comes in has a most': { request: `${requestId} map<int32, int32> sizes = 2;` },
  'bound: what a request holds deeper down has a most': {
    request: `${requestId} Inner inner = 2;`,
    more: 'message Inner { string note = 1; }',
  },
};

const names = Object.keys(broken);
const findings = contractFindings(
  compile({
    ...Object.fromEntries(
      names.map((name, index) => [`only2u/case${index}/v1/shoe.proto`, text(index, broken[name] ?? {})]),
    ),
    'only2u/good/v1/shoe.proto': text('good', {}),
  }),
);

test.each(names)('%s', (name) => {
  const [rule] = name.split(':');
  const mine = findings.filter((each) => each.where.includes(`only2u.case${names.indexOf(name)}.`));
  expect(mine.map((each) => each.rule)).toContain(rule);
});

test('a contract as it should be has no finding', () => {
  expect(findings.filter((each) => each.where.includes('only2u.good.'))).toEqual([]);
});

test('what every workload serves may be granted to operators', () => {
  const files = compile({
    'only2u/good/v1/shoe.proto': text('good', {
      service: 'option (only2u.mesh.v1.service) = {workload: "*"};',
      policy: 'callers: ["operator"] access: ACCESS_INTERNAL timeout: {seconds: 2}',
    }),
  });
  expect(contractFindings(files)).toEqual([]);
});

test('a bounded pattern, a cursor and an id in words of the domain are fine', () => {
  const files = compile({
    'only2u/good/v1/shoe.proto': text('good', {
      request: `${requestId} string currency = 2 [(buf.validate.field).string.pattern = "^[A-Z]{3}$"];`,
      response: 'string next_page_token = 1; int32 paid = 2;',
    }),
  });
  expect(contractFindings(files)).toEqual([]);
});

function text(index: number | 'good', each: Case): string {
  const name = each.name ?? 'MakeShoe';
  const level = each.level ?? 'IDEMPOTENT';
  const options = each.policy ?? policy;
  return `syntax = "proto3";
    package only2u.${index === 'good' ? index : `case${index}`}.v1;
    import "buf/validate/validate.proto";
    import "google/protobuf/timestamp.proto";
    import "only2u/mesh/v1/policy.proto";
    service ShoeService {
      ${each.service ?? 'option (only2u.mesh.v1.service) = {workload: "shoe"};'}
      rpc ${name}(${each.input ?? `${name}Request`}) returns (${name}Response) {
        ${level === '' ? '' : `option idempotency_level = ${level};`}
        ${options === '' ? '' : `option (only2u.mesh.v1.method) = {${options}};`}
      }
    }
    message ${name}Request { ${each.request ?? requestId} }
    message ${name}Response { ${each.response ?? ''} }
    ${each.more ?? ''}`;
}
