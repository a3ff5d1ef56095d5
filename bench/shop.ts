import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { familyCpuSeconds } from './load.ts';
import type { Recorded, RecorderOrder } from './statements.ts';

/** A shop that runs in processes of its own, on one processor core; its PostgreSQL runs on another. */
export type BenchShop = {
  readonly url: string;
  readonly env: NodeJS.ProcessEnv;
  /** The service processes, by the services in them. */
  readonly pids: ReadonlyMap<string, number>;
  /** Processor time that PostgreSQL has used so far, in seconds. */
  databaseCpuSeconds(): number;
  /** With `records`: what the first process sent to PostgreSQL since the last time, and whether it is written down from now on. */
  recorded(next: RecorderOrder): Promise<Recorded>;
  close(): Promise<void>;
};

export type BenchShopOptions = {
  readonly dataDir: string;
  /** Which services run together: one entry a process. */
  readonly processes: readonly (readonly string[])[];
  readonly env?: NodeJS.ProcessEnv;
  /** Whether statements are counted and, when told, written down: not for what is timed. */
  readonly records?: boolean;
  /** Arguments for Node, such as `--cpu-prof`. */
  readonly nodeArguments?: readonly string[];
};

export const serverCore = 0;
export const otherCore = 1;
const basePort = 18_900; // away from a shop that runs beside
const adminPort = basePort + 10;
const ports = ['GATEWAY', 'USER', 'PRODUCT', 'CART', 'COUPON', 'ORDER', 'PAYMENT', 'POSTGRES'];

/** Starts the shop, with the rate limits of the contracts off: one client stands for thousands here. */
export async function startBenchShop(options: BenchShopOptions): Promise<BenchShop> {
  const { dataDir, processes, env: more, records = false, nodeArguments = [] } = options;
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ONLY2U_DATA: dataDir,
    ...Object.fromEntries(ports.map((name, index) => [`${name}_PORT`, String(basePort + index)])),
    GATEWAY_RATE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
    ...more,
  };
  const children: ChildProcess[] = [];
  const args = [...nodeArguments, ...(records ? ['--import', new URL('./statements.ts', import.meta.url).href] : [])];
  const pids = new Map<string, number>();
  for (const [index, names] of processes.entries()) {
    const environment = { ...env, ADMIN_PORT: String(adminPort + index) };
    const child = await startProcess({ names, environment, nodeArguments: args });
    children.push(child);
    if (child.pid !== undefined) pids.set(names.join('+') || 'all', child.pid);
  }
  moveAway(postgresPids(dataDir));
  return {
    url: `http://127.0.0.1:${basePort}`,
    env,
    pids,
    databaseCpuSeconds: () => familyCpuSeconds(postgresPids(dataDir)),
    async recorded(next) {
      const [child] = children;
      if (child === undefined || !records) throw new Error('this shop does not record its statements');
      const answer = once(child, 'message') as Promise<[Recorded]>;
      child.send(next);
      return (await answer)[0];
    },
    async close() {
      for (const child of children.reverse()) {
        child.kill('SIGTERM');
        if (child.exitCode === null) await once(child, 'exit');
      }
    },
  };
}

type ProcessOptions = {
  readonly names: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly nodeArguments: readonly string[];
};

async function startProcess({ names, environment, nodeArguments }: ProcessOptions): Promise<ChildProcess> {
  const command = [process.execPath, ...nodeArguments, 'services/main.ts', ...names];
  const child = spawn('taskset', ['-c', String(serverCore), ...command], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    serialization: 'advanced', // statements hold bytes, times and bigints
  } as const);
  if (child.stdout === null) throw new Error('a child without the output that was asked for');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('is ready')) {
      child.stdout.resume();
      return child;
    }
  }
  throw new Error(`the process of ${names.join(', ') || 'all services'} ended before it was ready`);
}

/** Where the first process's metrics are. */
export const metricsUrl = `http://127.0.0.1:${adminPort}/metrics`;

/** The pids of the PostgreSQL that keeps its cluster below `dataDir`, its server first. */
export function postgresPids(dataDir: string): number[] {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const server = processes.find((pid) => {
    const command = readOf(pid, 'cmdline');
    return command.includes(dataDir) && command.split('\0')[0]?.endsWith('postgres') === true;
  });
  if (server === undefined) return [];
  return [server, ...processes.filter((pid) => parentOf(pid) === server)];
}

function parentOf(pid: number): number {
  const stat = readOf(pid, 'stat');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}

/** Leaves the servers' core to the servers. What PostgreSQL starts later runs where its server runs. */
function moveAway(pids: readonly number[]): void {
  for (const pid of pids) moveTo(otherCore, pid);
}

/** Has a process run on this core alone. */
export function moveTo(core: number, pid: number): void {
  spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)]);
}
