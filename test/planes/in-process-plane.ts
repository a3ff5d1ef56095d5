import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { contracts } from '#gen/contracts.ts';
import { createTokenVerifier } from '#platform/identity/access-token.ts';
import { localMesh } from '#platform/identity/spiffe.ts';
import { createServerHooks } from '#platform/rpc/admission.ts';
import { createPolicies, type PolicyTable, workloadsServing } from '#platform/rpc/policy.ts';
import { createRpcServer } from '#platform/rpc/server.ts';
import type { Handlers } from '#platform/service.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { createMetrics } from '#platform/telemetry/metrics.ts';
import type { Plane } from '../../mesh/matrix.ts';
import { createAsker } from './asking.ts';
import type { World } from './world.ts';

export type InProcessPlaneOptions = {
  readonly policies: PolicyTable;
  readonly workloads: readonly string[];
  readonly settings: { readonly tokens: { readonly issuer: string; readonly audience: string } };
  readonly world: World;
};

/** The platform's own servers with mutual TLS, with their check and nothing behind it: what is refused it refuses. */
export async function openInProcessPlane({
  policies,
  workloads,
  settings,
  world,
}: InProcessPlaneOptions): Promise<Plane> {
  const metrics = createMetrics({ processMetrics: false });
  const { issuer, audience } = settings.tokens;
  const verifier = createTokenVerifier({ fetchKeys: async () => world.keys, issuer, audience, now: () => new Date() });
  const hooks = createServerHooks({
    mesh: localMesh,
    verifier,
    metrics: metrics.rpc,
    log: silentLog(),
    tracing: undefined,
    policyOf: createPolicies(policies),
  });
  const servers = await Promise.all(
    workloads.map(async (workload) => {
      const material = world.certificateOf(workload);
      const server = createRpcServer({
        handlers: contracts.filter((each) => workloadsServing(each).includes(workload)).map(yesToAll),
        hooks: { ...hooks, check: () => {} }, // an empty request is wrong to most, and that isn't asked here
        tls: { source: { current: () => material, onChange: () => () => {} } },
      });
      const { port } = await server.listen('127.0.0.1', 0);
      return { workload, port, close: () => server.close() };
    }),
  );
  const asker = createAsker(world, (workload) => servers.find((each) => each.workload === workload)?.port ?? 0);
  return {
    name: 'in process',
    ask: asker.ask,
    async close() {
      asker.close();
      await Promise.all(servers.map((server) => server.close()));
      metrics.close();
    },
  };
}

function yesToAll(contract: DescService): Handlers {
  const answers = contract.methods.map((method) => [method.localName, answering(method)] as const);
  const implementation: object = Object.fromEntries(answers);
  return { contract, implementation };
}

function answering({ methodKind }: DescMethod): unknown {
  const streams = methodKind === 'server_streaming' || methodKind === 'bidi_streaming';
  return streams ? async function* () {} : async () => ({});
}
