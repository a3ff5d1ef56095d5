import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { changeId } from './change.ts';
import { compile } from '../compile.ts';
import { diff, type Side } from './diff.ts';
import { acknowledgedIn, diffText, unacknowledged } from './text.ts';
import { answerOf, questionsOf } from '../matrix.ts';
import { createModel, type MeshModel, type Method } from '../model.ts';

const access = 'access: ACCESS_ROLES roles: ["admin", "vendor"]';
const limit = 'rate_limits: {scope: SCOPE_USER requests: 60 window: {seconds: 60}}';
const policy = `callers: ["gateway"] ${access} timeout: {seconds: 2} ${limit}`;

/** A method of one service, $ being the number of the case. */
function shoe(options: string, level = 'IDEMPOTENT', workload = 'shoe$'): string {
  return `service ShoeService {
    option (only2u.mesh.v1.service) = {workload: "${workload}"};
    rpc MakeShoe(Empty) returns (Empty) {
      option idempotency_level = ${level};
      option (only2u.mesh.v1.method) = {${options}};
    }
  }`;
}

const reading = 'NO_SIDE_EFFECTS';
const before = shoe(policy);
const cached = (cache: string) => shoe(`${policy} cache: {${cache}}`, reading);
const hedged = (ms: number) => shoe(`${policy} hedge_after: {nanos: ${ms}000000}`, reading);
const concurrent = (most: number) => shoe(`${policy} concurrency: ${most}`);
const limited = (requests: number, seconds: number) =>
  shoe(policy.replace('requests: 60 window: {seconds: 60}', `requests: ${requests} window: {seconds: ${seconds}}`));
const accessed = (other: string) => shoe(policy.replace(access, other));
const heard = (options: string) =>
  `message ShoeMade { option (only2u.mesh.v1.event) = {${options}}; string shoe_id = 1; }`;
const told = heard('publisher: "order" subscribers: ["cart"]');
const two = before.replace(/\}\s*$/, 'rpc MendShoe(Empty) returns (Empty); }');

