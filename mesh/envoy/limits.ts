import { seconds, typeUrl } from './names.ts';
import { before, inline, shared } from '../yaml.ts';
import type { Method } from '../model.ts';
import type { RateLimit } from '../read-policy.ts';
import type { RenderSettings } from '../render.ts';
import { sourceText } from '../source.ts';

type Scope = 'address' | 'user' | 'caller';

const filterName = 'envoy.filters.http.local_ratelimit';
const maxCounted = 100_000; // as many clients as the gateway remembers

/** The headers that a listener fills in itself, so that calls can be counted by them. */
export const countedBy = { caller: 'x-mesh-caller', user: 'x-mesh-user' } as const;

/** Where limits are counted, for the methods that have one: `limitedRoute` says which. undefined where nothing is limited. */
export function limitsFilter(
  statPrefix: string,
  methods: readonly Method[],
  scopes: readonly Scope[],
): object | undefined {
  if (!methods.some((method) => isLimited(method, scopes))) return undefined;
  return { name: filterName, typed_config: inline({ '@type': limitType, stat_prefix: statPrefix }) };
}

/**
 * The limits of one method, in buckets of this process: one for each address, user or calling workload. A bucket fills up steadily, so that a
 * window may see up to twice its calls after a quiet one, and whoever was counted the longest ago is forgotten when there are too many: what
 * must be exact the gateway counts once more. undefined where nothing is limited.
 */
export function limitedRoute(
  statPrefix: string,
  method: Method,
  scopes: readonly Scope[],
  { protoRoot }: RenderSettings,
): object | undefined {
  const limits = limitsOf(method, scopes);
  if (limits.length === 0) return undefined;
  const terms = limits.map(({ scope, requests, windowMs }) => `${scope}_${requests}_in_${seconds(windowMs)}`);
  const config = before(sourceText(method.sourceOf('rate_limits'), protoRoot), {
    '@type': limitType,
    stat_prefix: statPrefix,
    filter_enabled: always,
    filter_enforced: always,
    rate_limited_as_resource_exhausted: true,
    max_dynamic_descriptors: maxCounted,
    // Envoy demands one; calls that no limit counts take from it.
    always_consume_default_token_bucket: false,
    token_bucket: inline({ max_tokens: 1_000_000, tokens_per_fill: 1_000_000, fill_interval: '1s' }),
    descriptors: limits.map(({ scope, requests, windowMs }, place) => ({
      entries: [
        inline({ key: 'limit', value: `${place + 1}` }),
        inline({ key: scope === 'address' ? 'masked_remote_address' : scope }),
      ],
      token_bucket: inline({ max_tokens: requests, tokens_per_fill: requests, fill_interval: seconds(windowMs) }),
    })),
    rate_limits: limits.map(({ scope }, place) =>
      inline({
        actions: [{ generic_key: { descriptor_key: 'limit', descriptor_value: `${place + 1}` } }, counted(scope)],
      }),
    ),
  });
  return { [filterName]: shared([statPrefix, ...terms].join('_'), config) };
}

export function isLimited(method: Method, scopes: readonly Scope[]): boolean {
  return limitsOf(method, scopes).length > 0;
}

function limitsOf({ policy }: Method, scopes: readonly Scope[]): (RateLimit & { readonly scope: Scope })[] {
  return policy.limits.flatMap((limit) => {
    const { scope } = limit;
    return scope !== 'unspecified' && scopes.includes(scope) ? [{ ...limit, scope }] : [];
  });
}

function counted(scope: Scope): object {
  // An IPv6 client usually has a /64 to itself.
  if (scope === 'address') return { masked_remote_address: { v4_prefix_mask_len: 32, v6_prefix_mask_len: 64 } };
  return { request_headers: { header_name: countedBy[scope], descriptor_key: scope } };
}

const limitType = typeUrl('extensions.filters.http.local_ratelimit.v3.LocalRateLimit');
const always = inline({ default_value: { numerator: 100, denominator: 'HUNDRED' } });
