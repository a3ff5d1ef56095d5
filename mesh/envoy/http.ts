import { typeUrl } from './names.ts';
import { inline, said } from '../yaml.ts';

/** The last filter of every chain. */
export const router: object = {
  name: 'envoy.filters.http.router',
  typed_config: inline({
    '@type': typeUrl('extensions.filters.http.router.v3.Router'),
    suppress_envoy_headers: true,
  }),
};

/** Counts calls by method and outcome, on the cluster that they go to. */
export const grpcStats: object = {
  name: 'envoy.filters.http.grpc_stats',
  typed_config: inline({
    '@type': typeUrl('extensions.filters.http.grpc_stats.v3.FilterConfig'),
    stats_for_all_methods: true,
  }),
};

/** The chain of one listener that speaks HTTP: `options` are the connection manager's. */
export function httpChain(statPrefix: string, options: object, transportSocket?: object): object {
  return {
    filters: [{ ...httpManager(statPrefix, options) }],
    ...(transportSocket === undefined ? {} : { transport_socket: transportSocket }),
  };
}

export function httpManager(statPrefix: string, options: object): object {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': typeUrl('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
      stat_prefix: statPrefix,
      generate_request_id: false, // the gateway's, or the process's
      internal_address_config: said({}, 'nobody may steer an Envoy by x-envoy-… headers'),
      access_log: [accessLog(statPrefix)],
      ...options,
    },
  };
}

/** One line a call on standard output. Never a query, a token or a body: they may hold personal data. */
function accessLog(where: string): object {
  return {
    name: 'envoy.access_loggers.stdout',
    typed_config: {
      '@type': typeUrl('extensions.access_loggers.stream.v3.StdoutAccessLog'),
      log_format: {
        json_format: {
          time: '%START_TIME%',
          at: where,
          caller: '%DOWNSTREAM_PEER_URI_SAN%',
          method: '%PATH(NQ)%',
          code: '%GRPC_STATUS(SNAKE_STRING)%',
          http: '%RESPONSE_CODE%',
          flags: '%RESPONSE_FLAGS%',
          rule: '%RESPONSE_CODE_DETAILS%',
          ms: '%DURATION%',
          attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
          to: '%UPSTREAM_CLUSTER%',
          request: '%REQ(X-REQUEST-ID)%',
        },
      },
    },
  };
}

/** A reply of Envoy's own, in words that say what to do. `when` is a filter of access logs. */
export type LocalReply = {
  readonly when: object;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A reply as Connect's clients read it: its code beside the text. */
  readonly connectCode?: string;
};

export function localReplies(replies: readonly LocalReply[]): object {
  return {
    mappers: replies.map(({ when, text, headers, connectCode }) => ({
      filter: when,
      body_format_override:
        text === undefined
          ? undefined
          : connectCode === undefined
            ? inline({ text_format_source: { inline_string: text } })
            : { json_format: inline({ code: connectCode, message: text }) },
      headers_to_add:
        headers &&
        Object.entries(headers).map(([key, value]) =>
          inline({ header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }),
        ),
    })),
  };
}

export function whenStatus(status: number): object {
  return inline({
    status_code_filter: { comparison: { op: 'EQ', value: { default_value: status, runtime_key: `reply_${status}` } } },
  });
}

/** Where a rule whose name begins so has refused. */
export function whenRefusedBy(rule: string): object {
  return inline({
    extension_filter: {
      name: 'envoy.access_loggers.extension_filters.cel',
      typed_config: {
        '@type': typeUrl('extensions.access_loggers.filters.cel.v3.ExpressionFilter'),
        expression: `response.code_details.startsWith("rbac_access_denied_matched_policy[${rule}")`,
      },
    },
  });
}

export function whenFlag(flag: string): object {
  return inline({ response_flag_filter: { flags: [flag] } });
}

/** Codes that Envoy itself would call UNAVAILABLE: a call that was given up is DEADLINE_EXCEEDED, one too many RESOURCE_EXHAUSTED. */
export const grpcCodes: readonly LocalReply[] = [
  { when: whenStatus(504), headers: { 'grpc-status': '4' } },
  { when: whenFlag('UO'), text: 'Too many calls at a time: try again later.', headers: { 'grpc-status': '8' } },
];
