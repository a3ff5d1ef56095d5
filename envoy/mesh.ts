import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { workloads } from '#gen/mesh/policies.ts';
import { type ClosingStack, createClosingStack } from '#platform/closing.ts';
import { isGiven, type Variables } from '#platform/config.ts';
import type { DataFolder } from '#platform/data-folder.ts';
import { createEmbeddedPostgres } from '#platform/embedded-postgres.ts';
import { createLog } from '#platform/telemetry/log.ts';
import { openCertificates } from './certificates.ts';
import { startEnvoys } from './envoys.ts';
import { keepRunning, type KeptProcess } from './kept-process.ts';
import type { Form, Places } from './node-files.ts';
import { createObserver } from './observed.ts';
import { observedFile, writePlaces } from './places.ts';
import { checkPorts, type NeededPort } from './ports.ts';
import { openRendered } from './rendered.ts';
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
  /** Where Envoys and processes listen, other than rendered. */
  readonly ports: Places['ports'];
  readonly needed: readonly NeededPort[];
  /** What is rendered from the contracts; watched. gen/mesh, unless told. */
  readonly rendered?: string;
  /** Reads a policy to come, whose refusals are counted. */
  readonly shadow?: (() => Shadow) | undefined;
  /** Told in words what happens. */
  say(text: string): void;
  /** Told each line of a service's log, and each call of an Envoy's if it is wanted. */
  line(name: string, text: string): void;
  readonly showCalls: boolean;
  readonly signal: AbortSignal;
};

export type RunningMesh = {
  readonly run: string;
  readonly processes: readonly KeptProcess[];
  close(): Promise<void>;
};

const closeWithinMs = 3_800; // five seconds is what people wait, with all that comes after

/**
 * Starts Envoys with what was rendered for them, and a process a service behind them. Everything is ended when one can't start, or when
 * `signal` says so before all have.
 */
export async function openMesh(options: MeshOptions): Promise<RunningMesh> {
  const closing = createClosingStack();
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= closing.close());
  const giveUp = (): void => void close().catch(() => undefined);
  options.signal.addEventListener('abort', giveUp);
  try {
    return { ...(await start(options, closing.stage)), close };
  } catch (error) {
    await close().catch(() => undefined); // the first error says more
    throw error;
  } finally {
    options.signal.removeEventListener('abort', giveUp);
  }
}

async function start(options: MeshOptions, stage: ClosingStack['stage']): Promise<Omit<RunningMesh, 'close'>> {
  const { data, form, say, signal, rendered: folder = join(root, 'gen/mesh') } = options;
  const { path: run, began, cleared, close: closeRun } = await openRunFolder(data.path);
  stage(closeRun);
  if (cleared > 0) say(`${cleared} processes of a mesh that was killed have been ended`);
  await checkPorts(options.needed);
  for (const old of ['envoy', 'observed.json']) await rm(join(run, old), { recursive: true, force: true });
  for (const workload of workloads) await mkdir(join(run, workload), { recursive: true, mode: 0o700 });

  say('certificates …');
  const log = createLog({ level: 'warn', format: process.stdout.isTTY ? 'pretty' : 'json' });
  const now = (): Date => new Date();
  const certificates = await openCertificates({ dataDir: data.path, folder: run, workloads, log, now, say });
  stage(() => certificates.close());
  const places: Places = { run, ports: options.ports };
  const rendered = await openRendered({ folder, form, places, shadow: options.shadow, say });
  stage(() => rendered.close());

  signal.throwIfAborted();
  say(rendered.nodes.length === 1 ? 'Envoy …' : `${rendered.nodes.length} Envoys …`);
  const observer = createObserver(observedFile(run));
  stage(() => observer.close());
  const shared = { cwd: root, say, began };
  const call = options.showCalls ? options.line : undefined;
  const envoys = startEnvoys({ ...shared, command: options.envoy, nodes: rendered.nodes, run, observer, call });
  stage(...envoys.processes.map((each) => () => each.close(closeWithinMs)));
  await envoys.ready();

  const services = options.services(run, { ...options.variables, ...rendered.variables });
  await writePlaces(run, {
    form,
    envoys: [...rendered.nodes],
    services: services.map(({ name, admin }) => ({ name, admin })),
  });
  const inner = services.filter(({ isEdge }) => !isEdge);
  signal.throwIfAborted();
  await holdPostgres(options, inner, stage);
  say('services …');
  const serviceStage = stage();
  const processes = [...envoys.processes];
  for (const group of [inner, services.filter(({ isEdge }) => isEdge)]) {
    signal.throwIfAborted();
    const kept = group.map((service) => {
      const line = (text: string): void => options.line(service.name, text);
      return keepRunning({ ...shared, ...service, command: process.execPath, line });
    });
    serviceStage.push(...kept.map((each) => () => each.close(closeWithinMs)));
    processes.push(...kept);
    await Promise.all(kept.map(({ ready }) => ready));
  }
  if (services.some(({ isEdge }) => isEdge)) await envoys.keysRead();
  return { run, processes };
}

/** Holds the database that comes with the shop, where a service uses it: so it outlives services that are killed. */
async function holdPostgres(
  { data, variables, postgresPort: port, say }: MeshOptions,
  services: readonly ServiceProcess[],
  stage: ClosingStack['stage'],
): Promise<void> {
  const users = services.map(({ name }) => name).filter((name) => !isGiven(variables, name, 'DATABASE_URL'));
  if (users.length === 0) return;
  const embedded = createEmbeddedPostgres({ data, port, onProgress: (text) => say(`${text} …`) });
  const postgres = await embedded.start(users);
  stage(() => postgres.close());
}
