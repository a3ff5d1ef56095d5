import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '#platform/free-port.ts';
import { createEnvoyAdmin } from '../../envoy/admin.ts';
import { folderOf, type Form, installFiles, nodesOf, type Places } from '../../envoy/node-files.ts';
import { behindTheEdge } from '../../mesh/envoy/names.ts';
import { edgesOf, type MeshModel } from '../../mesh/model.ts';
import type { Rendered, RenderSettings } from '../../mesh/render.ts';
import type { World } from './world.ts';

export type EnvoysOptions = {
  readonly binary: string;
  readonly form: Form;
  readonly rendered: readonly Rendered[];
  readonly model: MeshModel;
  readonly settings: RenderSettings;
  readonly world: Pick<World, 'certificateOf' | 'folder' | 'keysPort'>;
  /** The one core that all of them run on; any, unless told. */
  readonly core?: number;
};

const startWithinMs = 20_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL'); // however this process ends by itself, it leaves none behind
});

/** Envoys that run, and where. */
export type Envoys = {
  readonly run: string;
  /** The numbers of their processes. */
  readonly pids: readonly number[];
  /** Where a workload, or the edge, is reached. */
  portOf(workload: string): number;
  /** Resolves when each has found all whom it reaches well. */
  untilWell(): Promise<void>;
  close(): Promise<void>;
};

/** Starts real Envoys from rendered files, on ports of their own. `serve` opens what stands behind the sidecar of a workload, on its socket. */
export async function openEnvoys(
  options: EnvoysOptions,
  serve: (socketPath: string) => Promise<() => Promise<void>>,
): Promise<Envoys> {
  const { binary, form, rendered, model, settings, world, core } = options;
  const run = await world.folder();
  const names = model.workloads.map(({ name }) => name);
  const serving = model.workloads.filter(({ kind }) => kind === 'service').map(({ name }) => name);
  const ports = await portsFor([...serving, ...edgesOf(model)], settings, world, edgesOf(model));
  const places: Places = { run, ports };

  for (const name of names) {
    const { ca, cert, key } = world.certificateOf(name);
    await mkdir(join(run, name), { recursive: true, mode: 0o700 });
    await writeFile(join(run, name, 'cert.pem'), cert);
    await writeFile(join(run, name, 'key.pem'), key);
    await writeFile(join(run, 'ca.pem'), ca);
  }
  const nodes = nodesOf(form, rendered);
  const pids: number[] = [];
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closing.splice(0).reverse()) await each();
  };
  try {
    for (const name of serving) closing.push(await serve(join(run, name, 'app.sock')));
    for (const node of nodes) await installFiles(node, places);
    const started = nodes.map(({ node }) => startEnvoy(binary, folderOf(node, run), core));
    closing.push(...started.map((envoy) => envoy.close));
    pids.push(...started.flatMap(({ pid }) => pid ?? []));
    await Promise.all(started.map((envoy) => envoy.ready()));
  } catch (error) {
    await close();
    throw error;
  }
  const untilWell = async (): Promise<void> => {
    for (const { node } of nodes) await untilAllWell(join(folderOf(node, run), 'admin.sock'));
  };
  return { run, pids, untilWell, portOf: (workload) => ports.get(settings.portOf(workload)) ?? 0, close };
}

async function untilAllWell(adminSocket: string): Promise<void> {
  const admin = createEnvoyAdmin(adminSocket);
  const giveUpMs = Date.now() + startWithinMs;
  for (;;) {
    const states = (await admin.get('/clusters'))?.match(/(?<=::health_flags::).*$/gm) ?? [];
    if (states.every((state) => state === 'healthy')) return;
    if (Date.now() > giveUpMs) throw new Error(`not all that ${adminSocket} reaches are well`);
    await delay(20);
  }
}

/** Other ports than the usual ones, at which a shop may be running; behind the edge are the world's keys. */
async function portsFor(
  workloads: readonly string[],
  settings: RenderSettings,
  world: EnvoysOptions['world'],
  edges: readonly string[],
) {
  const free = await freePorts(workloads.length);
  const ports = new Map(workloads.map((name, index) => [settings.portOf(name), free[index] ?? 0]));
  for (const edge of edges) ports.set(settings.portOf(edge) + behindTheEdge, world.keysPort);
  return ports;
}

/** Starts Envoy from a folder's bootstrap.yaml, which has it answer on admin.sock there. */
export function startEnvoy(binary: string, folder: string, core?: number) {
  const threads = core === undefined ? '2' : '1';
  const args = ['-c', join(folder, 'bootstrap.yaml'), '--disable-hot-restart', '--concurrency', threads, '-l', 'error'];
  const [command, ...rest] =
    core === undefined ? ([binary, ...args] as const) : (['taskset', '-c', String(core), binary, ...args] as const);
  const child: ChildProcess = spawn(command, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)));
  const ended = once(child, 'exit');
  running.add(child);
  const admin = createEnvoyAdmin(join(folder, 'admin.sock'));
  return {
    pid: child.pid,
    async ready(): Promise<void> {
      const giveUpMs = Date.now() + startWithinMs;
      while ((await admin.get('/ready'))?.trim() !== 'LIVE') {
        if (child.exitCode !== null || Date.now() > giveUpMs) throw new Error(`Envoy did not start:\n${said}`);
        await delay(20);
      }
      const refused = /_rejected: [1-9].*/.exec((await admin.get('/stats?filter=update_rejected')) ?? '');
      if (refused !== null) throw new Error(`Envoy refused what was rendered (${refused[0]}):\n${said}`);
    },
    async close(): Promise<void> {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await ended;
      clearTimeout(force);
      running.delete(child);
    },
  };
}
