import type {
  AuthorizationPolicy,
  IstioPolicies,
  PeerAuthentication,
  RequestAuthentication,
  Rule,
} from './policies.ts';
import type { Answer } from '../matrix.ts';

/** A token, as its facts. */
export type Token = {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly subject: string;
  /** Where the key that signed it is found. */
  readonly keysAt: string;
  readonly expired: boolean;
  readonly claims: Readonly<Record<string, string | readonly string[]>>;
};

/** A pod, as policies know it. */
export type Pod = {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly port: number;
};

/** A call, as the sidecar of the pod that is called sees it. */
export type Call = {
  /** The caller's certificate; undefined where it speaks without TLS. `identity` is the SPIFFE ID without "spiffe://". */
  readonly certificate: { readonly ofThisMesh: boolean; readonly identity: string } | undefined;
  /** The path of its request, and its HTTP method. */
  readonly path: string;
  readonly method: string;
  readonly token: Token | undefined;
};

/** What rules ask about. */
type Facts = {
  readonly identity: string | undefined;
  readonly token: Token | undefined;
  readonly path: string;
  readonly method: string;
  readonly port: string;
};

type Selecting = {
  readonly namespace: string;
  readonly spec: { readonly selector?: PeerAuthentication['spec']['selector'] };
};

const rootNamespace = 'istio-system'; // policies there hold for the whole mesh

/**
 * What a pod's sidecar would answer, by nothing but the policies of Istio that select it and as their documentation says
 * (https://istio.io/latest/docs/reference/config/security/): mutual TLS, then the token if one is sent, then AuthorizationPolicy: what one
 * of action DENY matches is refused; where any of action ALLOW selects the pod, one of them must match.
 */
export function createSidecar({ peers, tokens, calls }: IstioPolicies, pod: Pod): (call: Call) => Answer {
  const mode = modeOf(peers, pod);
  const jwtRules = tokens.filter((each) => selects(each, pod)).flatMap(({ spec }) => spec.jwtRules);
  const enforced = calls.filter((each) => selects(each, pod) && each.annotations['istio.io/dry-run'] !== 'true');
  const [denying, allowing] = (['DENY', 'ALLOW'] as const).map((action) =>
    enforced.filter(({ spec }) => spec.action === action),
  );

  return ({ certificate, token, path, method }) => {
    if (certificate === undefined ? mode === 'STRICT' : !certificate.ofThisMesh) return 'rejected';
    const looksAtTokens = jwtRules.length > 0; // else nobody knows anything by them
    if (looksAtTokens && token !== undefined && !isGood(token, jwtRules)) return 'unauthenticated';
    const facts: Facts = {
      identity: mode === 'DISABLE' ? undefined : certificate?.identity,
      token: looksAtTokens ? token : undefined,
      path,
      method,
      port: String(pod.port),
    };
    const matched = (policy: AuthorizationPolicy) => policy.spec.rules.some((rule) => matches(rule, facts));
    if (denying?.some(matched) === true) return 'denied';
    return allowing === undefined || allowing.length === 0 || allowing.some(matched) ? 'allowed' : 'denied';
  };
}

/** Which workloads a policy holds for: those of its namespace with the labels that it selects. */
export function selects({ namespace, spec }: Selecting, pod: Pick<Pod, 'namespace' | 'labels'>): boolean {
  if (namespace !== pod.namespace && namespace !== rootNamespace) return false;
  return Object.entries(spec.selector?.matchLabels ?? {}).every(([name, value]) => pod.labels[name] === value);
}

/** The narrowest policy that says a mode: of the port, the pod, the namespace, the mesh. Without one it is PERMISSIVE. */
function modeOf(peers: readonly PeerAuthentication[], pod: Pod) {
  const here = peers.filter((each) => selects(each, pod));
  const byPod = here.filter(({ spec }) => spec.selector !== undefined);
  const byNamespace = here.filter(({ spec, namespace }) => spec.selector === undefined && namespace !== rootNamespace);
  const modes = [
    ...byPod.map(({ spec }) => spec.portLevelMtls?.[String(pod.port)]?.mode),
    ...[...byPod, ...byNamespace, ...here].map(({ spec }) => spec.mtls?.mode),
  ];
  return modes.find((mode) => mode !== undefined && mode !== 'UNSET') ?? 'PERMISSIVE';
}

function isGood(token: Token, rules: RequestAuthentication['spec']['jwtRules']): boolean {
  return rules.some(
    ({ issuer, audiences, jwksUri }) =>
      token.issuer === issuer &&
      token.keysAt === jwksUri &&
      !token.expired &&
      (audiences === undefined || audiences.some((audience) => token.audiences.includes(audience))),
  );
}

/** One of `from`, one of `to` and each of `when`; what a rule doesn't say it doesn't ask for. */
function matches({ from, to, when }: Rule, facts: Facts): boolean {
  const namespace = /\/ns\/([^/]+)\//.exec(facts.identity ?? '')?.[1];
  const user = requestPrincipal(facts.token);
  return (
    (from ?? [{ source: {} }]).some(
      ({ source }) =>
        fits(facts.identity, source.principals, source.notPrincipals) &&
        fits(user, source.requestPrincipals, source.notRequestPrincipals) &&
        fits(namespace, source.namespaces, source.notNamespaces),
    ) &&
    (to ?? [{ operation: {} }]).some(
      ({ operation }) =>
        fits(facts.path, operation.paths, operation.notPaths) &&
        fits(facts.method, operation.methods, operation.notMethods) &&
        fits(facts.port, operation.ports, operation.notPorts),
    ) &&
    (when ?? []).every(({ key, values, notValues }) => fits(attribute(key, facts), values, notValues))
  );
}

function attribute(key: string, { identity, token }: Facts): string | readonly string[] | undefined {
  const claim = /^request\.auth\.claims\[(\w+)\]$/.exec(key)?.[1];
  if (claim !== undefined) return token?.claims[claim];
  if (key === 'request.auth.principal') return requestPrincipal(token);
  if (key === 'source.principal') return identity;
  throw new Error(`The evaluator doesn't know the condition ${key}.`);
}

function requestPrincipal(token: Token | undefined): string | undefined {
  return token && `${token.issuer}/${token.subject}`;
}

/** A list matches when one of its elements does. */
function fits(
  value: string | readonly string[] | undefined,
  wanted: readonly string[] | undefined,
  unwanted: readonly string[] | undefined,
): boolean {
  const values = value === undefined ? [] : typeof value === 'string' ? [value] : value;
  const any = (patterns: readonly string[]) => values.some((each) => patterns.some((pattern) => like(each, pattern)));
  return (wanted === undefined || any(wanted)) && !(unwanted !== undefined && any(unwanted));
}

/** "*" is anything that is there, "a*" what begins with a, "*a" what ends with it. */
function like(value: string, pattern: string): boolean {
  if (/[{}]/.test(pattern)) throw new Error(`The evaluator doesn't know path templates such as ${pattern}.`);
  if (pattern === '*') return value !== '';
  if (pattern.endsWith('*')) return value.startsWith(pattern.slice(0, -1));
  if (pattern.startsWith('*')) return value.endsWith(pattern.slice(1));
  return value === pattern;
}
