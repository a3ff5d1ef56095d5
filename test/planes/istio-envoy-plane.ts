import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '#platform/free-port.ts';
import type { Plane } from '../../mesh/matrix.ts';
import type { RenderSettings } from '../../mesh/render.ts';
import { createAsker } from './asking.ts';
import { startEnvoy } from './envoys.ts';
import { type Sidecar, translate } from './istio-translation.ts';
import type { World } from './world.ts';

export type IstioEnvoyPlaneOptions = {
  /** The Envoy to start. */
  readonly binary: string;
  /** Istio's YAML, for the trust domain and namespace that the world's certificates are of. */
  readonly texts: readonly string[];
  readonly workloads: readonly string[];
  readonly settings: Pick<RenderSettings, 'local' | 'portOf'>;
  readonly world: World;
};

const type = (name: string) => `type.googleapis.com/envoy.${name}`;

/**
 * What Istio's own code makes of some YAML, in a real Envoy: a listener for each workload with the filters that decide. Whoever comes past them is
 * told OK. The keys of tokens are put into the YAML, since nobody serves them here.
 */
export async function openIstioEnvoyPlane(options: IstioEnvoyPlaneOptions): Promise<Plane> {
  const { binary, workloads, settings, world } = options;
  const texts = options.texts.map((text) => text.replace(/jwksUri: .*/, `jwks: '${world.keys}'`));
  const { portOf } = settings;
  const { sidecars } = await translate({ texts, ...settings.local, workloads, portOf });
  const ports = await freePorts(workloads.length);
  const listeners = [...sidecars].map(([workload, sidecar], index) =>
    listenerOf(workload, { sidecar, port: ports[index] ?? 0, world }),
  );
  const folder = await world.folder();
  const admin = { address: { pipe: { path: join(folder, 'admin.sock') } } };
  await writeFile(join(folder, 'bootstrap.yaml'), JSON.stringify({ admin, static_resources: { listeners } }));
  const envoy = startEnvoy(binary, folder);
  try {
    await envoy.ready();
  } catch (error) {
    await envoy.close();
    throw error;
  }
  const asker = createAsker(world, (workload) => ports[workloads.indexOf(workload)] ?? 0);
  return {
    name: 'Istio, in Envoy',
    ask: asker.ask,
    async close() {
      asker.close();
      await envoy.close();
    },
  };
}

type Placed = { readonly sidecar: Sidecar; readonly port: number; readonly world: World };

function listenerOf(name: string, { sidecar, port, world }: Placed): object {
  const { ca, cert, key } = world.certificateOf(name);
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        transport_socket: {
          name: 'tls',
          typed_config: {
            '@type': type('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
            require_client_certificate: sidecar.strict,
            common_tls_context: {
              alpn_protocols: ['h2'],
              tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
              validation_context: { trusted_ca: { inline_string: ca } },
            },
          },
        },
        filters: [{ name: 'http', typed_config: httpConnectionManager(sidecar) }],
      },
    ],
  };
}

function httpConnectionManager({ filters }: Sidecar): object {
  const ok = [
    { header: { key: 'grpc-status', value: '0' } },
    { header: { key: 'content-type', value: 'application/grpc' } },
  ];
  const routes = [{ match: { prefix: '/' }, direct_response: { status: 200 }, response_headers_to_add: ok }];
  return {
    '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'inbound',
    codec_type: 'HTTP2',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [
      ...filters,
      { name: 'router', typed_config: { '@type': type('extensions.filters.http.router.v3.Router') } },
    ],
  };
}
