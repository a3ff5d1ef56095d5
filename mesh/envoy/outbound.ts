import { grpcCodes, grpcStats, httpChain, localReplies, router, whenStatus } from './http.ts';
import { peerCluster, seconds, socketOf, typeUrl } from './names.ts';
import { before, inline, said, shared } from '../yaml.ts';
import { grantedTo, type MeshModel, type Method } from '../model.ts';
import { retrying } from '../read-policy.ts';
import type { RenderSettings } from '../render.ts';
import { resilience } from '../resilience.ts';
import { sourceText } from '../source.ts';

/** The peers that a workload may call, in order of names: itself too, where a contract says so. */
export function peersOf(model: MeshModel, caller: string): readonly string[] {
  const peers = grantedTo(model, caller)
    .filter(({ essential }) => !essential)
    .flatMap((method) => method.servedBy);
  return [...new Set(peers)].sort();
}

/** What a workload's process reaches the others through: one socket for all of them, the peer named by `:authority`. */
export function outboundListener(caller: string, model: MeshModel, settings: RenderSettings): object {
  const name = `outbound_${caller}`;
  return {
    '@type': typeUrl('config.listener.v3.Listener'),
    name,
    address: inline({ pipe: { path: socketOf(caller, 'mesh'), mode: 0o600 } }),
    per_connection_buffer_limit_bytes: 1_048_576,
    filter_chains: [
      httpChain(name, {
        codec_type: 'HTTP2',
        http2_protocol_options: inline({ max_concurrent_streams: 1_000 }),
        stream_idle_timeout: '0s',
        strip_any_host_port: true,
        local_reply_config: localReplies([
          {
            when: whenStatus(403),
            text: `"${caller}" may not call %PATH(NQ)%: no contract grants it. Ask why: npm run mesh -- explain ${caller} %PATH(NQ)%`,
          },
          ...grpcCodes,
        ]),
        route_config: {
          name,
          virtual_hosts: [
            ...peersOf(model, caller).map((peer) => ({
              name: peer,
              domains: inline([peer]),
              routes: [
                ...grantedTo(model, caller)
                  .filter((method) => method.servedBy.includes(peer))
                  .map((method) => route(method, peerCluster(caller, peer), settings)),
                refusal,
              ],
            })),
            { name: 'nobody', domains: inline(['*']), routes: [refusal] },
          ],
        },
        http_filters: [grpcStats, router],
      }),
    ],
  };
}

/** A method with its time, and how it is tried again: in one line where it isn't, which is spelled out. */
function route(method: Method, cluster: string, { protoRoot }: RenderSettings): object {
  const { attempts, hedgeAfterMs } = method.policy;
  const match = { path: `/${method.path}` };
  const place = sourceText(method.sourceOf('timeout'), protoRoot);
  const to = { cluster, ...timesOf(method) };
  if (hedgeAfterMs !== undefined) {
    return before(place, {
      match: inline(match),
      route: {
        ...to,
        retry_policy: before(sourceText(method.sourceOf('hedge_after'), protoRoot), {
          ...failures,
          num_retries: 1,
          per_try_timeout: seconds(hedgeAfterMs),
          ...otherHost,
        }),
        hedge_policy: inline({ hedge_on_per_try_timeout: true }),
      },
    });
  }
  if (attempts <= 1) return said({ match, route: { ...to, retry_policy: { num_retries: 0 } } }, place);
  const because = sourceText(method.sourceOf('idempotency_level'), protoRoot);
  return said({ match, route: { ...to, retry_policy: again(attempts) } }, `${place}, ${because}`);
}

/** The same for every method that is tried again. */
function again(attempts: number): object {
  return shared(`again_${attempts}`, {
    ...failures,
    num_retries: attempts - 1,
    retry_back_off: inline({
      base_interval: seconds(retrying.initialBackoffMs),
      max_interval: seconds(retrying.maxBackoffMs),
    }),
    ...otherHost,
  });
}

/** `timeout` begins when the request has ended, and of a stream that is late. */
function timesOf({ kind, policy: { timeoutMs } }: Method): object {
  if (timeoutMs === undefined) return { timeout: '0s' };
  if (kind === 'unary') return { timeout: seconds(timeoutMs) };
  return { timeout: '0s', max_stream_duration: inline({ max_stream_duration: seconds(timeoutMs) }) };
}

/** Where no answer came: the call was refused, or broke off. */
const failures = { retry_on: resilience.retryOn.join(',') };

/** Not the instance that just failed, if there is another. */
const otherHost: object = {
  retry_host_predicate: [
    inline({
      name: 'envoy.retry_host_predicates.previous_hosts',
      typed_config: { '@type': typeUrl('extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate') },
    }),
  ],
  host_selection_retry_max_attempts: 3,
};

const refusal: object = inline({ match: { prefix: '/' }, direct_response: { status: 403 } });
