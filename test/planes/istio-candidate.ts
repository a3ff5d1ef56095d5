import type { Rendered, RenderSettings } from '../../mesh/render.ts';
import { type Candidate, type CandidateOptions, changeOne } from './candidates.ts';
import { openIstioEnvoyPlane } from './istio-envoy-plane.ts';
import { translate } from './istio-translation.ts';

/** Istio itself: what its own code makes of the rendered YAML, in a real Envoy. Needs what `buildTranslation` builds. */
export function istioItself({ model, settings, world, rendered, envoy }: CandidateOptions): Candidate {
  const serving = model.workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name);
  const files = rendered.filter(({ path }) => path.startsWith('istio/'));
  const open = (some: readonly Rendered[], workloads: readonly string[]) =>
    openIstioEnvoyPlane({
      binary: envoy,
      texts: some.map(({ text }) => here(text, settings)),
      workloads,
      settings,
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

/** The YAML as it would be for one machine, whose certificates the world has. */
function here(text: string, { kubernetes, local }: RenderSettings): string {
  return text
    .replaceAll(`${kubernetes.trustDomain}/ns/${kubernetes.namespace}/`, `${local.trustDomain}/ns/${local.namespace}/`)
    .replaceAll(`namespace: ${kubernetes.namespace}`, `namespace: ${local.namespace}`);
}

/** What of the times and attempts that Istio gives sidecars is not as the contracts say. */
export async function wrongRoutes({ model, settings, rendered, world }: CandidateOptions): Promise<readonly string[]> {
  const { trustDomain, namespace } = settings.kubernetes;
  const { routes } = await translate({
    texts: rendered
      .filter(({ path }) => path.startsWith('istio/'))
      .map(({ text }) => text.replace(/jwksUri: .*/, `jwks: '${world.keys}'`)),
    trustDomain,
    namespace,
    workloads: model.workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name),
    portOf: settings.portOf,
  });
  return model.methods.flatMap((method) =>
    method.servedBy.flatMap((workload) => {
      const path = `/${method.path}`;
      const found = routes
        .get(`${workload}.${namespace}.svc.cluster.local`)
        ?.find(({ match }) => match.path === path || (match.prefix !== undefined && path.startsWith(match.prefix)));
      const says = timesText(seconds(found?.route.timeout), (found?.route.retryPolicy?.numRetries ?? 0) + 1);
      const expected = timesText((method.policy.timeoutMs ?? 0) / 1_000, method.policy.attempts);
      return says === expected ? [] : [`${path} at ${workload}: ${says}, not ${expected}`];
    }),
  );
}

function seconds(duration: string | undefined): number {
  return Number.parseFloat(duration ?? 'none');
}

function timesText(timeout: number, attempts: number): string {
  return `${timeout === 0 ? 'no timeout' : `${timeout} s`}, ${attempts} attempts`;
}
