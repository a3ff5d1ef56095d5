import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { compile } from '../compile.ts';
import { renderEnvoy } from './envoy.ts';
import { createModel, grantedTo, type MeshModel, servedBy } from '../model.ts';
import type { Rendered } from '../render.ts';
import { settings } from '../shop-settings.ts';
import { sourceText } from '../source.ts';

const shoe = `
syntax = "proto3";
package only2u.shoe.v1;
import "google/protobuf/duration.proto";
import "only2u/mesh/v1/policy.proto";
message Request {}
message Response {}
service ShoeService {
  option (only2u.mesh.v1.service) = { workload: "shoe" };
  rpc Find(Request) returns (Response) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (only2u.mesh.v1.method) = { callers: ["cart", "order"] access: ACCESS_INTERNAL timeout: { seconds: 2 } };
  }
  rpc Hedged(Request) returns (Response) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (only2u.mesh.v1.method) = {
      callers: ["cart", "order"] access: ACCESS_INTERNAL timeout: { seconds: 2 } hedge_after: { nanos: 100000000 }
    };
  }
  rpc Sell(Request) returns (Response) {
    option (only2u.mesh.v1.method) = {
      callers: ["order"] access: ACCESS_INTERNAL timeout: { seconds: 3 } concurrency: 4
      rate_limits: { scope: SCOPE_CALLER requests: 10 window: { seconds: 1 } }
    };
  }
  rpc Watch(Request) returns (stream Response) {
    option (only2u.mesh.v1.method) = { callers: ["gateway"] access: ACCESS_USER timeout: { seconds: 300 } };
  }
  rpc Forgotten(Request) returns (Response) {
    option (only2u.mesh.v1.method) = { access: ACCESS_INTERNAL };
  }
}
`;
const model = createModel(compile({ 'only2u/shoe/v1/shoe.proto': shoe }));
const withShoe = {
  ...settings,
  portOf: (workload: string) => (workload === 'shoe' ? 50_099 : settings.portOf(workload)),
};
const files = renderEnvoy(model, withShoe);

const rule = z.object({ permissions: z.array(z.unknown()), principals: z.array(z.unknown()) });
const rules = z.object({ policies: z.record(z.string(), rule) });
const route = z.object({
  match: z.object({ path: z.string().optional(), prefix: z.string().optional() }),
  route: z.record(z.string(), z.unknown()).optional(),
  direct_response: z.object({ status: z.number() }).optional(),
  typed_per_filter_config: z.record(z.string(), z.unknown()).optional(),
});
const virtualHost = z.object({ name: z.string(), domains: z.array(z.string()), routes: z.array(route) });
const manager = z.object({
  route_config: z.object({ virtual_hosts: z.array(virtualHost) }),
  http_filters: z.array(z.object({ name: z.string(), typed_config: z.record(z.string(), z.unknown()) })),
});
const listenerFile = z.object({
  resources: z.array(
    z.object({
      name: z.string(),
      filter_chains: z.tuple([
        z.object({ filters: z.array(z.object({ name: z.string(), typed_config: z.unknown() })) }),
      ]),
    }),
  ),
});

function listener(name: string, node = 'one', from: readonly Rendered[] = files) {
  const path = node === 'one' ? 'envoy/one/listeners.yaml' : `envoy/sidecars/${node}/listeners.yaml`;
  const found = listenersIn(textOf(path, from)).find((each) => each.name === name);
  const http = found?.filter_chains[0].filters.find((each) => each.name.endsWith('http_connection_manager'));
  return manager.parse(http?.typed_config);
}

const parsed = new Map<string, z.infer<typeof listenerFile>['resources']>();

function listenersIn(text: string) {
  const known = parsed.get(text) ?? listenerFile.parse(parse(text, { maxAliasCount: -1 })).resources;
  parsed.set(text, known);
  return known;
}

function textOf(path: string, from: readonly Rendered[] = files): string {
  return from.find((each) => each.path === path)?.text ?? '';
}

function callersRules(workload: string, which = 'rules', from: readonly Rendered[] = files) {
  const filter = listener(`inbound_${workload}`, 'one', from).http_filters.find(({ name }) =>
    name.endsWith('.callers'),
  );
  return rules.parse(filter?.typed_config[which]).policies;
}

function routesOf(name: string, host: string) {
  const found = listener(name).route_config.virtual_hosts.find((each) => each.name === host);
  return new Map(found?.routes.map((each) => [each.match.path ?? each.match.prefix, each]));
}

