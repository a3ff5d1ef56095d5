import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StartError } from '#platform/start-error.ts';
import { killContainer, removeContainer, startContainer, stopContainer } from './docker.ts';
import {
  endWithUs,
  holdProcess,
  isRunning,
  type KeptProcess,
  killProcess,
  lastWords,
  startProcess,
  stopProcess,
  untilUp,
} from './engine-process.ts';
import { checkPorts, openPlace, portsFor } from './place.ts';
import { loadRecipe } from './recipes.ts';
import type { EngineName, Place, ProcessPlan, Recipe } from './recipe.ts';
import { type EngineRecord, readRecord, writeRecord } from './state.ts';

export type OpenEngineOptions = {
  /** Of all engines that belong together; each has a folder of its own in it, and they share one authority. */
  readonly folder: string;
  /** By purpose, such as { tls: 26380 }; what is not said is free, and the same at each later start in the folder. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Of Cassandra: 1, or 3, which listen on 127.0.0.1 to 127.0.0.3. */
  readonly nodes?: number;
  readonly version?: string | undefined;
  /** Whether it runs in a container: not unless told, or begun so. */
  readonly docker?: boolean;
  /** Whether it ends when this process does, whatever ends that: so unless told. */
  readonly attached?: boolean;
  readonly say?: (text: string) => void;
};

/** A real engine on this machine, healthy: users and topology are made, and it was signed in to over TLS. */
export type OpenEngine = {
  readonly name: EngineName;
  readonly title: string;
  /** As the engine says it. */
  readonly version: string;
  readonly ports: Readonly<Record<string, number>>;
  /** What a process sets to stand on it, such as REDIS_URL_FILE. */
  readonly variables: Readonly<Record<string, string>>;
  /** Its processes' names: of a cluster one for each node, "node1" first. */
  readonly processes: readonly string[];
  /** Ends all its processes, or the named one, by SIGKILL, as a power cut would. */
  kill(process?: string): Promise<void>;
  /** Stops all its processes in their tracks: its ports accept, and nobody answers. Not in Docker. */
  pause(): void;
  /** Lets them go on. */
  resume(): void;
  /** Ends all in order, which start() takes back. */
  stop(): Promise<void>;
  /** Starts what does not run, on the same data and ports; resolves when it is healthy. */
  start(): Promise<void>;
  /** Ends all; the data stay. */
  close(): Promise<void>;
  /** Ends all and deletes the data. */
  purge(): Promise<void>;
};

