import { grpcStats, httpManager, localReplies, router, whenFlag, whenStatus } from './http.ts';
import { countedBy, limitedRoute, limitsFilter } from './limits.ts';
import { peerCluster, seconds, typeUrl } from './names.ts';
import { tokenProvider } from './rules.ts';
import { before, inline } from '../yaml.ts';
import { type MeshModel, type Method, openAt } from '../model.ts';
import type { RenderSettings } from '../render.ts';
import { sourceText } from '../source.ts';

/** What a client might write to pass for somebody else: gone before anything looks at it. */
const spoofable = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'forwarded',
  'x-real-ip',
  'x-only2u-address',
  'x-only2u-user-agent',
  ...Object.values(countedBy),
];

const slackMs = 1_000; // the process behind gives up first, and says so in the client's own protocol

/** The methods that the contract opens to clients from outside. */
export function openMethods(model: MeshModel, edge: string): readonly Method[] {
  return model.methods.filter((method) => openAt(model, method).includes(edge));
}

/** Where clients from outside come in. */
export function edgeListener(edge: string, model: MeshModel, settings: RenderSettings): object {
  const methods = openMethods(model, edge);
  const cluster = peerCluster('edge', edge);
  const longestMs = Math.max(60_000, ...methods.map(({ policy }) => policy.timeoutMs ?? 0));
  const limits = limitsFilter('edge', methods, ['address', 'user']);
  const filters: unknown[] = [limits && countUsers(settings), limits, grpcStats, router].filter(
    (filter) => filter !== undefined,
  );
  return {
    '@type': typeUrl('config.listener.v3.Listener'),
    name: 'edge',
    address: inline({ socket_address: { address: '127.0.0.1', port_value: settings.portOf(edge) } }),
    per_connection_buffer_limit_bytes: 65_536,
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.connection_limit',
            typed_config: inline({
              '@type': typeUrl('extensions.filters.network.connection_limit.v3.ConnectionLimit'),
              stat_prefix: 'edge',
              max_connections: 10_000,
            }),
          },
          httpManager('edge', {
            codec_type: 'AUTO',
            server_header_transformation: 'PASS_THROUGH',
            use_remote_address: true,
            early_header_mutation_extensions: [forget],
            normalize_path: true,
            merge_slashes: false,
            path_with_escaped_slashes_action: 'REJECT_REQUEST',
            max_request_headers_kb: 16,
            request_headers_timeout: '10s',
            request_timeout: seconds(longestMs),
            common_http_protocol_options: inline({
              idle_timeout: '65s',
              max_headers_count: 100,
              headers_with_underscores_action: 'REJECT_REQUEST',
            }),
            http2_protocol_options: inline({
              max_concurrent_streams: 100,
              initial_stream_window_size: 65_536,
              initial_connection_window_size: 1_048_576,
            }),
            local_reply_config: localReplies([
              {
                when: whenFlag('NR'),
                connectCode: 'unimplemented',
                text: 'There is no such method at this address. /openapi.json lists them.',
              },
              {
                when: whenStatus(429),
                connectCode: 'resource_exhausted',
                text: 'Too many calls from your address or your account. Try again later.',
              },
              {
                when: whenStatus(503),
                connectCode: 'unavailable',
                text: 'The shop does not answer now. Try again in a moment.',
              },
              { when: whenStatus(504), connectCode: 'deadline_exceeded', text: 'The shop did not answer in time.' },
            ]),
            route_config: {
              name: 'edge',
              virtual_hosts: [
                {
                  name: 'edge',
                  domains: inline(['*']),
                  request_headers_to_remove: inline([countedBy.user]),
                  routes: [
                    ...methods.map((method) => methodRoute(method, cluster, settings)),
                    ...settings.edge.pages.map((page) =>
                      inline({ match: pageMatch(page), route: { cluster, timeout: '15s' } }),
                    ),
                  ],
                },
              ],
            },
            http_filters: filters,
          }),
        ],
      },
    ],
  };
}

function methodRoute(method: Method, cluster: string, settings: RenderSettings): object {
  const { timeoutMs } = method.policy;
  const stream = method.kind !== 'unary';
  const time = timeoutMs === undefined ? '0s' : seconds(timeoutMs + slackMs);
  return before(sourceText(method.sourceOf('callers'), settings.protoRoot), {
    match: inline({ path: `/${method.path}` }),
    route: inline({
      cluster,
      timeout: stream ? '0s' : time,
      idle_timeout: stream ? time : '15s',
      max_stream_duration: stream && timeoutMs !== undefined ? { max_stream_duration: time } : undefined,
    }),
    typed_per_filter_config: limitedRoute('edge', method, ['address', 'user'], settings),
  });
}

/** A page, or all that begins as one that ends with a star. */
function pageMatch(page: string): object {
  return page.endsWith('*') ? { prefix: page.slice(0, -1) } : { path: page };
}

/** Reads who the user is, to count by. Whoever has no good token is let through: the process behind refuses, in words. */
function countUsers(settings: RenderSettings): object {
  return {
    name: 'envoy.filters.http.jwt_authn',
    typed_config: {
      '@type': typeUrl('extensions.filters.http.jwt_authn.v3.JwtAuthentication'),
      providers: {
        user: {
          ...tokenProvider(settings),
          claim_to_headers: [inline({ header_name: countedBy.user, claim_name: 'sub' })],
        },
      },
      rules: [
        inline({
          match: { prefix: '/' },
          requires: { requires_any: { requirements: [{ provider_name: 'user' }, { allow_missing_or_failed: {} }] } },
        }),
      ],
    },
  };
}

const forget: object = {
  name: 'envoy.http.early_header_mutation.header_mutation',
  typed_config: {
    '@type': typeUrl('extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation'),
    mutations: spoofable.map((remove) => inline({ remove })),
  },
};
