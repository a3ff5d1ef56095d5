import { spiffeIdOf } from '#platform/identity/spiffe.ts';
import type { MeshModel } from '../model.ts';
import type { RenderSettings } from '../render.ts';

/** A Kubernetes object, as YAML has it. */
export type Manifest = { readonly kind: string; readonly [field: string]: unknown };

/** Health and reflection alone are no reason to connect: who was granted nothing else asks nobody. */
export function connectsTo(model: MeshModel, workload: string): readonly string[] {
  const methods = model.methods.filter(({ servedBy, essential }) => !essential && servedBy.includes(workload));
  const granted = new Set(methods.flatMap(({ policy }) => policy.callers));
  return model.workloads.map(({ name }) => name).filter((name) => granted.has(name) && name !== workload);
}

/** What the certificate of a workload says, as policies of Istio write it: without "spiffe://". */
export function principalOf(workload: string, { kubernetes }: RenderSettings): string {
  return spiffeIdOf(kubernetes, workload).slice('spiffe://'.length);
}

/** The name of a workload's Service, in full. */
export function hostOf(workload: string, { kubernetes: { namespace } }: RenderSettings): string {
  return `${workload}.${namespace}.svc.cluster.local`;
}

/** Where sidecars read the keys that access tokens are signed with: at the first edge. */
export function keysUri(edge: string, settings: RenderSettings): string {
  return `http://${hostOf(edge, settings)}:${settings.portOf(edge)}${settings.edge.keys}`;
}

/** "2s" or "1500ms", as Kubernetes and Istio write durations. */
export function duration(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
