import { appClusters, edgeAppCluster, keysCluster, peerClusterOf } from './clusters.ts';
import { edgeListener } from './edge.ts';
import { inboundListener } from './inbound.ts';
import { edgeNode, nodeFolder, oneNode, peerCluster } from './names.ts';
import { outboundListener, peersOf } from './outbound.ts';
import { secretFiles } from './tls.ts';
import { inline, type YamlDocument, yamlFile } from '../yaml.ts';
import { edgesOf, type MeshModel } from '../model.ts';
import type { Rendered, RenderSettings } from '../render.ts';

/** What one Envoy process does: the workloads that it stands beside, and whether it is the edge. */
type EnvoyNode = { readonly name: string; readonly workloads: readonly string[]; readonly edge: boolean };

/**
 * Real Envoys for one machine, in two forms: one process that does it all, or a sidecar for each workload and one at the edge. With `next`, a
 * policy to come, each counts beside its own rules what those would refuse.
 */
export function renderEnvoy(model: MeshModel, settings: RenderSettings, next?: MeshModel): readonly Rendered[] {
  const names = model.workloads.map(({ name }) => name);
  const sidecars = names.map((name) => ({ name, workloads: [name], edge: false }));
  return [
    ...renderNode('envoy/one', { name: oneNode, workloads: names, edge: true }, model, settings, next),
    ...[...sidecars, { name: edgeNode, workloads: [], edge: true }].flatMap((node) =>
      renderNode(`envoy/sidecars/${node.name}`, node, model, settings, next),
    ),
  ];
}

function renderNode(
  folder: string,
  { name: node, workloads, edge }: EnvoyNode,
  model: MeshModel,
  settings: RenderSettings,
  next: MeshModel | undefined,
): readonly Rendered[] {
  const serving = workloads.filter((each) =>
    model.workloads.some(({ name, kind }) => name === each && kind === 'service'),
  );
  const edges = edge ? edgesOf(model) : [];
  const listeners = [
    ...serving.map((workload) => inboundListener(workload, { node, model, settings, next })),
    ...workloads.map((workload) => outboundListener(workload, model, settings)),
    ...edges.map((each) => edgeListener(each, model, settings)),
  ];
  const clusters = [
    ...serving.flatMap((workload) => appClusters(workload, model, settings)),
    ...workloads.flatMap((caller) => peersOf(model, caller).map((peer) => peerClusterOf(node, caller, peer, settings))),
    ...edges.map((each) => edgeAppCluster(peerCluster(edgeNode, each), each, settings)),
    ...(serving.length + edges.length > 0 ? edgesOf(model).map((each) => keysCluster(each, settings)) : []),
  ];
  const file = (name: string, what: string, value: YamlDocument): Rendered => ({
    path: `${folder}/${name}.yaml`,
    text: yamlFile(`${what}\nRendered from the contracts; see mesh/envoy/names.ts for names, files and statistics.`, [
      value,
    ]),
  });
  return [
    file('bootstrap', `The Envoy "${node}": where it finds all the rest.`, bootstrap(node)),
    file('listeners', `What the Envoy "${node}" takes, and from whom.`, { resources: listeners }),
    file('clusters', `Whom the Envoy "${node}" reaches.`, { resources: clusters }),
    ...(workloads.length > 0 ? secretFiles(folder, workloads) : []),
  ];
}

function bootstrap(node: string): YamlDocument {
  const folder = nodeFolder(node);
  const watched = (name: string) => ({
    resource_api_version: 'V3',
    path_config_source: inline({ path: `${folder}/${name}.yaml`, watched_directory: { path: folder } }),
  });
  return {
    node: inline({ id: node, cluster: 'mesh' }),
    admin: { address: inline({ pipe: { path: `${folder}/admin.sock`, mode: 0o600 } }) },
    dynamic_resources: { lds_config: watched('listeners'), cds_config: watched('clusters') },
    overload_manager: {
      resource_monitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: inline({
            '@type':
              'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
            max_active_downstream_connections: 20_000,
          }),
        },
      ],
    },
  };
}