/** Opens an engine in a folder: starts it, or joins the one that runs there. Throws a StartError that says what to do. */
export async function openEngine(name: EngineName, options: OpenEngineOptions): Promise<OpenEngine> {
  const recipe = await loadRecipe(name);
  const say = options.say ?? (() => undefined);
  const known = await readRecord(join(options.folder, name));
  const running =
    known !== undefined && (known.processes.some(isRunning) || (known.chosen.docker && known.version !== ''));
  const nodes = options.nodes ?? known?.chosen.nodes ?? 1;
  const version = options.version ?? known?.chosen.version;
  const docker = options.docker ?? known?.chosen.docker ?? false;
  if (docker && (nodes > 1 || version !== undefined))
    throw new StartError(
      `In Docker ${recipe.title} is one node of the version in engines/compose.yaml: give --no-docker.`,
    );
  if (
    known !== undefined &&
    (nodes !== known.chosen.nodes || version !== known.chosen.version || docker !== known.chosen.docker)
  ) {
    throw new StartError(
      `${recipe.title} in ${join(options.folder, name)} was started with ${describe(known)}: give the same, or npm run engines -- down --purge ${name}.`,
    );
  }
  const ports =
    known !== undefined && running ? known.ports : { ...(await portsFor(recipe)), ...known?.ports, ...options.ports };
  const place = await openPlace(recipe, { folder: options.folder, ports, nodes, version, say });
  const record: EngineRecord = {
    name,
    version: '',
    chosen: { nodes, ...(version !== undefined && { version }), docker },
    ports,
    processes: known?.processes.filter(isRunning) ?? [],
    variables: {},
  };
  const plans = docker ? [] : await recipe.plan(place);
  const container = { folder: options.folder, name, ports };
  const watchdogs = new Map<string, { release(): void }>();
  const attached = options.attached !== false;

  async function start(): Promise<void> {
    if (!running && !record.processes.some(isRunning) && !docker) await checkPorts(recipe, ports);
    if (docker) await startContainer(container, place);
    const deadline = Date.now() + recipe.startWithinMs * nodes;
    for (const plan of plans) {
      if (record.processes.some((kept) => kept.name === plan.name && isRunning(kept))) continue;
      await trimLog(place, plan);
      const kept = await startProcess(place.folder, plan);
      if (attached) watchdogs.set(plan.name, endWithUs(kept));
      const { stopSignal, pidFile } = plan;
      record.processes = [
        ...record.processes.filter((each) => each.name !== plan.name),
        { ...kept, ...(stopSignal === 'SIGINT' && { stopSignal }), ...(pidFile !== undefined && { pidFile }) },
      ];
      await writeRecord(place.folder, record); // before all else: whoever comes later must find it
      await untilUp(place.folder, kept, plan, deadline - Date.now());
    }
    record.version = await untilHealthy(recipe, place, record, deadline);
    record.variables = { ...(await recipe.variables(place)) };
    await writeRecord(place.folder, record);
  }

  function release(kept: KeptProcess): void {
    watchdogs.get(kept.name)?.release();
    watchdogs.delete(kept.name);
  }

  async function stop(): Promise<void> {
    record.processes.forEach(release);
    await endEngine(options.folder, record);
  }

  try {
    await start();
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
  return {
    name,
    title: recipe.title,
    version: record.version,
    ports,
    variables: record.variables,
    processes: plans.map((plan) => plan.name),
    pause: () => record.processes.forEach((kept) => holdProcess(kept, 'SIGSTOP')),
    resume: () => record.processes.forEach((kept) => holdProcess(kept, 'SIGCONT')),
    start,
    stop,
    close: stop,
    async purge() {
      await stop();
      await purgeEngine(options.folder, name);
    },
    async kill(one) {
      if (docker) await killContainer(container);
      for (const kept of record.processes.filter((each) => one === undefined || each.name === one)) {
        await killProcess(kept);
        release(kept);
      }
    },
  };
}

/** Ends an engine of a folder in order, the process that was started last first, and keeps that it has ended. */
export async function endEngine(folder: string, record: EngineRecord): Promise<void> {
  if (record.chosen.docker) await stopContainer({ folder, name: record.name, ports: record.ports });
  for (const kept of record.processes.toReversed()) {
    const { stopSignal, pidFile } = kept;
    await stopProcess(kept, { ...(stopSignal && { stopSignal }), ...(pidFile !== undefined && { pidFile }) });
  }
  record.processes = [];
  if (record.chosen.docker) record.version = '';
  await writeRecord(join(folder, record.name), record);
}

/** Deletes all that an engine kept in a folder. */
export async function purgeEngine(folder: string, name: EngineName): Promise<void> {
  const [recipe, record] = [await loadRecipe(name), await readRecord(join(folder, name))];
  if (record?.chosen.docker === true) await removeContainer({ folder, name, ports: record.ports });
  await recipe.purge?.(join(folder, name));
  await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
}

function describe({ chosen }: EngineRecord): string {
  return `${chosen.nodes === 1 ? 'one node' : `${chosen.nodes} nodes`}, version ${chosen.version ?? 'as usual'}${chosen.docker ? ', in Docker' : ''}`;
}

async function untilHealthy(recipe: Recipe, place: Place, record: EngineRecord, deadline: number): Promise<string> {
  let saidMs = Date.now();
  for (;;) {
    try {
      await recipe.setUp(place);
      return await recipe.check(place);
    } catch (error) {
      const ended = record.processes.find((kept) => !isRunning(kept));
      const reason = error instanceof Error ? error.message : String(error);
      if (ended !== undefined)
        throw new StartError(`${recipe.title} has ended:\n${await lastWords(place.folder, ended.name)}`);
      if (Date.now() > deadline) {
        const words = await lastWords(place.folder, record.processes.at(-1)?.name ?? '');
        throw new StartError(`${recipe.title} does not come up: ${reason}\n${words}`, { cause: error });
      }
      if (Date.now() - saidMs > 10_000) {
        place.say(`not yet: ${reason.split('\n')[0]}`);
        saidMs = Date.now();
      }
      await delay(100);
    }
  }
}

const logLimitBytes = 20 * 1024 * 1024;

// A log that has grown large begins anew.
async function trimLog(place: Place, { name }: ProcessPlan): Promise<void> {
  const path = join(place.folder, `${name}.log`);
  const size = await stat(path).then(
    (file) => file.size,
    () => 0,
  );
  if (size > logLimitBytes) await rm(path);
}
