import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const names = z.array(z.string()).min(1);
const selector = z.strictObject({ matchLabels: z.record(z.string(), z.string()) }).optional();
const mode = z.enum(['STRICT', 'PERMISSIVE', 'DISABLE', 'UNSET']);

const metadata = z.object({
  name: z.string(),
  namespace: z.string(),
  annotations: z.record(z.string(), z.string()).default({}),
});

const peerAuthentication = z.strictObject({
  selector,
  mtls: z.strictObject({ mode }).optional(),
  portLevelMtls: z.record(z.string(), z.strictObject({ mode })).optional(),
});

const requestAuthentication = z.strictObject({
  selector,
  jwtRules: z.array(
    z.strictObject({
      issuer: z.string(),
      audiences: names.optional(),
      jwksUri: z.string(),
      forwardOriginalToken: z.boolean().optional(),
    }),
  ),
});

const source = z.strictObject({
  principals: names.optional(),
  notPrincipals: names.optional(),
  requestPrincipals: names.optional(),
  notRequestPrincipals: names.optional(),
  namespaces: names.optional(),
  notNamespaces: names.optional(),
});

const operation = z.strictObject({
  paths: names.optional(),
  notPaths: names.optional(),
  methods: names.optional(),
  notMethods: names.optional(),
  ports: names.optional(),
  notPorts: names.optional(),
});

const condition = z.strictObject({ key: z.string(), values: names.optional(), notValues: names.optional() });

const authorizationPolicy = z.strictObject({
  selector,
  action: z.enum(['ALLOW', 'DENY', 'AUDIT']).default('ALLOW'),
  rules: z
    .array(
      z.strictObject({
        from: z.array(z.strictObject({ source })).min(1).optional(),
        to: z.array(z.strictObject({ operation })).min(1).optional(),
        when: z.array(condition).min(1).optional(),
      }),
    )
    .default([]),
});

type Of<T extends z.ZodType> = z.infer<typeof metadata> & { readonly spec: z.infer<T> };
export type PeerAuthentication = Of<typeof peerAuthentication>;
export type RequestAuthentication = Of<typeof requestAuthentication>;
export type AuthorizationPolicy = Of<typeof authorizationPolicy>;
export type Rule = z.infer<typeof authorizationPolicy>['rules'][number];

/** What decides about calls, of all that stands in some YAML. */
export type IstioPolicies = {
  readonly peers: readonly PeerAuthentication[];
  readonly tokens: readonly RequestAuthentication[];
  readonly calls: readonly AuthorizationPolicy[];
};

/**
 * Reads Istio's three kinds of policy. Other kinds are left out; a field that the evaluator doesn't know throws, since
 * to leave it out would be to answer wrongly.
 */
export function readPolicies(texts: readonly string[]): IstioPolicies {
  const manifests = manifestsIn(texts);
  const all = <T extends z.ZodType>(kind: string, spec: T) =>
    manifests
      .filter((manifest) => manifest.kind === kind)
      .map((manifest) => ({ ...metadata.parse(manifest['metadata']), spec: spec.parse(manifest['spec'] ?? {}) }));
  return {
    peers: all('PeerAuthentication', peerAuthentication),
    tokens: all('RequestAuthentication', requestAuthentication),
    calls: all('AuthorizationPolicy', authorizationPolicy),
  };
}

const manifest = z.looseObject({ kind: z.string() });

/** Every object of some files. Throws where one is no YAML. */
export function manifestsIn(texts: readonly string[]): z.infer<typeof manifest>[] {
  const documents = texts.flatMap((text) => [...parseAllDocuments(text)]);
  return documents.flatMap((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    const value: unknown = document.toJS();
    return value === null ? [] : [manifest.parse(value)];
  });
}