/** What was, what is, and each change by its name: with + where it loosens, - where it tightens, = where neither. */
const cases: Readonly<Record<string, readonly [was: string, is: string, changes: readonly string[]]>> = {
  nothing: [before, before, []],
  'a caller more': [before, shoe(policy.replace('"gateway"', '"gateway", "order"')), ['+caller-added order']],
  'a caller less': [before, shoe(policy.replace('"gateway"', '')), ['-caller-removed gateway']],
  everybody: [before, shoe(policy.replace('"gateway"', '"*"')), ['+caller-added *']],
  'no longer everybody': [shoe(policy.replace('"gateway"', '"*"')), before, ['-caller-removed *']],
  'a role more': [before, shoe(policy.replace('"vendor"', '"vendor", "reseller"')), ['+role-added reseller']],
  'a role less': [before, shoe(policy.replace(', "vendor"', '')), ['-role-removed vendor']],
  'from roles to any user': [before, accessed('access: ACCESS_USER'), ['+access-opened user']],
  'from any user to roles': [accessed('access: ACCESS_USER'), before, ['-access-closed roles,admin,vendor']],
  'from users to the public': [
    accessed('access: ACCESS_USER'),
    accessed('access: ACCESS_PUBLIC'),
    ['+access-opened public'],
  ],
  'from the public to users': [
    accessed('access: ACCESS_PUBLIC'),
    accessed('access: ACCESS_USER'),
    ['-access-closed user'],
  ],
  'from users to internal, which asks for none': [
    accessed('access: ACCESS_USER'),
    accessed('access: ACCESS_INTERNAL'),
    ['+access-opened internal'],
  ],
  'from the public to internal': [
    accessed('access: ACCESS_PUBLIC'),
    accessed('access: ACCESS_INTERNAL'),
    ['=access-changed internal'],
  ],
  'a retry': [shoe(policy, 'IDEMPOTENCY_UNKNOWN'), before, ['+retry-added idempotent']],
  'no more retries': [before, shoe(policy, 'IDEMPOTENCY_UNKNOWN'), ['-retry-removed none']],
  'said to read alone': [before, shoe(policy, reading), ['=idempotency-changed no-side-effects']],
  'a second instance': [shoe(policy, reading), hedged(100), ['+hedging-added 100ms', '-retry-removed no-side-effects']],
  'a second instance sooner': [hedged(100), hedged(50), ['+hedging-sooner 50ms']],
  'a second instance later': [hedged(50), hedged(100), ['-hedging-later 100ms']],
  'no second instance': [hedged(100), shoe(policy, reading), ['-hedging-removed', '+retry-added no-side-effects']],
  'a longer timeout': [before, shoe(policy.replace('seconds: 2', 'seconds: 5')), ['+timeout-raised 5s']],
  'a shorter timeout': [before, shoe(policy.replace('seconds: 2', 'seconds: 1')), ['-timeout-lowered 1s']],
  'no timeout': [before, shoe(policy.replace('timeout: {seconds: 2}', '')), ['+timeout-removed']],
  'a timeout': [shoe(policy.replace('timeout: {seconds: 2}', '')), before, ['-timeout-added 2s']],
  'a higher rate': [before, limited(90, 60), ['+rate-limit-raised 90/1min per user']],
  'a lower rate': [before, limited(30, 60), ['-rate-limit-lowered 30/1min per user']],
  'the same rate, but more at once': [before, limited(600, 600), ['+rate-limit-raised 600/10min per user']],
  'no rate': [before, shoe(policy.replace(limit, '')), ['+rate-limit-dropped 60/1min per user']],
  'a rate': [shoe(policy.replace(limit, '')), before, ['-rate-limit-added 60/1min per user']],
  'another scope': [
    before,
    shoe(policy.replace('SCOPE_USER', 'SCOPE_ADDRESS')),
    ['-rate-limit-added 60/1min per address', '+rate-limit-dropped 60/1min per user'],
  ],
  'more at a time': [concurrent(4), concurrent(8), ['+concurrency-raised 8']],
  'fewer at a time': [concurrent(8), concurrent(4), ['-concurrency-lowered 4']],
  'as many at a time as the server takes': [concurrent(8), before, ['+concurrency-dropped']],
  'a bound of its own': [before, concurrent(8), ['-concurrency-added 8']],
  'a cache': [shoe(policy, reading), cached('max_age: {seconds: 5}'), ['+cache-added 5s']],
  'no cache': [cached('max_age: {seconds: 5}'), shoe(policy, reading), ['-cache-removed']],
  'a longer cache': [cached('max_age: {seconds: 5}'), cached('max_age: {seconds: 9}'), ['+cache-longer 9s']],
  'a shorter cache': [cached('max_age: {seconds: 9}'), cached('max_age: {seconds: 5}'), ['-cache-shorter 5s']],
  'a shared cache': [
    cached('max_age: {seconds: 5}'),
    cached('max_age: {seconds: 5} shared: true'),
    ['+cache-shared 5s'],
  ],
  'a private cache': [
    cached('max_age: {seconds: 5} shared: true'),
    cached('max_age: {seconds: 5}'),
    ['-cache-private 5s'],
  ],
  'what makes an answer old': [
    cached('max_age: {seconds: 5} shared: true'),
    cached('max_age: {seconds: 5} shared: true invalidated_by: {event: "a.B" response_field: "id"}'),
    ['-invalidation-added a.B id'],
  ],
  'what no longer makes an answer old': [
    cached('max_age: {seconds: 5} shared: true invalidated_by: {event: "a.B" response_field: "id"}'),
    cached('max_age: {seconds: 5} shared: true'),
    ['+invalidation-removed a.B id'],
  ],
  'a method that nobody may call': [before, two, ['=method-added']],
  'a method less': [two, before, ['=method-removed']],
  'a contract and its workload': ['', before, ['+workload-added', '+contract-added']],
  'neither any more': [before, '', ['-workload-removed', '-contract-removed']],
  'another server': [shoe(policy, reading, 'order'), shoe(policy, reading, 'cart'), ['=moved cart']],
  'an event': ['', told, ['+event-added']],
  'no event': [told, '', ['-event-removed']],
  'a subscriber': [told, heard('publisher: "order" subscribers: ["cart", "user"]'), ['+subscriber-added user']],
  'a subscriber less': [told, heard('publisher: "order"'), ['-subscriber-removed cart']],
  'another publisher': [told, heard('publisher: "payment" subscribers: ["cart"]'), ['+publisher-changed payment']],
  'several at once': [
    before,
    shoe(policy.replace('"gateway"', '"order"').replace('seconds: 2', 'seconds: 9')),
    ['+caller-added order', '-caller-removed gateway', '+timeout-raised 9s'],
  ],
};

const names = Object.keys(cases);
const changes = diff(sideOf(0), sideOf(1));

function sideOf(side: 0 | 1): Side {
  const texts = Object.values(cases).map(
    (each, index) => [`only2u/case${index}/v1/shoe.proto`, proto(each[side], index)] as const,
  );
  return { model: createModel(compile(Object.fromEntries(texts))), roles: ['admin', 'customer', 'reseller', 'vendor'] };
}

function proto(text: string, index: number): string {
  return `syntax = "proto3";
    package only2u.case${index}.v1;
    import "only2u/mesh/v1/policy.proto";
    message Empty {}
    ${text.replaceAll('$', `${index}x`)}`;
}

