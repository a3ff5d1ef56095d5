import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { services } from '#services/all.ts';
import { compile } from '../compile.ts';
import { renderIstio } from './istio.ts';
import { manifestsIn, readPolicies } from './policies.ts';
import { createSidecar, selects } from './evaluator.ts';
import { renderKubernetes } from './kubernetes.ts';
import { loadContracts } from '../load.ts';
import { createModel, grantedTo } from '../model.ts';
import { settings } from '../shop-settings.ts';

const model = createModel(loadContracts('proto'));
const files = [...renderIstio(model, settings), ...renderKubernetes(model, settings)];
const texts = files.map(({ text }) => text);
const { calls, tokens, peers } = readPolicies(texts);

const labels = z.record(z.string(), z.string());
const named = z.object({ metadata: z.object({ name: z.string(), namespace: z.string() }) });
const uri = z.strictObject({ exact: z.string().optional(), prefix: z.string().optional() });
const service = named.extend({
  spec: z.object({
    selector: labels,
    ports: z.array(z.object({ name: z.string(), port: z.number(), targetPort: z.number() })),
  }),
});
const virtualService = named.extend({
  spec: z.object({
    hosts: z.array(z.string()),
    gateways: z.array(z.string()).optional(),
    http: z.array(
      z.object({
        match: z.array(z.object({ uri })).optional(),
        route: z.array(
          z.object({ destination: z.object({ host: z.string(), port: z.object({ number: z.number() }) }) }),
        ),
        timeout: z.string().optional(),
        retries: z.object({ attempts: z.number(), retryOn: z.string().optional() }),
      }),
    ),
  }),
});
const destinationRule = named.extend({ spec: z.object({ host: z.string() }) });

function all<T extends z.ZodType>(kind: string, schema: T, from: readonly string[] = texts): z.infer<T>[] {
  return manifestsIn(from)
    .filter((each) => each.kind === kind)
    .map((each) => schema.parse(each));
}

const accounts = all('ServiceAccount', named).map(({ metadata: { name, namespace } }) => `${namespace}/sa/${name}`);
const hosts = new Map(
  all('Service', service).map(({ metadata: { name, namespace }, spec: { ports } }) => [
    `${name}.${namespace}.svc.cluster.local`,
    ports.map(({ port }) => port),
  ]),
);
const paths = new Set(model.methods.map(({ path }) => `/${path}`));

test('every principal is a service account that is rendered, or that of the gateway of Istio', () => {
  const principals = calls.flatMap(({ spec }) =>
    spec.rules.flatMap(({ from }) => (from ?? []).flatMap(({ source }) => source.principals ?? [])),
  );
  expect(new Set(principals)).toEqual(
    new Set([
      ...accounts.map((account) => `cluster.local/ns/${account}`),
      'cluster.local/ns/istio-ingress/sa/istio-ingress',
    ]),
  );
});

test('every rule asks for principals and, but for clients from outside, for paths: each a method of a contract', () => {
  const rules = calls.flatMap(({ spec }) => spec.rules);
  expect(rules.every(({ from }) => from?.every(({ source }) => source.principals !== undefined))).toBe(true);
  const operations = rules.flatMap(({ to }) => (to ?? []).map(({ operation }) => operation));
  expect(operations).toHaveLength(rules.length - 1);
  expect(operations.flatMap(({ paths: each = [] }) => each).filter((path) => !paths.has(path))).toEqual([
    '/.well-known/jwks.json',
  ]);
  expect(operations.flatMap(({ methods = [] }) => methods)).toEqual([]); // of HTTP: gRPC's are all POST
});

test('every policy selects a workload, and each workload that serves has one of each kind', () => {
  const pods = all('Service', service).map(({ metadata: { namespace }, spec: { selector } }) => ({
    namespace,
    labels: selector,
  }));
  const selected = (policy: Parameters<typeof selects>[0]) => pods.filter((pod) => selects(policy, pod)).length;
  const ofOne = calls.filter(({ spec }) => spec.selector !== undefined);
  expect(ofOne.map(selected)).toEqual(services.map(() => 1));
  expect(tokens.map(selected)).toEqual(services.filter(({ name }) => name !== 'gateway').map(() => 1));
  expect(calls.filter(({ spec }) => spec.selector === undefined).map(({ spec }) => spec.rules)).toEqual([[]]);
  expect(peers.map(({ spec }) => spec)).toEqual([{ mtls: { mode: 'STRICT' } }]);
});

test('every host is a service, and the port of each is the one that its process listens on', () => {
  const routed = all('VirtualService', virtualService);
  const destinations = routed.flatMap(({ spec }) =>
    spec.http.flatMap(({ route }) => route.map(({ destination }) => destination)),
  );
  for (const { host, port } of destinations) expect([host, hosts.get(host)]).toEqual([host, [port.number]]);
  const inside = routed.filter(({ spec }) => spec.gateways === undefined).flatMap(({ spec }) => spec.hosts);
  const rules = all('DestinationRule', destinationRule).map(({ spec }) => spec.host);
  expect([...inside, ...rules].filter((host) => !hosts.has(host))).toEqual([]);
  expect(new Set(rules)).toEqual(new Set(hosts.keys()));
  for (const { jwksUri } of tokens.flatMap(({ spec }) => spec.jwtRules)) {
    const { hostname, port } = new URL(jwksUri);
    expect(hosts.get(hostname)).toEqual([Number(port)]);
  }
  for (const { name, port } of services) {
    expect(hosts.get(`${name}.only2u.svc.cluster.local`)).toEqual([port]);
  }
  const ports = all('Service', service).flatMap(({ spec }) => spec.ports);
  expect(ports.every(({ port, targetPort }) => port === targetPort)).toBe(true);
});

