import { addressVariable, portVariable } from '#platform/process-config.ts';
import type { ServiceEntry } from '#platform/run.ts';
import { behindTheEdge } from '../mesh/envoy/names.ts';

/** How one service is started behind its Envoy. */
export type ServiceProcess = {
  readonly name: string;
  /** Clients from outside come through it: it starts last. */
  readonly isEdge: boolean;
  /** The port of its /readyz and /metrics. */
  readonly admin: number;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  isReady(): Promise<boolean>;
};

export type ServiceProcessesOptions = {
  readonly entries: readonly Pick<ServiceEntry, 'name' | 'port'>[];
  readonly names: readonly string[];
  readonly variables: NodeJS.ProcessEnv;
  /** The folder that the mesh runs in. */
  readonly run: string;
  /** Where the Envoy of a service listens. */
  portOf(service: string): number;
};

const edge = 'gateway';
const adminAbove = 1_000; // as a process without the gateway does

/** A process for each service: it meets its Envoy in the run folder, and the edge's listens on the loopback behind it. */
export function serviceProcesses(options: ServiceProcessesOptions): readonly ServiceProcess[] {
  const { entries, names, variables, run, portOf } = options;
  return entries
    .filter(({ name }) => names.includes(name))
    .map(({ name }) => {
      const admin = name === edge ? Number(variables['ADMIN_PORT'] ?? 8_081) : portOf(name) + adminAbove;
      return {
        name,
        isEdge: name === edge,
        admin,
        args: ['services/main.ts', name],
        env: {
          LOG_FORMAT: process.stdout.isTTY ? 'pretty' : 'json',
          ...withoutPlaces(variables, entries),
          MESH_SOCKETS: run,
          ADMIN_PORT: String(admin),
          ...(name === edge && {
            GATEWAY_PORT: String(portOf(edge) + behindTheEdge),
            GATEWAY_TRUSTED_PROXIES: [variables['GATEWAY_TRUSTED_PROXIES'], '127.0.0.1'].filter(Boolean).join(','),
          }),
        },
        isReady: () => answers(`http://127.0.0.1:${admin}/readyz`),
      };
    });
}

/** Ports and addresses of others are the Envoys' business. */
function withoutPlaces(variables: NodeJS.ProcessEnv, entries: ServiceProcessesOptions['entries']): NodeJS.ProcessEnv {
  const places = new Set(entries.flatMap(({ name }) => [portVariable(name), addressVariable(name)]));
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !places.has(name)));
}

async function answers(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true;
}
