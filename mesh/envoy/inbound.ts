import { grpcCodes, grpcStats, httpChain, localReplies, router, whenRefusedBy, whenStatus } from './http.ts';
import { countedBy, isLimited, limitedRoute, limitsFilter } from './limits.ts';
import { appCluster, typeUrl } from './names.ts';
import { callersFilter, rolesFilter, tokenFilter } from './rules.ts';
import { serverTls } from './tls.ts';
import { before, inline } from '../yaml.ts';
import { type MeshModel, type Method, servedBy } from '../model.ts';
import type { RenderSettings } from '../render.ts';
import { sourceText } from '../source.ts';

export type InboundOptions = {
  readonly node: string;
  readonly model: MeshModel;
  readonly settings: RenderSettings;
  /** A policy to come, of which only is counted what it would refuse. */
  readonly next: MeshModel | undefined;
};

/** What stands before a workload: everything that comes to it from the mesh. The order of the filters is the contract's. */
export function inboundListener(workload: string, { node, model, settings, next }: InboundOptions): object {
  const methods = servedBy(model, workload);
  const name = `inbound_${workload}`;
  const limits = limitsFilter(name, methods, ['caller']);
  const explain = 'npm run mesh -- explain %DOWNSTREAM_PEER_URI_SAN% %PATH(NQ)%';
  const filters: unknown[] = [
    callersFilter(model, workload, settings, next),
    tokenFilter(model, workload, settings),
    rolesFilter(model, workload, settings, next),
    limits && nameCaller,
    limits,
    grpcStats,
    router,
  ].filter((filter) => filter !== undefined);
  return {
    '@type': typeUrl('config.listener.v3.Listener'),
    name,
    address: inline({ socket_address: { address: '127.0.0.1', port_value: settings.portOf(workload) } }),
    per_connection_buffer_limit_bytes: 1_048_576,
    filter_chains: [
      httpChain(
        name,
        {
          codec_type: 'HTTP2',
          http2_protocol_options: inline({ max_concurrent_streams: 1_000 }),
          common_http_protocol_options: inline({
            idle_timeout: '600s',
            max_connection_duration: '1800s', // so that nobody goes on for long under a certificate that is over
          }),
          stream_idle_timeout: '0s', // who calls bounds the call, and the process once more
          forward_client_cert_details: 'SANITIZE_SET',
          set_current_client_cert_details: inline({ uri: true }),
          local_reply_config: localReplies([
            {
              when: whenRefusedBy('roles_'),
              text: `The user has none of the roles that %PATH(NQ)% asks for. Ask which: ${explain}`,
            },
            {
              when: whenStatus(403),
              text: `%DOWNSTREAM_PEER_URI_SAN% may not call %PATH(NQ)% of ${workload}: no contract grants it. Ask why: ${explain}`,
            },
            {
              when: whenStatus(401),
              text: '%LOCAL_REPLY_BODY%. Sign in and send the access token as "authorization: Bearer …".',
            },
            ...grpcCodes,
          ]),
          route_config: {
            name,
            virtual_hosts: [
              {
                name: workload,
                domains: inline(['*']),
                request_headers_to_remove: limits && inline([countedBy.caller]),
                routes: [
                  ...methods
                    .filter((method) => method.policy.concurrency > 0 || isLimited(method, ['caller']))
                    .map((method) => ownRoute(workload, method, settings)),
                  inline({ match: { prefix: '/' }, route: { cluster: appCluster(workload), timeout: '0s' } }),
                ],
              },
            ],
          },
          http_filters: filters,
        },
        serverTls(node, workload),
      ),
    ],
  };
}

/** The route of a method that has a cluster or a limit of its own. */
function ownRoute(workload: string, method: Method, settings: RenderSettings): object {
  const bounded = method.policy.concurrency > 0;
  return before(sourceText(method.sourceOf(bounded ? 'concurrency' : 'rate_limits'), settings.protoRoot), {
    match: inline({ path: `/${method.path}` }),
    route: {
      cluster: appCluster(workload, bounded ? method.path : undefined),
      timeout: '0s',
    },
    typed_per_filter_config: limitedRoute(`inbound_${workload}`, method, ['caller'], settings),
  });
}

/** Puts the caller's SPIFFE ID where the limits can count by it; what the caller itself wrote there is replaced. */
const nameCaller: object = {
  name: 'envoy.filters.http.header_mutation',
  typed_config: {
    '@type': typeUrl('extensions.filters.http.header_mutation.v3.HeaderMutation'),
    mutations: {
      request_mutations: [
        inline({
          append: {
            header: { key: countedBy.caller, value: '%DOWNSTREAM_PEER_URI_SAN%' },
            append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
          },
        }),
      ],
    },
  },
};