test('the route that Istio takes for a method has its timeout and its attempts, and none tries again unasked', () => {
  const routes = all('VirtualService', virtualService);
  for (const method of model.methods) {
    for (const workload of method.servedBy) {
      const http = routes.find(({ spec }) => spec.hosts.includes(`${workload}.only2u.svc.cluster.local`))?.spec.http;
      const route = http?.find(({ match }) => match?.some(({ uri: { exact } }) => exact === `/${method.path}`) ?? true);
      const { timeoutMs, attempts } = method.policy;
      expect([method.path, route?.timeout, (route?.retries.attempts ?? 99) + 1]).toEqual([
        method.path,
        timeoutMs === undefined ? undefined : `${timeoutMs / 1_000}s`,
        attempts,
      ]);
      expect(route?.retries.retryOn).toBe(
        attempts > 1 ? 'unavailable,connect-failure,refused-stream,reset' : undefined,
      );
    }
  }
});

test('clients from outside reach the methods that the gateway was granted and its pages, and nothing else', () => {
  const edge = all('VirtualService', virtualService).filter(({ spec }) => spec.gateways !== undefined);
  expect(edge.map(({ spec }) => spec.http.length)).toEqual([1]);
  const open = edge.flatMap(({ spec }) => spec.http).flatMap(({ match }) => match ?? []);
  const exact = open.flatMap((each) => each.uri.exact ?? []);
  const granted = grantedTo(model, 'gateway').filter(({ policy }) => policy.access !== 'internal');
  expect(exact.filter((path) => paths.has(path)).sort()).toEqual(granted.map(({ path }) => `/${path}`).sort());
  expect(exact.filter((path) => !paths.has(path))).toEqual(settings.edge.pages.filter((page) => !page.endsWith('*')));
  expect(open.flatMap((each) => each.uri.prefix ?? [])).toEqual(['/docs/', '/webhooks/']);
});

test('the edge answers the gateway of Istio, its page of keys the services, and nobody else', () => {
  const sidecar = createSidecar(readPolicies(texts), { namespace: 'only2u', labels: { app: 'gateway' }, port: 8080 });
  const asked = (identity: string, path: string) =>
    sidecar({ certificate: { ofThisMesh: true, identity }, path, method: 'GET', token: undefined });
  const outside = 'cluster.local/ns/istio-ingress/sa/istio-ingress';
  expect(asked(outside, '/only2u.product.v1.ProductService/GetProduct')).toBe('allowed');
  for (const { name, kind } of model.workloads) {
    const identity = `cluster.local/ns/only2u/sa/${name}`;
    expect([name, asked(identity, '/docs/')]).toEqual([name, 'denied']);
    const keys = asked(identity, '/.well-known/jwks.json');
    expect([name, keys]).toEqual([name, kind === 'service' ? 'allowed' : 'denied']);
  }
  expect(asked('cluster.local/ns/only2u/sa/stranger', '/.well-known/jwks.json')).toBe('denied');
});

test('the comment at each granted path is the line of the contract that grants it', () => {
  const lines = texts.flatMap((text) => [...text.matchAll(/^ +- (\/\S+) # (\S+):(\d+)$/gm)]);
  expect(lines.length).toBeGreaterThan(model.methods.length);
  for (const [, path = '', file = '', line = ''] of lines) {
    const said = readFileSync(file, 'utf8').split('\n')[Number(line) - 1];
    expect([path, said]).toEqual([path, expect.stringMatching(path.startsWith('/grpc.') ? /rpc / : /callers/)]);
  }
});

const shoes = compile({
  'only2u/shoe/v1/shoe.proto': `syntax = "proto3";
package only2u.shoe.v1;
import "only2u/mesh/v1/policy.proto";
service ShoeService {
  option (only2u.mesh.v1.service) = {workload: "shoe" defaults: {callers: ["cart"] access: ACCESS_INTERNAL timeout: {nanos: 15000000}}};
  rpc Hedged(Shoe) returns (Shoe) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (only2u.mesh.v1.method) = {hedge_after: {nanos: 200000000} timeout: {seconds: 1 nanos: 500000000}};
  }
  rpc Once(Shoe) returns (Shoe);
  rpc ForRolesThatNobodySays(Shoe) returns (Shoe) {
    option (only2u.mesh.v1.method) = {access: ACCESS_ROLES};
  }
}
message Shoe {}
`,
});

test('what Istio can not do is said, and what a contract leaves open is granted to nobody', () => {
  const other = createModel(shoes);
  const ports = { ...settings, portOf: () => 50_099 };
  const text = renderIstio(other, ports).find(({ path }) => path === 'istio/shoe.yaml')?.text ?? '';
  expect(text).toContain("# hedged after 200ms by the contract: Istio can't, and asks once");
  const [routes] = all('VirtualService', virtualService, [text]);
  expect(routes?.spec.http.map(({ timeout, retries }) => [timeout, retries])).toEqual([
    ['5s', { attempts: 2, retryOn: 'unavailable,connect-failure,refused-stream,reset' }], // dead letters, of every workload
    ['15ms', { attempts: 0 }],
    ['1500ms', { attempts: 0 }],
    [undefined, { attempts: 0 }],
  ]);
  const granted = readPolicies([text]).calls.flatMap(({ spec }) =>
    spec.rules.flatMap(({ to = [] }) => to.flatMap(({ operation }) => operation.paths ?? [])),
  );
  expect(granted.filter((path) => path.includes('shoe'))).toEqual([
    '/only2u.shoe.v1.ShoeService/Hedged',
    '/only2u.shoe.v1.ShoeService/Once',
  ]);
});
