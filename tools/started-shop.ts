import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export type StartOptions = {
  /** The checkout. */
  readonly folder: string;
  /** What finds its processes again: its data folder. */
  readonly data: string;
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Through `npm start`, as a person does, or node alone, whose output is the shop's own. */
  readonly through?: 'npm' | 'node';
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** What comes before the command, such as "unshare". */
  readonly prefix?: readonly string[];
};

export type Ended = { readonly code: number | null; readonly seconds: number; readonly output: string };

/** A shop in a process group of its own, as if it had a terminal to itself. */
export type StartedShop = {
  readonly pid: number;
  output(): string;
  /** How long it took until it said that it is ready. */
  ready(): Promise<number>;
  /** Sends the signal to the whole group, as Ctrl-C in a terminal does, and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Ended>;
  readonly ended: Promise<Ended>;
  hasEnded(): boolean;
};

const readyWithinMs = 120_000;

export function startShop({ folder, env, args = [], through = 'npm', user, prefix = [] }: StartOptions): StartedShop {
  const inner =
    through === 'npm'
      ? ['npm', 'start', '--silent', ...(args.length > 0 ? ['--', ...args] : [])]
      : ['node_modules/.bin/node', 'services/main.ts', ...args];
  const [command = '', ...rest] = [...prefix, ...inner];
  const startedMs = performance.now();
  const child: ChildProcess = spawn(command, rest, {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], LOG_LEVEL: 'warn', ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  let output = '';
  let readyMs: number | undefined;
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
    if (output.includes('Only2U is ready')) readyMs ??= performance.now();
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  let signalledMs = startedMs;
  let isEnded = false;
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      isEnded = true;
      resolve({ code, seconds: (performance.now() - signalledMs) / 1_000, output });
    });
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} can't be run`);
  return {
    pid,
    output: () => output,
    ended,
    hasEnded: () => isEnded,
    async ready() {
      for (const end = Date.now() + readyWithinMs; readyMs === undefined; await sleep(5)) {
        if (isEnded || Date.now() > end) throw new Error(`The shop did not start:\n${output}`);
      }
      return (readyMs - startedMs) / 1_000;
    },
    end(signal) {
      signalledMs = performance.now();
      process.kill(-pid, signal);
      return ended;
    },
  };
}

/** The memory that the processes of the data folder and their parents use, shared pages counted once, in MB. */
export function memoryOf(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0));
  return kilobytes.reduce((sum, each) => sum + each, 0) / 1_024;
}

/** The process and all that descend from it. */
export function treeOf(root: number): number[] {
  const parents = processes().map((pid) => [pid, Number(/\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1])] as const);
  const tree = [root];
  for (const pid of tree) tree.push(...parents.filter(([, parent]) => parent === pid).map(([child]) => child));
  return tree;
}

/** The processes that have the folder in their command or, as the shop itself, in their environment. */
export function processesOf(folder: string): number[] {
  return processes().filter(
    (pid) =>
      pid !== process.pid &&
      (read(`/proc/${pid}/cmdline`).includes(folder) || read(`/proc/${pid}/environ`).includes(`=${folder}`)),
  );
}

function processes(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended, or is another's
  }
}
