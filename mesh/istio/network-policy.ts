import { connectsTo, type Manifest } from './names.ts';
import { edgesOf, type MeshModel } from '../model.ts';
import type { RenderSettings } from '../render.ts';
import { before, inline } from '../yaml.ts';

/** A namespace that wears this label holds engines, such as databases: services may connect to all that is in it. */
const enginesLabel = { 'only2u/engines': 'true' };

/**
 * What holds for every pod of the namespace: it may ask for names and for its certificate, and else nothing comes in or goes out.
 * Policies add up: what a workload may do besides stands in its own.
 */
export function networkPolicies(model: MeshModel, settings: RenderSettings): readonly Manifest[] {
  const services = model.workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name);
  return [
    policy(settings, 'mesh', {
      podSelector: inline({}),
      policyTypes: inline(['Ingress', 'Egress']),
      egress: [
        before('names', {
          to: [{ ...inNamespace('kube-system'), podSelector: { matchLabels: inline({ 'k8s-app': 'kube-dns' }) } }],
          ports: [inline({ protocol: 'UDP', port: 53 }), inline({ protocol: 'TCP', port: 53 })],
        }),
        before('istiod: certificates and configuration', {
          to: [{ ...inNamespace('istio-system'), podSelector: { matchLabels: inline({ app: 'istiod' }) } }],
          ports: [inline({ protocol: 'TCP', port: 15_012 })],
        }),
      ],
    }),
    policy(settings, 'engines', {
      podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: inline(services) }] },
      policyTypes: inline(['Egress']),
      egress: [{ to: [{ namespaceSelector: { matchLabels: inline(enginesLabel) } }] }],
    }),
  ];
}

/** Who may connect to a workload, and where it may connect to: as the contracts grant calls, health and reflection aside. */
export function networkPolicyOf(model: MeshModel, settings: RenderSettings, workload: string): Manifest {
  const edges = edgesOf(model);
  const services = model.workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name);
  const isEdge = edges.includes(workload);
  const callers = isEdge ? services : connectsTo(model, workload);
  const peers = model.workloads.map(({ name }) => name).filter((name) => connectsTo(model, name).includes(workload));
  const keysAt = services.includes(workload) ? edges.slice(0, 1) : [];
  const port = (name: string) => ({ ports: [inline({ protocol: 'TCP', port: settings.portOf(name) })] });
  const { namespace, labels } = settings.ingress;
  const ingress = [
    ...(isEdge
      ? [
          before('clients from outside', {
            from: [{ ...inNamespace(namespace), podSelector: { matchLabels: inline(labels) } }],
            ...port(workload),
          }),
        ]
      : []),
    ...(callers.length > 0
      ? [
          before(isEdge ? 'sidecars, for the keys of tokens' : 'who was granted a call', {
            from: [{ podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: inline(callers) }] } }],
            ...port(workload),
          }),
        ]
      : []),
  ];
  const egress = [...peers, ...keysAt].map((name) => ({
    to: [{ podSelector: { matchLabels: inline({ app: name }) } }],
    ...port(name),
  }));
  return policy(settings, workload, {
    podSelector: { matchLabels: inline({ app: workload }) },
    policyTypes: inline(['Ingress', 'Egress']),
    ...(ingress.length > 0 && { ingress }),
    ...(egress.length > 0 && { egress }),
  });
}

function policy({ kubernetes: { namespace } }: RenderSettings, name: string, spec: object): Manifest {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: inline({ name, namespace }), spec };
}

function inNamespace(name: string): object {
  return { namespaceSelector: { matchLabels: inline({ 'kubernetes.io/metadata.name': name }) } };
}
