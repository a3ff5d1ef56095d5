import { authorizationOf, edgeAuthorization, strictMesh, tokensOf } from './security.ts';
import { destinationOf, edgeRoutes, routesOf } from './traffic.ts';
import type { MeshModel, Workload } from '../model.ts';
import type { Rendered, Renderer, RenderSettings } from '../render.ts';
import { sourceText } from '../source.ts';
import { yamlFile } from '../yaml.ts';

/**
 * The plane of Istio, a file a workload. istiod must have PILOT_JWT_ENABLE_REMOTE_JWKS=hybrid: the keys of tokens are read from inside
 * the mesh, where it has no certificate, so the sidecars fetch them.
 */
export const renderIstio: Renderer = (model, settings) => [
  {
    path: 'istio/mesh.yaml',
    text: yamlFile(
      'What holds for every workload of the namespace. From the contracts: npm run generate.',
      strictMesh(settings),
    ),
  },
  ...model.workloads.flatMap((workload) => {
    const manifests = manifestsOf(model, settings, workload);
    return manifests.length === 0 ? [] : [file(settings, 'istio', workload, manifests)];
  }),
];

/**
 * What a next version of the contracts would refuse, for Istio to count before it does: its policies as a dry run, beside those in force.
 * See "shadow_allowed" and "shadow_denied" in the metrics of the sidecars.
 */
export function renderDryRun(next: MeshModel, settings: RenderSettings): readonly Rendered[] {
  return next.workloads
    .filter(({ kind }) => kind === 'service')
    .map((workload) =>
      file(settings, 'istio-dry-run', workload, [
        authorizationOf(next, settings, { workload: workload.name, dryRun: true }),
      ]),
    );
}

function manifestsOf(model: MeshModel, settings: RenderSettings, { name, kind }: Workload) {
  switch (kind) {
    case 'service':
      return [
        tokensOf(model, settings, name),
        authorizationOf(model, settings, { workload: name, dryRun: false }),
        routesOf(model, settings, name),
        destinationOf(settings, name),
      ].filter((manifest) => manifest !== undefined);
    case 'edge':
      return [
        edgeAuthorization(model, settings, name),
        destinationOf(settings, name),
        ...edgeRoutes(model, settings, name),
      ];
    case 'client':
      return []; // nobody calls it, and the deny by default holds for it too
  }
}

function file(
  settings: RenderSettings,
  folder: string,
  { name, source }: Workload,
  manifests: Parameters<typeof yamlFile>[1],
): Rendered {
  const heading = `${name}: ${sourceText(source, settings.protoRoot)}. From the contracts: npm run generate.`;
  return { path: `${folder}/${name}.yaml`, text: yamlFile(heading, manifests) };
}
