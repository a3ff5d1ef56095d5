import { watch } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { workloads } from '#gen/mesh/policies.ts';
import type { DataFolder } from '#platform/data-folder.ts';
import { createClosingStack } from '#platform/closing.ts';
import { isGiven, type Variables } from '#platform/config.ts';
import { createEmbeddedPostgres } from '#platform/embedded-postgres.ts';
import { StartError } from '#platform/start-error.ts';
import { createLog } from '#platform/telemetry/log.ts';
import { createEnvoyAdmin, type EnvoyAdmin } from './admin.ts';
import { openCertificates } from './certificates.ts';
import { readEnvoyLog } from './envoy-log.ts';
import { keepRunning, type KeptProcess } from './kept-process.ts';
import { folderOf, type Form, installFiles, nodesOf, type Places, readRendered } from './node-files.ts';
import { createObserver } from './observed.ts';
import { observedFile, writePlaces } from './places.ts';
import { openRunFolder } from './run-folder.ts';
import type { ServiceProcess } from './service-processes.ts';
import type { Shadow } from './shadow.ts';

const root = resolve(import.meta.dirname, '..');

export type MeshOptions = {
  readonly data: DataFolder;
  readonly form: Form;
  /** The Envoy to run. */
  readonly envoy: string;
  readonly variables: Variables;
  readonly postgresPort: number;
  /** The services to start; made for the folder that the mesh runs in. */
  services(run: string, variables: Variables): readonly ServiceProcess[];
  readonly ports: Places['ports'];
  /** A policy to come, whose refusals are counted; without one the Envoys read gen/mesh/envoy, which is watched. */
  readonly shadow?: Shadow | undefined;
  /** Told in words what happens. */
  say(text: string): void;
  /** Told each line of a service's log, and each call of an Envoy's if it is wanted. */
  line(name: string, text: string): void;
  readonly showCalls: boolean;
};

export type RunningMesh = {
  readonly run: string;
  readonly processes: readonly KeptProcess[];
  close(): Promise<void>;
};

const closeWithinMs = 3_800; // five seconds is what people wait, with all that comes after
const keysWithinMs = 10_000;
const settleMs = 100; // a program writes many files at a time

/** Starts Envoys with what was rendered for them, and a process a service behind them. Everything is ended when one can't start. */
export async function openMesh(options: MeshOptions): Promise<RunningMesh> {
  const { stage, close } = createClosingStack();
  try {
    return await start(options, stage, close);
  } catch (error) {
    await close().catch(() => undefined); // the first error says more
    throw error;
  }
}

