import { keysUri, type Manifest, principalOf } from './names.ts';
import { edgesOf, type MeshModel, type Method, servedBy } from '../model.ts';
import type { RenderSettings } from '../render.ts';
import { sourceText } from '../source.ts';
import { before, inline, said } from '../yaml.ts';

const apiVersion = 'security.istio.io/v1';

/** Mutual TLS for everybody, and nothing is allowed that no policy of a workload allows. */
export function strictMesh({ kubernetes: { namespace } }: RenderSettings): readonly Manifest[] {
  return [
    {
      apiVersion,
      kind: 'PeerAuthentication',
      metadata: inline({ name: 'default', namespace }),
      spec: { mtls: { mode: 'STRICT' } },
    },
    {
      apiVersion,
      kind: 'AuthorizationPolicy',
      metadata: inline({ name: 'deny-by-default', namespace }),
      spec: inline({}),
    },
  ];
}

/** A token that is sent must be a good one, whatever the method. Whether one is needed is for the workload's AuthorizationPolicy. */
export function tokensOf(model: MeshModel, settings: RenderSettings, workload: string): Manifest | undefined {
  const [edge] = edgesOf(model);
  if (edge === undefined) return undefined; // nobody signs tokens
  const { issuer, audience } = settings.tokens;
  return {
    apiVersion,
    kind: 'RequestAuthentication',
    metadata: inline(of(workload, settings)),
    spec: {
      selector: selector(workload),
      jwtRules: [
        { issuer, audiences: inline([audience]), jwksUri: keysUri(edge, settings), forwardOriginalToken: true },
      ],
    },
  };
}

/** Who may call what: a rule for each set of callers and kind of user. What is in no rule is refused. */
export function authorizationOf(
  model: MeshModel,
  settings: RenderSettings,
  { workload, dryRun }: { readonly workload: string; readonly dryRun: boolean },
): Manifest {
  const groups = Map.groupBy(servedBy(model, workload).filter(isGranted), ({ policy: { callers, access, roles } }) =>
    JSON.stringify([callers, usersOf(access), access === 'roles' ? roles : []]),
  );
  return {
    apiVersion,
    kind: 'AuthorizationPolicy',
    metadata: dryRun
      ? { ...of(`${workload}-next`, settings), annotations: { 'istio.io/dry-run': 'true' } }
      : inline(of(workload, settings)),
    spec: {
      selector: selector(workload),
      action: 'ALLOW',
      rules: [...groups.values()].map((methods) => ruleOf(methods, settings)),
    },
  };
}

/** An edge is for Istio's own gateway, which clients come through; the workloads find the keys of tokens there. */
export function edgeAuthorization(model: MeshModel, settings: RenderSettings, edge: string): Manifest {
  const { trustDomain } = settings.kubernetes;
  const { namespace, serviceAccount } = settings.ingress;
  const services = model.workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name);
  return {
    apiVersion,
    kind: 'AuthorizationPolicy',
    metadata: inline(of(edge, settings)),
    spec: {
      selector: selector(edge),
      action: 'ALLOW',
      rules: [
        before('clients from outside', {
          from: [{ source: { principals: [`${trustDomain}/ns/${namespace}/sa/${serviceAccount}`] } }],
        }),
        before('sidecars, for the keys of tokens', {
          from: [{ source: { principals: services.map((name) => principalOf(name, settings)) } }],
          to: [{ operation: { paths: [settings.edge.keys] } }],
        }),
      ],
    },
  };
}

function ruleOf(methods: readonly Method[], settings: RenderSettings) {
  const [first] = methods;
  if (first === undefined) throw new Error('a rule for no method');
  const { callers, access, roles } = first.policy;
  const users = usersOf(access);
  const { issuer, rolesClaim } = settings.tokens;
  return before(users === 'roles' ? `for users who are ${roles.join(' or ')}` : users, {
    from: [
      {
        source: {
          principals: callers.map((caller) => principalOf(caller, settings)),
          ...(users !== 'with or without a user' && { requestPrincipals: inline([`${issuer}/*`]) }),
        },
      },
    ],
    to: [
      {
        operation: {
          paths: methods.map((method) =>
            said(`/${method.path}`, sourceText(method.sourceOf('callers'), settings.protoRoot)),
          ),
        },
      },
    ],
    ...(users === 'roles' && {
      when: [{ key: `request.auth.claims[${rolesClaim}]`, values: inline(roles) }],
    }),
  });
}

/** A contract that doesn't say for which users grants nothing. */
function isGranted({ policy: { callers, access, roles } }: Method): boolean {
  return callers.length > 0 && (access === 'roles' ? roles.length > 0 : access !== 'unspecified');
}

/** Where no user is asked for, or none is needed, Istio has nothing to ask. */
function usersOf(access: Method['policy']['access']): 'with or without a user' | 'for signed-in users' | 'roles' {
  switch (access) {
    case 'public':
    case 'internal':
      return 'with or without a user';
    case 'user':
      return 'for signed-in users';
    case 'roles':
    case 'unspecified':
      return 'roles';
  }
}

function of(name: string, { kubernetes: { namespace } }: RenderSettings) {
  return { name, namespace };
}

function selector(workload: string) {
  return { matchLabels: inline({ app: workload }) };
}
