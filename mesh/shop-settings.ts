import { services } from '#services/all.ts';
import type { RenderSettings } from './render.ts';
import { shopRoles } from './roles.ts';

/** The facts of this shop that its contracts don't say. */
export const settings: RenderSettings = {
  protoRoot: 'proto',
  stubs: '#gen',
  local: { trustDomain: 'only2u.local', namespace: 'default' },
  kubernetes: { trustDomain: 'cluster.local', namespace: 'only2u' },
  tokens: { issuer: 'only2u', audience: 'only2u', rolesClaim: 'roles' },
  rolesEnum: shopRoles,
  edge: {
    pages: ['/', '/docs', '/docs/*', '/favicon.ico', '/openapi.json', '/.well-known/jwks.json', '/webhooks/*'],
    keys: '/.well-known/jwks.json',
  },
  // As the Helm chart istio/gateway names things when it is installed as "istio-ingress".
  ingress: {
    namespace: 'istio-ingress',
    serviceAccount: 'istio-ingress',
    labels: { istio: 'ingress' },
    hosts: ['*'],
    tlsSecret: 'only2u-tls',
  },
  portOf(workload) {
    const entry = services.find(({ name }) => name === workload);
    if (entry === undefined) throw new Error(`${workload} has no port: add it to services/all.ts`);
    return entry.port;
  },
};
