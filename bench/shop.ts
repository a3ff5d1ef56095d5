import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A shop that runs in processes of its own, on one processor core; its PostgreSQL runs on another. */
export type BenchShop = {
  readonly url: string;
  readonly env: NodeJS.ProcessEnv;
  /** The service processes, by the services in them. */
  readonly pids: ReadonlyMap<string, number>;
  close(): Promise<void>;
};

export type BenchShopOptions = {
  readonly dataDir: string;
  /** Which services run together: one entry a process. */
  readonly processes: readonly (readonly string[])[];
  readonly env?: NodeJS.ProcessEnv;
};

const serverCore = 0;
const otherCore = 1;
const basePort = 18_800; // away from a shop that runs beside

/** Starts the shop, with the rate limits of the contracts off: one client stands for thousands here. */
export async function startBenchShop({ dataDir, processes, env: more }: BenchShopOptions): Promise<BenchShop> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ONLY2U_DATA: dataDir,
    POSTGRES_PORT: String(basePort + 5),
    USER_PORT: String(basePort + 1),
    PRODUCT_PORT: String(basePort + 2),
    GATEWAY_PORT: String(basePort),
    GATEWAY_RATE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
    ...more,
  };
  const children: ChildProcess[] = [];
  const pids = new Map<string, number>();
  for (const [index, names] of processes.entries()) {
    const child = await startProcess(names, { ...env, ADMIN_PORT: String(basePort + 10 + index) });
    children.push(child);
    if (child.pid !== undefined) pids.set(names.join('+') || 'all', child.pid);
  }
  moveAway(postgresPids(dataDir));
  return {
    url: `http://127.0.0.1:${basePort}`,
    env,
    pids,
    async close() {
      for (const child of children.reverse()) {
        child.kill('SIGTERM');
        if (child.exitCode === null) await once(child, 'exit');
      }
    },
  };
}

async function startProcess(names: readonly string[], env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const child = spawn('taskset', ['-c', String(serverCore), process.execPath, 'services/main.ts', ...names], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('is ready')) {
      child.stdout.resume();
      return child;
    }
  }
  throw new Error(`the process of ${names.join(', ') || 'all services'} ended before it was ready`);
}

/** The pids of the PostgreSQL that keeps its cluster below `dataDir`, its server first. */
function postgresPids(dataDir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return command.includes('postgres') && (command.includes(dataDir) || command.startsWith('postgres:'));
      } catch {
        return false; // it has ended meanwhile
      }
    });
}

/** Leaves the servers' core to the servers. What PostgreSQL starts later runs where its server runs. */
function moveAway(pids: readonly number[]): void {
  for (const pid of pids) spawnSync('taskset', ['-a', '-c', '-p', String(otherCore), String(pid)]);
}