test.each(names)('%s is called by its name', (name) => {
  const index = names.indexOf(name);
  const marks = { loosens: '+', tightens: '-', neither: '=' } as const;
  const mine = changes.filter(
    ({ subject }) => subject.startsWith(`only2u.case${index}.`) || subject === `shoe${index}x`,
  );
  const told = mine.map((each) => `${marks[each.effect]}${each.name} ${each.detail}`.trim());
  expect(told.sort()).toEqual([...(cases[name]?.[2] ?? [])].sort());
  expect(mine.every(({ source }) => source.line > 0)).toBe(true);
});

test('who is granted to everybody stays unchanged when a workload joins: the workload is what is new', () => {
  expect(changes.filter(({ subject }) => subject.startsWith('only2u.user.'))).toEqual([]);
});

test('what loosens must be acknowledged by its exact words, in a commit or on the command line', () => {
  const mine = changes.filter(({ subject }) => subject.startsWith(`only2u.case${names.indexOf('several at once')}.`));
  const ids = mine.filter(({ effect }) => effect === 'loosens').map(changeId);
  expect(unacknowledged(mine, new Map()).map(changeId)).toEqual(ids);
  const text = diffText(mine, new Map(), 'proto');
  expect(text).toContain('2 loosen, 1 tighten, 0 neither');
  expect(text).toContain(ids.map((id) => `Loosens: ${id}\n`).join(''));
  const message = `Orders make shoes\n\n${ids.map((id) => `  Loosens: ${id}\r`).join('\n')}`;
  const acknowledged = new Map(acknowledgedIn(message).map((id) => [id, 'commit 1a2b3c4'] as const));
  expect(unacknowledged(mine, acknowledged)).toEqual([]);
  expect(diffText(mine, acknowledged, 'proto')).toContain('acknowledged by commit 1a2b3c4');
  const [first = ''] = ids;
  expect(unacknowledged(mine, new Map([[first.slice(0, -1), 'nobody']])).map(changeId)).toEqual(ids);
});

const roles = ['admin', 'vendor'];
const workloads = ['a', 'b', 'c'];
const [template] = createModel(compile({})).methods.filter(({ essential }) => !essential);

/** A mesh of some workloads, and up to two methods of any policy. */
const side: fc.Arbitrary<MeshModel> = fc
  .record({
    names: fc.subarray(workloads, { minLength: 1 }),
    methods: fc.array(
      fc.record({
        name: fc.constantFrom('M', 'N'),
        callers: fc.subarray(workloads),
        everybody: fc.boolean(),
        access: fc.constantFrom('public', 'user', 'roles', 'internal', 'unspecified'),
        roles: fc.subarray(roles),
      }),
      { maxLength: 2 },
    ),
  })
  .map(({ names: known, methods }): MeshModel => {
    const unique = [...new Map(methods.map((each) => [each.name, each])).values()];
    return {
      workloads: known.map((name) => ({ name, kind: 'service', source: { file: '', line: 1 } })),
      methods: unique.map(({ name, callers, everybody, access: open, roles: some }) =>
        methodOf(name, everybody, {
          callers: everybody ? known : callers.filter((each) => known.includes(each)),
          access: open,
          roles: open === 'roles' ? some : [],
        }),
      ),
      events: [],
    };
  });

function methodOf(
  name: string,
  everybody: boolean,
  said: Pick<Method['policy'], 'callers' | 'access' | 'roles'>,
): Method {
  if (template === undefined) throw new Error('The shop has methods.');
  const policyOf = { ...template.policy, ...said };
  return { ...template, name, contract: 'p.S', path: `p.S/${name}`, servedBy: ['a'], everybody, policy: policyOf };
}

/** What is allowed, by caller, method and user. */
function allowedIn(model: MeshModel): ReadonlySet<string> {
  return new Set(
    questionsOf(model, roles)
      .filter((question) => answerOf(question) === 'allowed')
      .map(({ caller, method, user }) => JSON.stringify([caller, method.path, user])),
  );
}

test('a change of callers and users loosens exactly when a question of the matrix was refused and is allowed', () => {
  fc.assert(
    fc.property(side, side, (was, now) => {
      const found = diff({ model: was, roles }, { model: now, roles });
      const [allowed, allows] = [allowedIn(was), allowedIn(now)];
      expect(found.some(({ effect }) => effect === 'loosens')).toBe([...allows].some((each) => !allowed.has(each)));
      expect(found.some(({ effect }) => effect === 'tightens')).toBe([...allowed].some((each) => !allows.has(each)));
    }),
    { numRuns: 500 },
  );
});
