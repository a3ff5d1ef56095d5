import { spiffeIdOf } from '#platform/identity/spiffe.ts';
import { typeUrl } from './names.ts';
import { inline, said } from '../yaml.ts';
import { type MeshModel, type Method, servedBy } from '../model.ts';
import type { PolicyField } from '../read-policy.ts';
import type { RenderSettings } from '../render.ts';
import { sourceText } from '../source.ts';

/** Where the rendered token's claims lie among a call's metadata. */
const claims = { filter: 'envoy.filters.http.jwt_authn', provider: 'user' } as const;

/**
 * Who may call, as the SPIFFE ID in the caller's certificate says: a rule for each set of callers, and whoever no rule names is refused. What
 * the next policy would refuse is counted beside it, in its "shadow".
 */
export function callersFilter(
  model: MeshModel,
  workload: string,
  settings: RenderSettings,
  next: MeshModel | undefined,
): object {
  return rbac('callers', {
    rules: callersRules(model, workload, settings),
    ...(next === undefined ? {} : { shadow_rules: callersRules(next, workload, settings) }),
  });
}

function callersRules(model: MeshModel, workload: string, settings: RenderSettings): object {
  const methods = servedBy(model, workload).filter(({ policy }) => policy.callers.length > 0);
  return {
    action: 'ALLOW',
    policies: policiesOf(
      groupBy(methods, ({ policy, everybody }) => (everybody ? 'callers_all' : `callers_${policy.callers.join('_')}`)),
      (group) => ({
        permissions: group.map((method) => pathRule(method, 'callers', settings)),
        principals: (group[0]?.policy.callers ?? []).map((caller) =>
          inline({ authenticated: { principal_name: { exact: spiffeIdOf(settings.local, caller) } } }),
        ),
      }),
    ),
  };
}

/** Which users may: refuses those who have none of a method's roles. Stands behind the token's check, which fills in the roles. */
export function rolesFilter(
  model: MeshModel,
  workload: string,
  settings: RenderSettings,
  next: MeshModel | undefined,
): object | undefined {
  const rules = rolesRules(model, workload, settings);
  const shadow = next && rolesRules(next, workload, settings);
  if (rules === undefined && shadow === undefined) return undefined;
  return rbac('roles', {
    ...(rules === undefined ? {} : { rules }),
    ...(shadow === undefined ? {} : { shadow_rules: shadow }),
  });
}

function rolesRules(model: MeshModel, workload: string, settings: RenderSettings): object | undefined {
  const methods = servedBy(model, workload).filter(({ policy }) => policy.access === 'roles');
  if (methods.length === 0) return undefined;
  return {
    action: 'DENY',
    policies: policiesOf(
      groupBy(methods, ({ policy }) => `roles_${policy.roles.join('_')}`),
      (group) => ({
        permissions: group.map((method) => pathRule(method, 'roles', settings)),
        principals: [
          { not_id: { or_ids: { ids: (group[0]?.policy.roles ?? []).map((role) => hasRole(role, settings)) } } },
        ],
      }),
    ),
  };
}

function hasRole(role: string, { tokens }: RenderSettings): object {
  return inline({
    sourced_metadata: {
      metadata_matcher: {
        filter: claims.filter,
        path: [{ key: claims.provider }, { key: tokens.rolesClaim }],
        value: { list_match: { one_of: { string_match: { exact: role } } } },
      },
    },
  });
}

/** Which users there are: a token is needed where the contract asks for a user, and one that is bad is refused wherever it is sent. */
export function tokenFilter(model: MeshModel, workload: string, settings: RenderSettings): object {
  const signedIn = servedBy(model, workload).filter(
    ({ policy }) => policy.access === 'user' || policy.access === 'roles',
  );
  return {
    name: claims.filter,
    typed_config: {
      '@type': typeUrl('extensions.filters.http.jwt_authn.v3.JwtAuthentication'),
      providers: { [claims.provider]: tokenProvider(settings) },
      requirement_map: {
        signed_in: inline({ provider_name: claims.provider }),
        anybody: inline({
          requires_any: { requirements: [{ provider_name: claims.provider }, { allow_missing: {} }] },
        }),
      },
      rules: [
        ...signedIn.map((method) =>
          said(
            { match: { path: `/${method.path}` }, requirement_name: 'signed_in' },
            sourceText(method.sourceOf('access'), settings.protoRoot),
          ),
        ),
        inline({ match: { prefix: '/' }, requirement_name: 'anybody' }),
      ],
    },
  };
}

/** How access tokens are read: `forward`ed, since the process looks at them once more. */
export function tokenProvider({ tokens, edge }: RenderSettings): object {
  return {
    issuer: tokens.issuer,
    audiences: inline([tokens.audience]),
    require_expiration: true,
    clock_skew_seconds: 5, // as the process
    forward: true,
    from_headers: [inline({ name: 'authorization', value_prefix: 'Bearer ' })],
    payload_in_metadata: claims.provider,
    remote_jwks: {
      http_uri: inline({ uri: `http://jwks${edge.keys}`, cluster: 'jwks', timeout: '2s' }),
      cache_duration: '60s',
      async_fetch: said({ fast_listener: true }, 'a listener must not wait for the keys: they come through it'),
    },
  };
}

function rbac(prefix: 'callers' | 'roles', rules: object): object {
  return {
    name: `envoy.filters.http.rbac.${prefix}`,
    typed_config: {
      '@type': typeUrl('extensions.filters.http.rbac.v3.RBAC'),
      rules_stat_prefix: `${prefix}.`,
      shadow_rules_stat_prefix: 'shadow_rules' in rules ? `next_${prefix}.` : undefined,
      track_per_rule_stats: true,
      ...rules,
    },
  };
}

function pathRule(method: Method, field: PolicyField, { protoRoot }: RenderSettings): object {
  return said({ url_path: { path: { exact: `/${method.path}` } } }, sourceText(method.sourceOf(field), protoRoot));
}

function policiesOf(
  groups: ReadonlyMap<string, readonly Method[]>,
  rule: (group: readonly Method[]) => unknown,
): object {
  return Object.fromEntries([...groups].map(([name, group]) => [name, rule(group)]));
}

function groupBy(methods: readonly Method[], key: (method: Method) => string): ReadonlyMap<string, readonly Method[]> {
  return new Map([...Map.groupBy(methods, key)].sort(([a], [b]) => (a < b ? -1 : 1)));
}
