import type { Rendered } from '../../mesh/render.ts';
import { type Candidate, type CandidateOptions, changeOne } from './candidates.ts';
import { openIstioEnvoyPlane } from './istio-envoy-plane.ts';

/** Istio itself: what its own code makes of the rendered YAML, in a real Envoy. Needs what `buildTranslation` builds. */
export function istioItself({ model, settings, world, rendered, envoy }: CandidateOptions): Candidate {
  const serving = model.workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name);
  const files = rendered.filter(({ path }) => path.startsWith('istio/'));
  // The world's certificates are those of one machine.
  const here = (text: string) =>
    text
      .replaceAll(
        `${settings.kubernetes.trustDomain}/ns/${settings.kubernetes.namespace}/`,
        `${settings.local.trustDomain}/ns/${settings.local.namespace}/`,
      )
      .replaceAll(`namespace: ${settings.kubernetes.namespace}`, `namespace: ${settings.local.namespace}`);
  const open = (some: readonly Rendered[], workloads: readonly string[]) =>
    openIstioEnvoyPlane({
      binary: envoy,
      texts: some.map(({ text }) => here(text)),
      workloads,
      names: settings.local,
      world,
    });
  const changed = (what: string, workload: string, path: string, change: (text: string) => string) => ({
    what,
    workload,
    open: () => open(changeOne(files, path, change), [workload]),
  });
  return {
    name: 'Istio itself, in Envoy',
    tellsRefusalsApart: false,
    open: () => open(files, serving),
    breaks: [
      changed('a principal more', 'payment', 'istio/payment.yaml', (text) =>
        text.replace(/( +- cluster.local.*\/)order\n(?= +to:)/, '$1order\n$1cart\n'),
      ),
      changed('no role needed', 'coupon', 'istio/coupon.yaml', (text) =>
        text.replace(/ +when:\n.*\n +values: .*\n/, ''),
      ),
      changed('no user needed', 'order', 'istio/order.yaml', (text) => text.replace(/ +requestPrincipals: .*\n/, '')),
      changed('PERMISSIVE', 'cart', 'istio/mesh.yaml', (text) => text.replace('STRICT', 'PERMISSIVE')),
      changed('the policy of another', 'product', 'istio/product.yaml', (text) =>
        text.replace(/(kind: AuthorizationPolicy[^]*?app: )product/, '$1products'),
      ),
    ],
  };
}
