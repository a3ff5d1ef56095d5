import { spiffeIdOf } from '#platform/identity/spiffe.ts';
import { nodeFolder, runFolder, typeUrl } from './names.ts';
import { inline, yamlFile } from '../yaml.ts';
import type { Rendered, RenderSettings } from '../render.ts';

/** The files by which a node finds its certificates, one a secret, which is what Envoy reads from a file. */
export function secretFiles(folder: string, workloads: readonly string[]): readonly Rendered[] {
  return [...workloads, 'ca'].map((name) => ({
    path: `${folder}/secrets/${name}.yaml`,
    text: yamlFile(
      name === 'ca'
        ? 'Whose certificates count. A new file takes effect when it is renamed into its place.'
        : `The certificate of ${name}. A new one takes effect when it is renamed into its place, the key first.`,
      [{ resources: [name === 'ca' ? authority() : certificate(name)] }],
    ),
  }));
}

function certificate(workload: string): object {
  const folder = `${runFolder}/${workload}`;
  return {
    '@type': typeUrl('extensions.transport_sockets.tls.v3.Secret'),
    name: workload,
    tls_certificate: {
      certificate_chain: inline({ filename: `${folder}/cert.pem` }),
      private_key: inline({ filename: `${folder}/key.pem` }),
      watched_directory: inline({ path: folder }),
    },
  };
}

function authority(): object {
  return {
    '@type': typeUrl('extensions.transport_sockets.tls.v3.Secret'),
    name: 'ca',
    validation_context: {
      trusted_ca: inline({ filename: `${runFolder}/ca.pem` }),
      watched_directory: inline({ path: runFolder }),
    },
  };
}

/** Takes connections under a workload's certificate, from those alone who show one of the mesh's authority. */
export function serverTls(node: string, workload: string): object {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': typeUrl('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
      require_client_certificate: true,
      // A resumed session would outlive the certificate that it began with.
      disable_stateless_session_resumption: true,
      disable_stateful_session_resumption: true,
      common_tls_context: {
        ...common(node, workload),
        validation_context_sds_secret_config: secret(node, 'ca'),
      },
    },
  };
}

/** Connects under a workload's certificate to the peer whose SPIFFE ID the other side must show. */
export function clientTls(node: string, settings: RenderSettings, workload: string, peer: string): object {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': typeUrl('extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
      max_session_keys: 0,
      common_tls_context: {
        ...common(node, workload),
        combined_validation_context: {
          default_validation_context: {
            match_typed_subject_alt_names: [
              inline({ san_type: 'URI', matcher: { exact: spiffeIdOf(settings.local, peer) } }),
            ],
          },
          validation_context_sds_secret_config: secret(node, 'ca'),
        },
      },
    },
  };
}

function common(node: string, workload: string): object {
  return {
    tls_params: inline({ tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' }),
    alpn_protocols: inline(['h2']),
    tls_certificate_sds_secret_configs: [secret(node, workload)],
  };
}

function secret(node: string, name: string): object {
  const folder = `${nodeFolder(node)}/secrets`;
  return {
    name,
    sds_config: inline({
      resource_api_version: 'V3',
      path_config_source: { path: `${folder}/${name}.yaml`, watched_directory: { path: folder } },
    }),
  };
}
