import { appCluster, behindTheEdge, peerCluster, seconds, socketOf, typeUrl } from './names.ts';
import { clientTls } from './tls.ts';
import { before, inline, said } from '../yaml.ts';
import { type MeshModel, servedBy } from '../model.ts';
import type { RenderSettings } from '../render.ts';
import { resilience } from '../resilience.ts';
import { sourceText } from '../source.ts';

/** A workload's own process, and a cluster for each of its methods that may only be called so often at a time. */
export function appClusters(workload: string, model: MeshModel, { protoRoot }: RenderSettings): readonly object[] {
  const bounded = servedBy(model, workload).filter(({ policy }) => policy.concurrency > 0);
  const app = (name: string, atOnce: object) =>
    cluster(name, inline({ pipe: { path: socketOf(workload, 'app') } }), {
      typed_extension_protocol_options: http2Only(),
      circuit_breakers: atOnce,
    });
  return [
    app(appCluster(workload), breaker(resilience.maxRequests)),
    ...bounded.map((method) =>
      app(
        appCluster(workload, method.path),
        before(sourceText(method.sourceOf('concurrency'), protoRoot), breaker(method.policy.concurrency)),
      ),
    ),
  ];
}

/** A peer, under the caller's certificate: asked whether it is well, left alone while it fails. */
export function peerClusterOf(node: string, caller: string, peer: string, settings: RenderSettings): object {
  return cluster(
    peerCluster(caller, peer),
    inline({ socket_address: { address: '127.0.0.1', port_value: settings.portOf(peer) } }),
    {
      typed_extension_protocol_options: http2Only(inline({ interval: '30s', timeout: '5s' })),
      common_lb_config: said(
        { healthy_panic_threshold: { value: 0 } },
        'who is not well gets no traffic, even if nobody is',
      ),
      health_checks: [
        {
          timeout: '1s',
          interval: '2s',
          unhealthy_interval: '0.5s',
          no_traffic_interval: '1s',
          no_traffic_healthy_interval: '5s',
          unhealthy_threshold: 2,
          healthy_threshold: 1,
          grpc_health_check: inline({ authority: peer }),
        },
      ],
      outlier_detection: {
        // An answer that says "internal" is an answer: silence, refused connections and UNAVAILABLE count.
        consecutive_gateway_failure: resilience.outlier.consecutiveFailures,
        enforcing_consecutive_gateway_failure: 100,
        enforcing_consecutive_5xx: 0,
        enforcing_success_rate: 0,
        interval: seconds(resilience.outlier.intervalMs),
        base_ejection_time: seconds(resilience.outlier.baseEjectionMs),
        max_ejection_time: '30s',
        max_ejection_percent: resilience.outlier.maxEjectionPercent,
      },
      circuit_breakers: breaker(
        resilience.maxRequests,
        inline({
          budget_percent: { value: resilience.retryBudget.percent },
          min_retry_concurrency: resilience.retryBudget.atLeast,
        }),
      ),
      transport_socket: clientTls(node, settings, caller, peer),
    },
  );
}

/** The edge's own process, which speaks HTTP/1.1 and HTTP/2 without TLS on the loopback: `name` says what for. */
export function edgeAppCluster(name: string, edge: string, settings: RenderSettings): object {
  return cluster(
    name,
    inline({ socket_address: { address: '127.0.0.1', port_value: settings.portOf(edge) + behindTheEdge } }),
    {
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': typeUrl('extensions.upstreams.http.v3.HttpProtocolOptions'),
          use_downstream_protocol_config: inline({ http_protocol_options: {}, http2_protocol_options: {} }),
        },
      },
      circuit_breakers: breaker(10_000),
    },
  );
}

/** Where the keys come from that tell good tokens from bad ones. */
export function keysCluster(edge: string, settings: RenderSettings): object {
  return cluster(
    'jwks',
    inline({ socket_address: { address: '127.0.0.1', port_value: settings.portOf(edge) + behindTheEdge } }),
    {},
  );
}

function cluster(name: string, address: object, options: object): object {
  return {
    '@type': typeUrl('config.cluster.v3.Cluster'),
    name,
    type: 'STATIC',
    connect_timeout: seconds(resilience.connectTimeoutMs),
    per_connection_buffer_limit_bytes: 1_048_576,
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [inline({ endpoint: { address } })] }],
    },
    ...options,
  };
}

function http2Only(keepalive?: object): object {
  return {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': typeUrl('extensions.upstreams.http.v3.HttpProtocolOptions'),
      explicit_http_config: inline({
        http2_protocol_options: keepalive === undefined ? {} : { connection_keepalive: keepalive },
      }),
    },
  };
}

function breaker(atOnce: number, retryBudget?: unknown): object {
  return {
    thresholds: [
      {
        max_connections: atOnce,
        max_pending_requests: atOnce,
        max_requests: atOnce,
        retry_budget: retryBudget,
        track_remaining: true,
      },
    ],
  };
}