async function start(
  options: MeshOptions,
  stage: ReturnType<typeof createClosingStack>['stage'],
  close: () => Promise<void>,
): Promise<RunningMesh> {
  const { data, form, say } = options;
  const run = await openRunFolder(data.path);
  stage(() => run.close());
  if (run.cleared > 0) say(`${run.cleared} processes of a mesh that was killed have been ended`);
  for (const old of ['envoy', 'observed.json']) await rm(join(run.path, old), { recursive: true, force: true });
  const places: Places = { run: run.path, ports: options.ports };
  for (const workload of workloads) await mkdir(join(run.path, workload), { recursive: true, mode: 0o700 });

  say('certificates …');
  const log = createLog({ level: 'warn', format: process.stdout.isTTY ? 'pretty' : 'json' });
  const certificates = await openCertificates({ dataDir: data.path, folder: run.path, workloads, log, say });
  stage(() => certificates.close());

  const generated = join(root, 'gen/mesh/envoy');
  const nodes = nodesOf(form, options.shadow?.rendered ?? (await readRendered(generated)));
  if (nodes.length === 0)
    throw new StartError('There is nothing for an Envoy in gen/mesh/envoy: run npm run generate.');
  for (const node of nodes) await installFiles(node, places);
  const observer = createObserver(observedFile(run.path));
  stage(() => observer.close());

  say(nodes.length === 1 ? 'Envoy …' : `${nodes.length} Envoys …`);
  const shared = { cwd: root, say, began: run.began };
  const admins = nodes.map(({ node }) => createEnvoyAdmin(join(folderOf(node, run.path), 'admin.sock')));
  const envoys = nodes.map(({ node }, index) => {
    const admin = admins[index];
    const call = options.showCalls ? { call: (line: string) => options.line(node, line) } : {};
    return keepRunning({
      ...shared,
      name: node === 'one' ? 'envoy' : `envoy-${node}`,
      command: options.envoy,
      args: envoyArguments(join(folderOf(node, run.path), 'bootstrap.yaml')),
      env: { PATH: process.env['PATH'] },
      isReady: async () => (await admin?.get('/ready'))?.trim() === 'LIVE',
      line: readEnvoyLog({ node, observer, say, ...call }),
    });
  });
  const envoyStage = stage();
  envoyStage.push(...envoys.map((envoy) => () => envoy.close(closeWithinMs)));
  await Promise.all(envoys.map(({ ready }) => ready));

  const shadowFile = join(run.path, 'shadow.json');
  if (options.shadow !== undefined) await writeFile(shadowFile, options.shadow.policies, { mode: 0o600 });
  const shadowing = options.shadow === undefined ? {} : { POLICY_SHADOW_FILE: shadowFile };
  const services = options.services(run.path, { ...options.variables, ...shadowing });
  await writePlaces(run.path, {
    form,
    envoys: nodes.map(({ node }) => node),
    services: services.map(({ name, admin }) => ({ name, admin })),
  });
  const inner = services.filter(({ isEdge }) => !isEdge);
  const keepingData = inner.map(({ name }) => name).filter((name) => !isGiven(options.variables, name, 'DATABASE_URL'));
  if (keepingData.length > 0) {
    // Held here, so that it outlives a service that is killed.
    const embedded = createEmbeddedPostgres({
      data,
      port: options.postgresPort,
      onProgress: (text) => say(`${text} …`),
    });
    const postgres = await embedded.start(keepingData);
    stage(() => postgres.close());
  }
  say('services …');
  const serviceStage = stage();
  const processes = [...envoys];
  for (const group of [inner, services.filter(({ isEdge }) => isEdge)]) {
    const kept = group.map((service) =>
      keepRunning({
        ...shared,
        ...service,
        command: process.execPath,
        line: (text) => options.line(service.name, text),
      }),
    );
    serviceStage.push(...kept.map((each) => () => each.close(closeWithinMs)));
    processes.push(...kept);
    await Promise.all(kept.map(({ ready }) => ready));
  }
  await keysRead(admins);

  if (options.shadow === undefined) stage(watchRendered(generated, form, places, say));
  return { run: run.path, processes, close };
}

/** Waits until every Envoy that looks at tokens has the keys for it: they come through the shop itself, which answers only now. */
async function keysRead(admins: readonly EnvoyAdmin[]): Promise<void> {
  const giveUpMs = Date.now() + keysWithinMs;
  for (const admin of admins) {
    for (;;) {
      const text = (await admin.get('/stats?filter=jwks_fetch_success')) ?? '';
      const counts = [...text.matchAll(/: (\d+)$/gm)].map(([, count]) => Number(count));
      if (counts.every((count) => count > 0) || Date.now() > giveUpMs) break;
      await sleep(50);
    }
  }
}

function envoyArguments(bootstrap: string): string[] {
  return ['-c', bootstrap, '--disable-hot-restart', '--log-level', 'warning', '--concurrency', '2'];
}

/** Gives the Envoys what is rendered anew, as soon as it lies there. Returns what ends the watching. */
function watchRendered(folder: string, form: Form, places: Places, say: (text: string) => void): () => Promise<void> {
  let installing = Promise.resolve();
  let wanted = false;
  const bring = async (): Promise<void> => {
    await sleep(settleMs);
    wanted = false;
    const nodes = nodesOf(form, await readRendered(folder));
    const changed = await Promise.all(
      nodes.map(async (node) => [node.node, await installFiles(node, places)] as const),
    );
    for (const [node, files] of changed) {
      if (files.length > 0) say(`Envoy "${node}" was given new ${files.join(', ')}`);
    }
  };
  const watcher = watch(folder, { recursive: true }, () => {
    if (wanted) return;
    wanted = true;
    installing = installing
      .then(bring)
      .catch((error: unknown) => say(`gen/mesh/envoy can’t be read: ${String(error)}`));
  });
  watcher.on('error', (error) => say(`gen/mesh/envoy is no longer watched: ${error.message}`));
  return async () => {
    watcher.close();
    await installing;
  };
}