/** Who may call what, by the rules alone. */
function grantsIn(workload: string): string[] {
  return Object.values(callersRules(workload))
    .flatMap(({ permissions, principals }) =>
      permissions.flatMap((permission) =>
        principals.map((principal) => {
          const [path] = matchAll(permission, /"exact":"\/([^"]+)"/g);
          const [caller] = matchAll(principal, /"exact":"spiffe:\/\/only2u\.local\/ns\/default\/sa\/([^"]+)"/g);
          return `${caller} ${path}`;
        }),
      ),
    )
    .sort();
}

function matchAll(value: unknown, pattern: RegExp): string[] {
  return [...JSON.stringify(value).matchAll(pattern)].map(([, found = '']) => found);
}

const serving = model.workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name);

test.each(serving)('the rules before %s grant what the contracts grant, and nothing else', (workload) => {
  const granted = servedBy(model, workload).flatMap(({ path, policy }) =>
    policy.callers.map((caller) => `${caller} ${path}`),
  );
  expect(grantsIn(workload)).toEqual(granted.sort());
});

test.each(serving)('before %s stands one rule for each set of callers', (workload) => {
  const sets = servedBy(model, workload).map(({ policy }) => policy.callers.join(' '));
  expect(Object.keys(callersRules(workload))).toHaveLength(new Set(sets.filter((set) => set !== '')).size);
});

test('every principal is a workload that the contracts know, and every path a method of theirs', () => {
  const known = new Set(model.workloads.map(({ name }) => name));
  const methods = new Set(model.methods.map(({ path }) => path));
  const texts = files.map(({ text }) => text).join('\n');
  const principals = [...texts.matchAll(/sa\/([\w-]+)/g)].map(([, name = '']) => name);
  const paths = [...texts.matchAll(/\/((?:only2u|grpc)\.[\w.]+\/[A-Z]\w+)/g)].map(([, path = '']) => path);
  expect(principals.length).toBeGreaterThan(100);
  expect(paths.length).toBeGreaterThan(100);
  expect(principals.filter((name) => !known.has(name))).toEqual([]);
  expect(paths.filter((path) => !methods.has(path))).toEqual([]);
});

test('every cluster that is named is there, in each process', () => {
  for (const node of new Set(files.map(({ path }) => path.replace(/\/(?:secrets\/)?[^/]+$/, '')))) {
    const names = [...textOf(`${node}/clusters.yaml`).matchAll(/^ {4}name: (\w+)$/gm)].map(([, name]) => name);
    const used = [...textOf(`${node}/listeners.yaml`).matchAll(/\bcluster: (\w+)/g)].map(([, name]) => name);
    expect(`${node}: ${used.filter((name) => !names.includes(name)).join()}`).toBe(`${node}: `);
  }
});

test('what no contract grants a caller its own sidecar refuses, whatever the peer', () => {
  expect(routesOf('outbound_cart', 'shoe').has('/only2u.shoe.v1.ShoeService/Sell')).toBe(false);
  expect(routesOf('outbound_cart', 'shoe').get('/')?.direct_response).toEqual({ status: 403 });
  expect(routesOf('outbound_cart', 'nobody').get('/')?.direct_response).toEqual({ status: 403 });
});

test('an idempotent call is tried again at another instance, within its time', () => {
  expect(routesOf('outbound_cart', 'shoe').get('/only2u.shoe.v1.ShoeService/Find')?.route).toMatchObject({
    cluster: 'cart_to_shoe',
    timeout: '2s',
    retry_policy: { num_retries: 2, retry_host_predicate: [{ name: 'envoy.retry_host_predicates.previous_hosts' }] },
  });
});

test('a call that is not safe to repeat is spelled out as never repeated', () => {
  expect(routesOf('outbound_order', 'shoe').get('/only2u.shoe.v1.ShoeService/Sell')?.route).toEqual({
    cluster: 'order_to_shoe',
    timeout: '3s',
    retry_policy: { num_retries: 0 },
  });
});

test('a hedged call asks once more after its time, and does not wait for a failure', () => {
  expect(routesOf('outbound_cart', 'shoe').get('/only2u.shoe.v1.ShoeService/Hedged')?.route).toMatchObject({
    retry_policy: { num_retries: 1, per_try_timeout: '0.1s' },
    hedge_policy: { hedge_on_per_try_timeout: true },
  });
});

