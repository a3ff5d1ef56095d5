import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '#platform/process-alive.ts';
import { StartError } from '#platform/start-error.ts';
import { treeOf } from '../tools/started-shop.ts';
import type { ProcessPlan } from './recipe.ts';

/** A process that was started, as it is kept in a file: its number may be another's later, so its start is kept too. */
export type KeptProcess = {
  readonly name: string;
  readonly pid: number;
  readonly started: string;
  /** Where in its log this run begins. */
  readonly logFrom: number;
};

const stopWithinMs = 60_000; // Cassandra drains

export function logOf(folder: string, name: string): string {
  return join(folder, `${name}.log`);
}

/** Starts it in a session of its own, so that Ctrl-C in the terminal does not reach it; what it says goes to its log. */
export async function startProcess(folder: string, plan: ProcessPlan): Promise<KeptProcess> {
  const log = await open(logOf(folder, plan.name), 'a', 0o600);
  const { size: logFrom } = await log.stat();
  const [command, ...args] = plan.command;
  try {
    const child = spawn(command, args, {
      cwd: '/', // a folder that is there for every user
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: process.env['PATH'], LANG: 'C.UTF-8', TZ: 'UTC', ...plan.env },
    });
    const spawned = await new Promise<number>((done, fail) => {
      child.once('error', fail);
      child.once('spawn', () => done(child.pid ?? 0));
    });
    child.unref();
    return { name: plan.name, pid: spawned, started: startOf(spawned), logFrom };
  } finally {
    await log.close();
  }
}

/** Ends the process and its descendants by SIGKILL when this process ends, however it does. */
export function endWithUs({ pid }: KeptProcess): { readonly release: () => void } {
  const watchdog: ChildProcess = spawn('sh', ['-c', 'read line; kill -KILL "-$1"', 'only2u-watchdog', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.on('error', () => undefined);
  watchdog.unref();
  const { stdin } = watchdog;
  stdin?.on('error', () => undefined);
  if (stdin instanceof Socket) stdin.unref(); // the pipe is what it waits for; it must not keep this process
  return { release: () => void watchdog.kill('SIGKILL') };
}

export function isRunning({ pid, started }: KeptProcess): boolean {
  return isAlive(pid) && startOf(pid) === started;
}

/** Ends it in order, and by SIGKILL when that takes too long. */
export async function stopProcess(kept: KeptProcess, plan: Pick<ProcessPlan, 'stopSignal' | 'pidFile'>): Promise<void> {
  if (!isRunning(kept)) return;
  const own = plan.pidFile === undefined ? undefined : Number(await readFile(plan.pidFile, 'utf8').catch(() => ''));
  const target = own !== undefined && own > 0 && treeOf(kept.pid).includes(own) ? own : kept.pid;
  signal(target, plan.stopSignal ?? 'SIGTERM');
  for (const end = Date.now() + stopWithinMs; !isGone(kept.pid); await delay(20)) {
    if (Date.now() > end) return killProcess(kept);
  }
}

/** Ends it and its descendants at once, as a power cut would. */
export async function killProcess(kept: KeptProcess): Promise<void> {
  if (!isRunning(kept)) return;
  const pids = treeOf(kept.pid);
  for (const pid of pids) signal(pid, 'SIGKILL');
  for (const end = Date.now() + stopWithinMs; !pids.every(isGone); await delay(10)) {
    if (Date.now() > end)
      throw new Error(`A process of ${kept.name} does not end: ${pids.filter((pid) => !isGone(pid)).join(', ')}`);
  }
}

/** Stops it and what it started in their tracks, as a machine that hangs does, or lets them go on. */
export function holdProcess(kept: KeptProcess, how: 'SIGSTOP' | 'SIGCONT'): void {
  if (!isRunning(kept)) return;
  for (const pid of treeOf(kept.pid)) signal(pid, how);
}

/** What an engine said last, for an error. */
export async function lastWords(folder: string, name: string): Promise<string> {
  const text = await readFile(logOf(folder, name), 'utf8').catch(() => '');
  const lines = text.trimEnd().split('\n').slice(-1_000);
  // Cassandra says why it ends, and then for long how.
  const why = lines.findLastIndex((line) => /^[\d:.]+ ERROR /.test(line));
  return (why === -1 ? lines.slice(-15) : lines.slice(why, why + 15)).join('\n');
}

/** Waits until the process says that the next may start. */
export async function untilUp(folder: string, kept: KeptProcess, plan: ProcessPlan, limitMs: number): Promise<void> {
  if (plan.isUp === undefined) return;
  for (const end = Date.now() + limitMs; ; await delay(100)) {
    const log = await readFile(logOf(folder, plan.name)).catch(() => Buffer.alloc(0));
    if (plan.isUp(log.subarray(kept.logFrom).toString())) return;
    if (!isRunning(kept)) throw new StartError(`${plan.name} has ended:\n${await lastWords(folder, plan.name)}`);
    if (Date.now() > end)
      throw new StartError(
        `${plan.name} is not up after ${Math.round(limitMs / 1_000)} s:\n${await lastWords(folder, plan.name)}`,
      );
  }
}

// A process whose first thread has ended counts as ended, while others of Java's still hold its ports and files.
function isGone(pid: number): boolean {
  if (isAlive(pid)) return false;
  try {
    return readdirSync(`/proc/${pid}/task`).length <= 1;
  } catch {
    return true;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it has ended
  }
}

/** When it started, in ticks since the machine did; "" where the system does not tell. */
export function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
