import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkCluster, createCluster, exists, logFile, problemOf } from './postgres-cluster.ts';
import { childEnvironment, findLauncher, findPrograms, giveTo, type Launcher } from './postgres-launcher.ts';
import { isAlive } from './process-alive.ts';
import { StartError } from './start-error.ts';

export type PostgresOptions = {
  /** Where the cluster lives; its folder must exist. */
  readonly folder: string;
  readonly port: number;
  /** The superuser's, "postgres". Only read when the cluster is made. */
  readonly password: string;
  /** Lines of postgresql.conf that win over the file's. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told what takes a while. */
  readonly onProgress?: (text: string) => void;
};

export type PostgresProcess = {
  readonly port: number;
  /** Resolves when the server has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Lets go of the server. The last process that does so also stops it, and waits for its end. */
  close(): Promise<void>;
};

const stopLimitMs = 10_000; // a fast shutdown writes a checkpoint: well under a second with our few buffers
const startLimitMs = 60_000; // crash recovery on a slow disk
const run = promisify(execFile);

/**
 * Starts the PostgreSQL server of the folder, or joins the one that another process of this project started. The server ends
 * with the last process that uses it, killed or not: each holds a named pipe open, and a watchdog stops the server at its end.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresProcess> {
  const programs = await findPrograms();
  const launcher = await findLauncher(programs.postgres, options.folder);
  if (!(await exists(options.folder))) {
    await createCluster({ ...options, unsafe: options.settings?.['fsync'] === 'off' }, programs.initdb, launcher);
  }
  await checkCluster(options.folder);
  const deadline = Date.now() + startLimitMs;
  for (;;) {
    const joined = await joinServer(options);
    if (joined !== undefined) return joined;
    await stopOrphan(options.folder);
    const started = await startServer(options, programs.postgres, launcher);
    if (started !== undefined) return started;
    if (Date.now() > deadline)
      throw new StartError(`PostgreSQL in ${options.folder} does not come up; see ${logFile(options.folder)}.`);
    await pause(50);
  }
}

const pipeFile = (folder: string): string => `${folder}.alive`;

// The pipe can be opened without waiting only while a watchdog reads it.
async function joinServer({ folder, port }: PostgresOptions): Promise<PostgresProcess | undefined> {
  const held = await open(pipeFile(folder), constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (held === undefined) return undefined;
  const running = await readPidFile(folder);
  if (running === undefined || !isAlive(running.pid)) {
    await held.close();
    return undefined;
  }
  if (running.port !== undefined && running.port !== port) {
    await held.close();
    throw new StartError(
      `PostgreSQL for ${folder} already runs on port ${running.port}: set POSTGRES_PORT=${running.port} here too, or stop the other.`,
    );
  }
  try {
    await untilReady(folder, port, running.pid);
  } catch (error) {
    await held.close();
    throw error;
  }
  return processOf({ folder, port, pid: running.pid, letGo: () => held.close() });
}

// A server without a watchdog: both were killed, or the watchdog alone.
async function stopOrphan(folder: string): Promise<void> {
  const running = await readPidFile(folder);
  if (running === undefined || !isAlive(running.pid) || !(await isPostgres(running.pid))) return;
  process.kill(running.pid, 'SIGINT');
  await untilGone(running.pid, stopLimitMs);
}

async function startServer(
  options: PostgresOptions,
  program: string,
  launcher: Launcher,
): Promise<PostgresProcess | undefined> {
  const { folder, port } = options;
  if (await answers(port)) {
    throw new StartError(`Port ${port} for PostgreSQL is in use: stop what uses it, or set POSTGRES_PORT to another.`);
  }
  await giveTo(folder, launcher);
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...options.settings };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = await open(logFile(folder), 'w', 0o600);
  const [command = '', ...rest] = [...launcher.command, program, '-D', folder, '-p', String(port), ...flags];
  // In a session of its own, so that Ctrl-C in the terminal reaches the shop alone, which then stops it in order.
  const child = spawn(command, rest, { detached: true, stdio: ['ignore', log.fd, log.fd], env: childEnvironment() });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`exit code ${code ?? 'none'}`)));
  });
  failed.catch(() => undefined);
  await log.close();
  try {
    if (child.pid === undefined) return await failed;
    const letGo = await watch(folder, child.pid);
    try {
      await Promise.race([untilReady(folder, port, child.pid), failed]);
    } catch (error) {
      await letGo();
      throw error;
    }
    child.unref();
    return processOf({ folder, port, pid: child.pid, letGo });
  } catch (error) {
    const text = await readFile(logFile(folder), 'utf8').catch(() => '');
    if (text.includes('lock file "postmaster.pid" already exists')) return undefined; // another process was faster
    throw new StartError(`PostgreSQL does not start in ${folder}: ${problemOf(error, folder, text)}`, { cause: error });
  }
}

// Reads the pipe until its last writer is gone, then asks for a fast shutdown.
async function watch(folder: string, pid: number): Promise<() => Promise<void>> {
  const pipe = pipeFile(folder);
  await unlink(pipe).catch(() => undefined);
  await run('mkfifo', ['-m', '600', pipe]);
  const watchdog = spawn('sh', ['-c', 'read line <"$1"; kill -INT "$2"', 'only2u-watchdog', pipe, String(pid)], {
    detached: true,
    stdio: 'ignore',
  });
  watchdog.unref();
  const held = await open(pipe, constants.O_WRONLY); // waits for the watchdog to read
  return () => held.close();
}

type Held = { readonly folder: string; readonly port: number; readonly pid: number; letGo(): Promise<void> };

function processOf({ folder, port, pid, letGo }: Held): PostgresProcess {
  const polling = new AbortController();
  let closed: Promise<void> | undefined;
  return {
    port,
    ended: untilGone(pid, Infinity, polling.signal),
    close() {
      closed ??= (async () => {
        await letGo();
        if (!(await othersHold(folder))) await untilGone(pid, stopLimitMs);
        polling.abort();
      })();
      return closed;
    },
  };
}

// Right after the last writer closed, the watchdog may not have noticed yet; it needs some milliseconds.
async function othersHold(folder: string): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const pipe = await open(pipeFile(folder), constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined);
    if (pipe === undefined) return false;
    await pipe.close();
    await pause(10);
  }
  return true;
}

async function untilReady(folder: string, port: number, pid: number): Promise<void> {
  for (const end = Date.now() + startLimitMs; Date.now() < end; await pause(10)) {
    const running = await readPidFile(folder);
    if (running?.pid === pid && running.status === 'ready' && (await answers(port))) return;
    if (!isAlive(pid)) throw new StartError(`PostgreSQL in ${folder} ended while it started; see ${logFile(folder)}.`);
  }
  throw new StartError(`PostgreSQL in ${folder} is not ready after ${startLimitMs / 1_000} s; see ${logFile(folder)}.`);
}

// The lines of postmaster.pid: pid, folder, start time, port, socket folder, address, shared memory, status.
async function readPidFile(
  folder: string,
): Promise<{ pid: number; port: number | undefined; status: string } | undefined> {
  const lines = (await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3]) || undefined, status: (lines[7] ?? '').trim() };
}

// After a reboot the number in postmaster.pid may be somebody else's.
async function isPostgres(pid: number): Promise<boolean> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined);
  if (name !== undefined) return name.trim() === 'postgres';
  const listed = await run('ps', ['-o', 'comm=', '-p', String(pid)]).catch(() => undefined);
  return listed?.stdout.trim().endsWith('postgres') ?? false;
}

async function untilGone(pid: number, limitMs: number, signal?: AbortSignal): Promise<void> {
  for (
    const end = Date.now() + limitMs;
    isAlive(pid) && !signal?.aborted;
    await pause(limitMs === Infinity ? 250 : 10)
  ) {
    if (Date.now() > end) throw new StartError(`PostgreSQL (process ${pid}) does not stop.`);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 1_000 });
    const end = (answered: boolean) => () => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A password that nobody guesses. */
export function randomPassword(): string {
  return randomBytes(24).toString('base64url');
}
