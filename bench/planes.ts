import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '#platform/free-port.ts';
import { findEnvoy } from '../envoy/binary.ts';
import type { Form } from '../envoy/node-files.ts';
import { renderEnvoy } from '../mesh/envoy/envoy.ts';
import { loadContracts } from '../mesh/load.ts';
import { createModel, type MeshModel } from '../mesh/model.ts';
import { renderAll } from '../mesh/renderers.ts';
import { settings } from '../mesh/shop-settings.ts';
import { type Envoys, openEnvoys } from '../test/planes/envoys.ts';
import { cpuSeconds } from './load.ts';
import type { Row } from './row.ts';
import { issueForAnHour, load } from './rpc-caller.ts';
import { ask } from './rpc.ts';
import type { RpcServerKind } from './rpc-server.ts';

const inFlight = 8;
const warmUpMs = 1_500;
const serversCore = 0;

/** A way from a caller to a server, with what stands on it. */
type Way = { readonly name: string; readonly server: RpcServerKind; readonly envoys?: Form };

const ways: readonly Way[] = [
  { name: 'plain', server: 'only2u-bare' },
  { name: 'mutual TLS', server: 'only2u-bare-tls' },
  { name: 'mutual TLS, all checks of the process', server: 'only2u-full' },
  { name: 'one Envoy, all its checks', server: 'only2u-bare', envoys: 'one' },
  { name: 'sidecars, all their checks', server: 'only2u-bare', envoys: 'sidecars' },
];

/**
 * What each plane adds to a call: the same contract, message and caller, eight calls in flight on one connection. Servers and Envoys on
 * one core, the caller on the other; processor time is that of servers and Envoys together. The best of `rounds` counts.
 */
export async function benchPlanes(report: (row: Row) => void): Promise<void> {
  const seconds = Number(process.env['BENCH_SECONDS'] ?? 3);
  const best = new Map<string, Row>();
  for (let round = 0; round < 3; round += 1) {
    for (const way of ways) {
      const row = await measure(way, seconds);
      const before = best.get(way.name);
      if (before === undefined || (row.cpuMicros ?? 0) < (before.cpuMicros ?? 0)) best.set(way.name, row);
    }
  }
  for (const row of best.values()) report(row);
  const beganMs = performance.now();
  const files = loadContracts('proto');
  const builtMs = performance.now();
  const rendered = renderAll(createModel(files), settings);
  const kib = Math.round(rendered.reduce((bytes, { text }) => bytes + text.length, 0) / 1_024);
  const inMs = (from: number, to: number): string => `${Math.round(to - from)} ms`;
  console.log(
    `\nThe whole contract: ${inMs(beganMs, builtMs)} by buf, ${inMs(builtMs, performance.now())} to render ${rendered.length} files, ${kib} KiB.`,
  );
}

async function measure({ name, server: kind, envoys }: Way, seconds: number): Promise<Row> {
  const tls = await (certificates ??= issueForAnHour());
  const run = await mkdtemp(join(tmpdir(), 'o2u-'));
  const child = fork(new URL('./rpc-server.ts', import.meta.url), {
    serialization: 'json',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execPath: 'taskset',
    execArgv: ['-c', String(serversCore), process.execPath],
  });
  let running: Envoys | undefined;
  try {
    const start = (path?: string): Promise<number> => ask(child, { kind, tls: tls.product, ...(path && { path }) });
    if (envoys !== undefined) running = await startEnvoys(envoys, run, tls, async (path) => void (await start(path)));
    const session = running === undefined ? direct(kind, await start(), tls.gateway) : throughEnvoy(run);
    await once(session, 'connect');
    await load(session, warmUpMs, inFlight);
    const spent = async (): Promise<number> => (await ask(child, 'cpu')) + cpuSeconds(running?.pids ?? []) * 1e6;
    const before = await spent();
    const beganMs = performance.now();
    const took = await load(session, seconds * 1_000, inFlight);
    const elapsedMs = performance.now() - beganMs;
    const cpuMicros = ((await spent()) - before) / took.length;
    session.close();
    took.sort((a, b) => a - b);
    const at = (part: number): number => Number((took[Math.floor(took.length * part)] ?? NaN).toFixed(2));
    return {
      name,
      perSecond: Math.round((took.length * 1_000) / elapsedMs),
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      cpuMicros: Math.round(cpuMicros * 10) / 10,
    };
  } finally {
    child.disconnect(); // it ends then
    await running?.close();
    await rm(run, { recursive: true, force: true });
  }
}

function direct(kind: RpcServerKind, port: number, tls: object): ClientHttp2Session {
  return kind === 'only2u-bare' ? connect(`http://127.0.0.1:${port}`) : connect(`https://localhost:${port}`, tls);
}

/** As a process behind a sidecar calls: in plain text, at its own socket, with the peer's name as the authority. */
function throughEnvoy(run: string): ClientHttp2Session {
  return connect('http://product', { createConnection: () => connectSocket(join(run, 'gateway', 'mesh.sock')) });
}

/** A mesh of the two workloads that the call concerns. */
function smallModel(): MeshModel {
  const { workloads, methods } = createModel(loadContracts('proto'));
  const isKept = (name: string): boolean => name === 'product' || name === 'gateway';
  return {
    workloads: workloads.filter(({ name }) => isKept(name)),
    methods: methods
      .filter(({ servedBy }) => servedBy.includes('product'))
      .map((method) => ({
        ...method,
        servedBy: ['product'],
        policy: { ...method.policy, callers: method.policy.callers.filter(isKept) },
        sourceOf: (field) => method.sourceOf(field),
      })),
    events: [],
  };
}

/** The Envoys of a form between gateway and product, on the servers' core. The edge is no part of this way. */
async function startEnvoys(
  form: Form,
  run: string,
  tls: Certificates,
  serve: (path: string) => Promise<void>,
): Promise<Envoys> {
  const model = smallModel();
  const [keysPort = 0] = await freePorts(1);
  const envoys = await openEnvoys(
    {
      ...{ form, model, settings, core: serversCore },
      binary: await findEnvoy(),
      rendered: renderEnvoy(model, settings).filter(({ path }) => !path.startsWith('envoy/sidecars/edge/')),
      world: {
        folder: () => Promise.resolve(run),
        certificateOf: (name) => (name === 'product' ? tls.product : tls.gateway),
        keysPort, // nobody is there: no call has a token
      },
    },
    async (path) => {
      await serve(path);
      return () => Promise.resolve();
    },
  );
  await envoys.untilWell();
  return envoys;
}

type Certificates = Awaited<ReturnType<typeof issueForAnHour>>;
let certificates: Promise<Certificates> | undefined;
