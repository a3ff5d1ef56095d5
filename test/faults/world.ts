import { cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execPath } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import { type DataFolder, openDataFolder } from '#platform/data-folder.ts';
import { createEmbeddedPostgres } from '#platform/embedded-postgres.ts';
import { type DevelopmentAuthority, openDevelopmentAuthority } from '#platform/identity/development-authority.ts';
import { localMesh, spiffeIdOf } from '#platform/identity/spiffe.ts';
import type { TlsMaterial } from '#platform/rpc/tls.ts';
import { createRpcTransport, type RpcTransport } from '#platform/rpc/transport.ts';
import { socketsOf } from '#platform/unix-socket.ts';
import { services } from '#services/all.ts';
import { keepRunning } from '../../envoy/kept-process.ts';
import { lookAtMesh } from '../../envoy/look.ts';
import { openMesh, type RunningMesh } from '../../envoy/mesh.ts';
import type { Form } from '../../envoy/node-files.ts';
import type { MeshReport } from '../../envoy/report.ts';
import { serviceProcesses } from '../../envoy/service-processes.ts';
import { behindTheEdge } from '../../mesh/envoy/names.ts';
import { openOperator } from '../../tools/operator.ts';
import type { UrlOf } from '../audit.ts';
import { type Market, openMarket } from '../kills/market.ts';

const basePort = 19_200;
const secondAbove = 20;
/** How many customers there are. */
export const buyers = 6;
const root = resolve(import.meta.dirname, '../..');

/** A shop behind real Envoys with data, ports and a market of its own, and what it takes to break and to watch it. */
export type World = {
  readonly form: Form;
  readonly data: DataFolder;
  readonly run: string;
  /** What the mesh is rendered from: a change takes effect. */
  readonly rendered: string;
  readonly url: string;
  readonly market: Market;
  readonly authority: DevelopmentAuthority;
  readonly urlOf: UrlOf;
  portOf(service: string): number;
  /** What the mesh has said so far, a line each. */
  readonly said: readonly string[];
  /** The number of a process by its name, such as "cart", "envoy" or "envoy-cart". */
  pidOf(name: string): number;
  report(): Promise<MeshReport>;
  /** Starts another process of a service, which listens at second/<service>/app.sock in the run folder. */
  startSecond(service: string): Promise<{ close(): Promise<void> }>;
  /** An access token of an administrator. */
  tokenOfAdmin(): Promise<string>;
  /** A new certificate of a workload by the mesh's authority, as of `from`. */
  certify(workload: string, from?: Date): Promise<TlsMaterial>;
  /** Calls a service from outside of the mesh, with such a certificate; closed with the world. */
  callAs(material: TlsMaterial, service: string): RpcTransport;
  close(): Promise<void>;
};

export async function openWorld(form: Form, envoy: string): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'o2u-mesh-'));
  const said: string[] = [];
  const logged: string[] = [];
  const names = services.map(({ name }) => name);
  const portOf = (service: string): number => basePort + 1 + names.indexOf(service);
  const moved = services.map(({ name, port }) => [port, portOf(name)] as const);
  const behind = moved.map(([usual, port]) => [usual + behindTheEdge, port + behindTheEdge] as const);
  const rendered = join(folder, 'rendered'); // a copy, for tests to change
  await cp(join(root, 'gen/mesh'), rendered, { recursive: true });
  const data = await openDataFolder(folder);
  const variables = {
    ...process.env,
    ONLY2U_DATA: folder,
    POSTGRES_PORT: String(basePort),
    ADMIN_PORT: String(basePort + 50),
    GATEWAY_RATE_LIMITS: 'off',
    LOG_LEVEL: 'error',
    LOG_FORMAT: 'json',
    ...Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_ADDRESS`, `127.0.0.1:${portOf(name)}`])),
  };
  const mesh: RunningMesh = await openMesh({
    data,
    form,
    envoy,
    variables,
    postgresPort: basePort,
    ports: new Map([...moved, ...behind]),
    needed: [],
    rendered,
    services: (run, given) => serviceProcesses({ entries: services, names, variables: given, run, portOf }),
    say: (text) => said.push(text),
    line: (name, text) => logged.push(`${name} ${text}`),
    showCalls: false,
    signal: new AbortController().signal,
  });
  const transports: RpcTransport[] = [];
  const close = async (): Promise<void> => {
    for (const transport of transports) transport.close();
    await mesh.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const url = `http://127.0.0.1:${portOf('gateway')}`;
    const market = await openMarket({ env: variables, gatewayUrls: [url], buyers });
    const authority = await openDevelopmentAuthority(folder, new Date());
    return {
      form,
      data,
      run: mesh.run,
      rendered,
      url,
      market,
      authority,
      urlOf: createEmbeddedPostgres({ data, port: basePort }).urlOf,
      portOf,
      said,
      pidOf(name) {
        const pid = mesh.processes.find((each) => each.name === name)?.pid();
        if (pid === undefined) throw new Error(`no process ${name} runs now`);
        return pid;
      },
      async report() {
        const report = await lookAtMesh(mesh.run);
        if (report === undefined) throw new Error('no mesh was found');
        return report;
      },
      async startSecond(service) {
        const run = join(mesh.run, 'second');
        await mkdir(join(run, service), { recursive: true, mode: 0o700 });
        await symlink(socketsOf(mesh.run, service).mesh, socketsOf(run, service).mesh);
        const [process] = serviceProcesses({
          ...{ entries: services, names: [service], variables, run },
          portOf: (name) => portOf(name) + secondAbove,
        });
        if (process === undefined) throw new Error(`there is no service ${service}`);
        const kept = keepRunning({
          ...process,
          command: execPath,
          cwd: root,
          line: (text) => logged.push(`${service} ${text}`),
          say: (text) => said.push(text),
          began: () => Promise.resolve(),
        });
        await kept.ready;
        return { close: () => kept.close(3_000) };
      },
      async tokenOfAdmin() {
        const operator = await openOperator(variables);
        const { accessToken } = await operator.dial(OperatorService).issueToken({ requestId: crypto.randomUUID() });
        operator.close();
        return accessToken;
      },
      async certify(workload, from = new Date()) {
        const pair = await authority.issue({ workload, spiffeId: spiffeIdOf(localMesh, workload), now: from });
        return { ca: authority.ca, ...pair };
      },
      callAs(material, service) {
        const source = { current: () => material, onChange: () => () => {} };
        const tls = { source, serverSpiffeId: spiffeIdOf(localMesh, service) };
        const transport = createRpcTransport({ address: `127.0.0.1:${portOf(service)}`, tls });
        transports.push(transport);
        return transport;
      },
      async close() {
        await market.close();
        await close();
      },
    };
  } catch (error) {
    console.log(logged.slice(-20).join('\n'));
    await close();
    throw error;
  }
}

/** Asks again and again until the answer is neither undefined nor false; fails with `what` when that takes too long. */
export async function until<T>(
  what: string,
  limitMs: number,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const giveUpMs = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > giveUpMs) throw new Error(`${what}: not within ${limitMs / 1_000} s`);
    await pause(20); // between two looks
  }
}

export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** Brings a file into its place as a whole. */
export async function push(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** Sends a signal to a process of the mesh. */
export function signal(world: World, name: string, which: NodeJS.Signals): void {
  process.kill(world.pidOf(name), which);
}
