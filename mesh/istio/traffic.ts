import { duration, hostOf, type Manifest } from './names.ts';
import { type MeshModel, type Method, grantedTo, servedBy } from '../model.ts';
import { retrying } from '../read-policy.ts';
import type { RenderSettings } from '../render.ts';
import { resilience } from '../resilience.ts';
import { sourceText } from '../source.ts';
import { before, inline, said } from '../yaml.ts';

const apiVersion = 'networking.istio.io/v1';

/** Istio tries again twice where nobody says otherwise, and each gRPC call is a POST: so it is said everywhere. */
const never = () => inline({ attempts: 0 });

/** How long a call may take and whether it is tried again, by what the methods' contracts say. */
export function routesOf(model: MeshModel, settings: RenderSettings, workload: string): Manifest {
  const route = routeTo(workload, settings);
  const groups = Map.groupBy(
    servedBy(model, workload).filter(({ policy: { timeoutMs } }) => timeoutMs !== undefined),
    ({ policy: { timeoutMs, attempts, hedgeAfterMs } }) => JSON.stringify([timeoutMs, attempts, hedgeAfterMs]),
  );
  return virtualService(settings, workload, {
    hosts: inline([hostOf(workload, settings)]),
    http: [...groups.values()]
      .map((methods) => routeOf(methods, { route, settings }))
      .concat([before('all else', { route, retries: never() })]),
  });
}

function routeOf(
  methods: readonly Method[],
  { route, settings }: { readonly route: readonly object[]; readonly settings: RenderSettings },
) {
  const [first] = methods;
  if (first?.policy.timeoutMs === undefined) throw new Error('a route for no method');
  const { timeoutMs, attempts, hedgeAfterMs } = first.policy;
  const { backoff, retryOn } = { backoff: duration(retrying.initialBackoffMs), retryOn: resilience.retryOn.join(',') };
  const body = {
    match: methods.map((method) => ({
      uri: said({ exact: `/${method.path}` }, sourceText(method.sourceOf('timeout'), settings.protoRoot)),
    })),
    route,
    timeout: said(duration(timeoutMs), 'with all attempts'),
    // The contract counts all attempts, Istio those after the first.
    retries: attempts > 1 ? { attempts: attempts - 1, retryOn, backoff } : never(),
  };
  return hedgeAfterMs === undefined
    ? body
    : before(`hedged after ${duration(hedgeAfterMs)} by the contract: Istio can't, and asks once`, body);
}

/** What protects a workload from its callers, and its callers from it. */
export function destinationOf(settings: RenderSettings, workload: string): Manifest {
  const { connectTimeoutMs, maxRequests, retryBudget, outlier } = resilience;
  return {
    apiVersion,
    kind: 'DestinationRule',
    metadata: inline({ name: workload, namespace: settings.kubernetes.namespace }),
    spec: {
      host: hostOf(workload, settings),
      trafficPolicy: {
        tls: inline({ mode: 'ISTIO_MUTUAL' }),
        connectionPool: {
          tcp: inline({ maxConnections: maxRequests, connectTimeout: duration(connectTimeoutMs) }),
          http: inline({ http2MaxRequests: maxRequests, http1MaxPendingRequests: maxRequests }),
        },
        retryBudget: inline({ percent: retryBudget.percent, minRetryConcurrency: retryBudget.atLeast }),
        outlierDetection: {
          consecutiveGatewayErrors: outlier.consecutiveFailures,
          consecutive5xxErrors: 0, // an answer such as INTERNAL is no sign that the instance is broken
          interval: duration(outlier.intervalMs),
          baseEjectionTime: duration(outlier.baseEjectionMs),
          maxEjectionPercent: outlier.maxEjectionPercent,
        },
      },
    },
  };
}

/** The way in for clients: the edge's own pages and the methods that it was granted, and nothing else. The edge keeps their timeouts. */
export function edgeRoutes(model: MeshModel, settings: RenderSettings, edge: string): readonly Manifest[] {
  const { namespace } = settings.kubernetes;
  const { labels, hosts, tlsSecret } = settings.ingress;
  const open = grantedTo(model, edge).filter(({ policy: { access } }) => access !== 'internal');
  const match = [
    ...settings.edge.pages.map((page) => ({
      uri: inline(page.endsWith('*') ? { prefix: page.slice(0, -1) } : { exact: page }),
    })),
    ...open.map((method) => ({
      uri: said({ exact: `/${method.path}` }, sourceText(method.sourceOf('callers'), settings.protoRoot)),
    })),
  ];
  const names = hosts.map((host) => `${namespace}/${host}`);
  return [
    {
      apiVersion,
      kind: 'Gateway',
      metadata: inline({ name: edge, namespace }),
      spec: {
        selector: inline(labels),
        servers: [
          {
            port: inline({ number: 443, name: 'https', protocol: 'HTTPS' }),
            tls: inline({ mode: 'SIMPLE', credentialName: tlsSecret, minProtocolVersion: 'TLSV1_2' }),
            hosts: inline(names),
          },
          {
            port: inline({ number: 80, name: 'http', protocol: 'HTTP' }),
            tls: inline({ httpsRedirect: true }),
            hosts: inline(names),
          },
        ],
      },
    },
    virtualService(settings, `${edge}-edge`, {
      hosts: inline(hosts),
      gateways: inline([edge]),
      http: [
        {
          match,
          route: routeTo(edge, settings),
          retries: never(),
        },
      ],
    }),
  ];
}

function routeTo(workload: string, settings: RenderSettings) {
  return [{ destination: inline({ host: hostOf(workload, settings), port: { number: settings.portOf(workload) } }) }];
}

function virtualService({ kubernetes: { namespace } }: RenderSettings, name: string, spec: object): Manifest {
  return { apiVersion, kind: 'VirtualService', metadata: inline({ name, namespace }), spec };
}
