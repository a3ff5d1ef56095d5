import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createEnvoyAdmin } from '../envoy/admin.ts';
import { findEnvoy } from '../envoy/binary.ts';
import { folderOf, type Form, installFiles, nodesOf, type Places } from '../envoy/node-files.ts';
import { renderEnvoy } from '../mesh/envoy/envoy.ts';
import { loadContracts } from '../mesh/load.ts';
import { createModel, type MeshModel } from '../mesh/model.ts';
import { renderAll } from '../mesh/renderers.ts';
import { settings } from '../mesh/shop-settings.ts';
import { cpuSeconds } from './load.ts';
import type { Row } from './row.ts';
import { issueForAnHour, load } from './rpc-caller.ts';
import { ask } from './rpc.ts';
import type { RpcServerKind } from './rpc-server.ts';

const inFlight = 8;
const warmUpMs = 1_500;
const usualPort = settings.portOf('product');

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
    execArgv: ['-c', '0', process.execPath],
  });
  const running: ChildProcess[] = [];
  try {
    const path = join(run, 'product', 'app.sock');
    await mkdir(join(run, 'product'), { recursive: true });
    const port = await ask(child, { kind, tls: tls.product, ...(envoys && { path }) });
    if (envoys !== undefined) running.push(...(await startEnvoys(envoys, run, tls)));
    const session = envoys === undefined ? direct(kind, port, tls.gateway) : throughEnvoy(run);
    await once(session, 'connect');
    await load(session, warmUpMs, inFlight);
    const pids = running.flatMap(({ pid }) => pid ?? []);
    const spent = async (): Promise<number> => (await ask(child, 'cpu')) + cpuSeconds(pids) * 1e6;
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
    await Promise.all(
      running.map(async (envoy) => {
        envoy.kill('SIGTERM');
        if (envoy.exitCode === null) await once(envoy, 'exit');
      }),
    );
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

async function startEnvoys(
  form: Form,
  run: string,
  tls: Awaited<ReturnType<typeof issueForAnHour>>,
): Promise<ChildProcess[]> {
  for (const [name, { ca, cert, key }] of Object.entries(tls)) {
    await mkdir(join(run, name), { recursive: true });
    await writeFile(join(run, name, 'cert.pem'), cert);
    await writeFile(join(run, name, 'key.pem'), key);
    await writeFile(join(run, 'ca.pem'), ca);
  }
  const binary = await findEnvoy();
  const places: Places = {
    run,
    ports: new Map([
      [usualPort, 28_452],
      [settings.portOf('gateway'), 28_480],
    ]),
  };
  // The edge is no part of this way.
  const nodes = nodesOf(form, renderEnvoy(smallModel(), settings)).filter(({ node }) => node !== 'edge');
  for (const node of nodes) await installFiles(node, places);
  const started = nodes.map(({ node }) => {
    const bootstrap = join(folderOf(node, run), 'bootstrap.yaml');
    const args = ['-c', '0', binary, '-c', bootstrap, '--disable-hot-restart', '--concurrency', '1', '-l', 'error'];
    return spawn('taskset', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  });
  for (const { node } of nodes) {
    const admin = createEnvoyAdmin(join(folderOf(node, run), 'admin.sock'));
    const isReady = async (): Promise<boolean> => (await admin.get('/ready'))?.trim() === 'LIVE';
    const giveUpMs = performance.now() + 10_000;
    while (!(await isReady())) {
      if (performance.now() > giveUpMs) throw new Error(`the Envoy "${node}" isn’t ready after 10 s`);
      await delay(50);
    }
  }
  await isReached(run);
  return started;
}

/** The peer is there when its health was checked. */
async function isReached(run: string): Promise<void> {
  const giveUpMs = performance.now() + 10_000;
  for (;;) {
    const session = throughEnvoy(run);
    await once(session, 'connect');
    const answered = await load(session, 1, 1).then(
      () => true,
      () => false,
    );
    session.destroy();
    if (answered) return;
    if (performance.now() > giveUpMs) throw new Error('product isn’t reached through Envoy after 10 s');
    await delay(100);
  }
}

let certificates: ReturnType<typeof issueForAnHour> | undefined;