test('a stream is bounded from its beginning', () => {
  expect(routesOf('outbound_gateway', 'shoe').get('/only2u.shoe.v1.ShoeService/Watch')?.route).toMatchObject({
    timeout: '0s',
    max_stream_duration: { max_stream_duration: '300s' },
    retry_policy: { num_retries: 0 },
  });
});

test.each(model.workloads.map(({ name }) => name))(
  '%s reaches each method that it is granted in the time that the contract says',
  (caller) => {
    const hosts = listener(`outbound_${caller}`).route_config.virtual_hosts;
    const reached = hosts.flatMap(({ name, routes }) =>
      routes.flatMap(({ match, route: to }) =>
        to === undefined ? [] : [`${name} ${match.path?.slice(1)} ${timeOf(to)}`],
      ),
    );
    const peers = new Set(hosts.map(({ name }) => name));
    const granted = grantedTo(model, caller).flatMap(({ path, servedBy: workloads, policy, essential }) =>
      workloads
        .filter((peer) => !essential || peers.has(peer))
        .map((peer) => `${peer} ${path} ${(policy.timeoutMs ?? 0) / 1_000}s`),
    );
    expect(reached.sort()).toEqual(granted.sort());
  },
);

function timeOf(to: Record<string, unknown>): string {
  const { max_stream_duration: whole } = z
    .object({ max_stream_duration: z.object({ max_stream_duration: z.string() }).optional() })
    .parse(to);
  return whole?.max_stream_duration ?? String(to['timeout']);
}

test('concurrency and the rate of each caller are bounded where the method is served', () => {
  const own = routesOf('inbound_shoe', 'shoe').get('/only2u.shoe.v1.ShoeService/Sell');
  expect(own?.route?.['cluster']).toBe('shoe_app_only2u_shoe_v1_ShoeService_Sell');
  expect(textOf('envoy/one/clusters.yaml')).toMatch(
    /name: shoe_app_only2u_shoe_v1_ShoeService_Sell\n[^]*?max_requests: 4\n/,
  );
  expect(own?.typed_per_filter_config?.['envoy.filters.http.local_ratelimit']).toMatchObject({
    descriptors: [{ entries: [{}, { key: 'caller' }], token_bucket: { max_tokens: 10, fill_interval: '1s' } }],
  });
});

test('the edge leads to the methods that are open to it and to no other', () => {
  const paths = [...routesOf('edge', 'edge').keys()].filter((path) => path?.includes('only2u.'));
  const open = grantedTo(model, 'gateway').filter(
    ({ policy, everybody }) => policy.access !== 'internal' && !everybody,
  );
  expect(paths.sort()).toEqual(open.map(({ path }) => `/${path}`).sort());
  expect(routesOf('edge', 'edge').has('/')).toBe(true);
  expect(listener('edge').route_config.virtual_hosts[0]?.routes.some(({ match }) => match.prefix === '/')).toBe(false);
});

test('a next policy is counted and not enforced', () => {
  const closed = (all: MeshModel): MeshModel => ({
    ...all,
    methods: all.methods.map((method) =>
      method.name === 'Find' ? { ...method, policy: { ...method.policy, callers: ['order'] } } : method,
    ),
  });
  const shadowed = renderEnvoy(model, withShoe, closed(model));
  expect(callersRules('shoe', 'rules', shadowed)).toEqual(callersRules('shoe'));
  const next = callersRules('shoe', 'shadow_rules', shadowed);
  expect(matchAll(next['callers_order']?.permissions, /"(\/only2u[^"]+)"/g)).toEqual([
    '/only2u.shoe.v1.ShoeService/Find',
    '/only2u.shoe.v1.ShoeService/Sell',
  ]);
});

test.each(serving)('a sidecar of %s is what the one process has for it', (workload) => {
  for (const name of [`inbound_${workload}`, `outbound_${workload}`]) {
    expect(listener(name, workload)).toEqual(listener(name));
  }
});

test('each rule says where the contract says it', () => {
  const find = model.methods.find(({ name }) => name === 'Find');
  if (find === undefined) throw new Error('there is no such method');
  const place = sourceText(find.sourceOf('callers'));
  expect(place).toMatch(/^proto\/only2u\/shoe\/v1\/shoe\.proto:\d+$/);
  expect(textOf('envoy/sidecars/shoe/listeners.yaml')).toContain(
    `{exact: /only2u.shoe.v1.ShoeService/Find}}} # ${place}\n`,
  );
});
