import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { renderIstio } from './istio.ts';
import { manifestsIn, readPolicies } from './policies.ts';
import { renderKubernetes } from './kubernetes.ts';
import { loadContracts } from '../load.ts';
import { createModel } from '../model.ts';
import { settings } from '../shop-settings.ts';

const model = createModel(loadContracts('proto'));
const texts = renderKubernetes(model, settings).map(({ text }) => text);
const { calls } = readPolicies(renderIstio(model, settings).map(({ text }) => text));

const selector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).default({}),
  matchExpressions: z
    .array(z.strictObject({ key: z.string(), operator: z.literal('In'), values: z.array(z.string()) }))
    .default([]),
});
const peers = z.array(z.strictObject({ podSelector: selector.optional(), namespaceSelector: selector.optional() }));
const ports = z.array(z.strictObject({ protocol: z.string(), port: z.number() })).optional();
const networkPolicy = z.strictObject({
  podSelector: selector,
  policyTypes: z.array(z.string()),
  ingress: z.array(z.strictObject({ from: peers, ports })).default([]),
  egress: z.array(z.strictObject({ to: peers, ports })).default([]),
});

const policies = manifestsIn(texts)
  .filter(({ kind }) => kind === 'NetworkPolicy')
  .map(({ spec }) => networkPolicy.parse(spec));

function selects({ matchLabels, matchExpressions }: z.infer<typeof selector>, app: string): boolean {
  const labels = new Map([['app', app]]);
  return (
    Object.entries(matchLabels).every(([name, value]) => labels.get(name) === value) &&
    matchExpressions.every(({ key, values }) => values.includes(labels.get(key) ?? ''))
  );
}

/** As Kubernetes decides: where a policy selects a pod, what none of them allows is refused; both sides must agree. */
function connects(from: string, to: string, port: number): boolean {
  const here = (side: z.infer<typeof peers>, app: string) =>
    side.some(
      ({ podSelector, namespaceSelector }) =>
        namespaceSelector === undefined && podSelector !== undefined && selects(podSelector, app),
    );
  const open = (said: z.infer<typeof ports>) => said?.some((each) => each.port === port) ?? true;
  const at = (app: string, type: string) =>
    policies.filter((policy) => policy.policyTypes.includes(type) && selects(policy.podSelector, app));
  const out = at(from, 'Egress').flatMap(({ egress }) => egress);
  const into = at(to, 'Ingress').flatMap(({ ingress }) => ingress);
  return (
    out.some((rule) => here(rule.to, to) && open(rule.ports)) &&
    into.some((rule) => here(rule.from, from) && open(rule.ports))
  );
}

/** Whether Istio's policy of a workload grants a caller anything but health and reflection. */
function isGranted(caller: string, workload: string): boolean {
  return calls
    .filter(({ name, spec }) => name === workload && spec.selector !== undefined)
    .flatMap(({ spec }) => spec.rules)
    .filter(({ from = [] }) =>
      from.some(({ source }) => source.principals?.some((each) => each.endsWith(`/sa/${caller}`))),
    )
    .some(({ to = [] }) => to.some(({ operation }) => operation.paths?.some((path) => !path.startsWith('/grpc.'))));
}

const names = [...model.workloads.map(({ name }) => name), 'stranger'];
const pairs = names.flatMap((from) =>
  names.filter((to) => to !== from && to !== 'stranger' && to !== 'operator').map((to) => [from, to] as const),
);

test('who may open a connection is who was granted a call, on the port that is served and no other', () => {
  const connected = pairs.filter(([from, to]) => connects(from, to, settings.portOf(to)));
  expect(connected).toEqual(pairs.filter(([from, to]) => isGranted(from, to)));
  expect(connected.length).toBeGreaterThan(10);
  expect(connected.length).toBeLessThan(pairs.length);
  expect(pairs.filter(([from, to]) => connects(from, to, 22))).toEqual([]);
});

test('nothing comes into a pod that only calls, and clients from outside come to the gateway alone', () => {
  expect(names.filter((from) => connects(from, 'operator', 50_051))).toEqual([]);
  const fromOutside = policies.filter(({ ingress }) =>
    ingress.some(({ from }) => from.some(({ namespaceSelector }) => namespaceSelector !== undefined)),
  );
  expect(fromOutside.map(({ podSelector }) => podSelector.matchLabels)).toEqual([{ app: 'gateway' }]);
});

test('every pod may ask for names and its certificate, and services alone reach engines', () => {
  const outside = (app: string) =>
    policies
      .filter((policy) => selects(policy.podSelector, app))
      .flatMap(({ egress }) => egress)
      .flatMap(({ to }) => to.flatMap(({ namespaceSelector }) => Object.values(namespaceSelector?.matchLabels ?? {})));
  expect(outside('stranger')).toEqual(['kube-system', 'istio-system']);
  expect(outside('operator')).toEqual(['kube-system', 'istio-system']);
  expect(outside('cart')).toEqual(['kube-system', 'istio-system', 'true']);
});
