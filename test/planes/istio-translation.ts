import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { StartError } from '#platform/start-error.ts';
import { goBuild } from '../../tools/go-build.ts';

const root = resolve(import.meta.dirname, '../..');
const binary = join(root, '.tools/istio-translation');
const packages = 1_900; // some of them, where istioctl was not built before

/** What Istio gives a sidecar: whether it takes a connection without a certificate, and the filters that decide about calls, in order. */
export type Sidecar = { readonly strict: boolean; readonly filters: readonly object[] };

export type TranslateOptions = {
  readonly texts: readonly string[];
  readonly trustDomain: string;
  readonly namespace: string;
  readonly workloads: readonly string[];
  portOf(workload: string): number;
};

export type Translation = {
  /** The inbound side of each workload's sidecar. */
  readonly sidecars: ReadonlyMap<string, Sidecar>;
  /** How each host is called, from any sidecar: routes, of which the first that matches counts. */
  readonly routes: ReadonlyMap<string, readonly Route[]>;
};

export type Route = z.infer<typeof virtualHost>['routes'][number];

const filter = z.looseObject({ name: z.string() });
const listener = z.object({
  filterChains: z.array(
    z.object({
      name: z.string(),
      transportSocket: z.object({ typedConfig: z.object({ requireClientCertificate: z.boolean() }) }).optional(),
      filters: z.array(z.object({ typedConfig: z.object({ httpFilters: z.array(filter).optional() }) })),
    }),
  ),
});

const virtualHost = z.object({
  domains: z.array(z.string()),
  routes: z.array(
    z.object({
      match: z.object({ path: z.string().optional(), prefix: z.string().optional() }),
      route: z.object({
        timeout: z.string(),
        retryPolicy: z.object({ numRetries: z.number(), retryOn: z.string() }).optional(),
      }),
    }),
  ),
});

const translation = z.object({
  listeners: z.record(z.string(), listener),
  routes: z.array(z.object({ virtualHosts: z.array(virtualHost) })),
});

/** Istio's own code, for a machine with Go: what istiod makes of some YAML. Throws a StartError where it can't be built. */
export async function buildTranslation(say: (line: string) => void): Promise<void> {
  try {
    say('building what istiod does with policies into .tools: some minutes the first time');
    await goBuild({
      args: ['build', '-v', '-o', binary, '.'],
      folder: join(root, 'test/planes/istio'),
      packages,
      say,
    });
  } catch (error) {
    throw new StartError(`This needs Go 1.26.\n${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

export async function translate({ texts, workloads, ...names }: TranslateOptions): Promise<Translation> {
  const args = workloads.map((workload) => `${workload}:${names.portOf(workload)}`);
  const out = await told([names.trustDomain, names.namespace, ...args], texts.join('\n---\n'));
  const { listeners, routes } = translation.parse(JSON.parse(out));
  return {
    sidecars: new Map(workloads.map((workload) => [workload, sidecarOf(listeners[workload])])),
    routes: new Map(
      routes
        .flatMap(({ virtualHosts }) => virtualHosts)
        .flatMap((each) => each.domains.map((domain) => [domain, each.routes] as const)),
    ),
  };
}

function sidecarOf(inbound: z.infer<typeof listener> | undefined): Sidecar {
  const chains = (inbound?.filterChains ?? []).filter(({ name }) => name.includes('http'));
  const [first] = chains;
  if (first === undefined) throw new Error('Istio gave a workload no listener');
  const filters = first.filters.flatMap(({ typedConfig }) => typedConfig.httpFilters ?? []);
  return {
    strict: chains.every(({ transportSocket }) => transportSocket?.typedConfig.requireClientCertificate === true),
    // The others count and copy, or are of Istio's own Envoy alone.
    filters: filters.filter(({ name }) => /\.(jwt_authn|rbac)$/.test(name)),
  };
}

function told(args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(binary, args, { maxBuffer: 64 * 1024 * 1024 }, (error, out, said) =>
      error === null ? resolve(out) : reject(new Error(`Istio refused the policies:\n${said.slice(-2_000)}`)),
    );
    child.stdin?.end(input);
  });
}
