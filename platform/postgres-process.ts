import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { checkCluster, createCluster, exists, logFile, problemAt } from './postgres-cluster.ts';
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
const orphanAfterMs = 2_000; // another process that starts it needs some milliseconds until its pipe is in place
const startLimitMs = 60_000; // crash recovery on a slow disk
const logLimitBytes = 10 * 1024 * 1024;
const run = promisify(execFile);

/**
 * Starts the PostgreSQL server of the folder, or joins the one that another process of this project started. The server ends
 * with the last process that uses it, killed or not: each holds a named pipe open, and a watchdog stops the server at its end.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresProcess> {
  const programs = await findPrograms();
  const launcher = await findLauncher(programs.initdb, options.folder);
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

async function joinServer({ folder, port }: PostgresOptions): Promise<PostgresProcess | undefined> {
  const held = await openWatched(folder);
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

// A server whose pipe nobody reads is stopping, has just been started by another process, or has lost its watchdog.
async function stopOrphan(folder: string): Promise<void> {
  const running = await readPidFile(folder);
  if (running === undefined || !isAlive(running.pid) || !(await isPostgres(running.pid))) return;
  const latest = Date.now() + startLimitMs;
  for (let end = Date.now() + orphanAfterMs; Date.now() < end; await pause(10)) {
    if (!isAlive(running.pid) || (await isWatched(folder))) return;
    // On a busy machine its starter may be slow to put the pipe into place.
    if (Date.now() < latest && (await isBeingStarted(folder))) end = Date.now() + orphanAfterMs;
  }
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
    if ((await readPidFile(folder)) !== undefined) return undefined; // another process was faster
    throw new StartError(`Port ${port} for PostgreSQL is in use: stop what uses it, or set POSTGRES_PORT to another.`);
  }
  await giveTo(folder, launcher);
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...options.settings };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = await openLog(folder);
  const { size: logStart } = await log.stat();
  const pipe = await makePipe(folder);
  const [command = '', ...rest] = [...launcher.command, program, '-D', folder, '-p', String(port), ...flags];
  // In a session of its own, so that Ctrl-C in the terminal reaches the shop alone, which then stops it in order.
  const child = spawn(command, rest, { detached: true, stdio: ['ignore', log.fd, log.fd], env: childEnvironment() });
  if (child.pid !== undefined) watch(folder, pipe, child.pid);
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`exit code ${code ?? 'none'}`)));
  });
  failed.catch(() => undefined);
  await Promise.all([log.close(), pipe.watched.close()]);
  const letGo = (): Promise<void> => pipe.held.close();
  try {
    if (child.pid === undefined) return await failed;
    await Promise.race([untilOwned(folder, child.pid), failed]);
    await rename(pipe.path, pipeFile(folder));
    await Promise.race([untilReady(folder, port, child.pid), failed]);
    child.unref();
    return processOf({ folder, port, pid: child.pid, letGo });
  } catch (error) {
    await letGo();
    await unlink(pipe.path).catch(() => undefined);
    const text = (await readFile(logFile(folder)).catch(() => Buffer.alloc(0))).subarray(logStart).toString();
    if (text.includes('lock file "postmaster.pid" already exists')) return undefined; // another process was faster
    throw new StartError(`PostgreSQL does not start in ${folder}: ${await problemAt(error, folder, text)}`, {
      cause: error,
    });
  }
}

// One that has grown large is put aside, and the one before it goes.
async function openLog(folder: string): Promise<FileHandle> {
  const path = logFile(folder);
  const size = await stat(path).then(
    (file) => file.size,
    () => 0,
  );
  if (size > logLimitBytes) await rename(path, `${path}.old`);
  return open(path, 'a', 0o600);
}

/** The end of the pipe that keeps the server alive, and the one that the watchdog reads. */
type Pipe = { readonly path: string; readonly held: FileHandle; readonly watched: FileHandle };

// Under a name of its own: of several that start at once, the one whose server gets the folder moves it into place.
async function makePipe(folder: string): Promise<Pipe> {
  const path = `${pipeFile(folder)}-${process.pid}`;
  await unlink(path).catch(() => undefined);
  await run('mkfifo', ['-m', '600', path]);
  // To open either end waits for the other, unless told not to; but what the watchdog gets must wait when it reads.
  const opener = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const held = await open(path, constants.O_WRONLY);
  const watched = await open(path, constants.O_RDONLY);
  await opener.close();
  return { path, held, watched };
}

// Whether a process that lives has made its pipe, and not yet moved it into place.
async function isBeingStarted(folder: string): Promise<boolean> {
  const prefix = `${basename(pipeFile(folder))}-`;
  const names = await readdir(dirname(folder));
  return names.some((name) => name.startsWith(prefix) && isAlive(Number(name.slice(prefix.length))));
}

// Reads until the last writer is gone, then asks for a fast shutdown.
function watch(folder: string, { watched }: Pipe, pid: number): void {
  spawn('sh', ['-c', 'read line; kill -INT "$1"', 'only2u-watchdog', String(pid), folder], {
    detached: true,
    stdio: [watched.fd, 'ignore', 'ignore'],
  })
    .on('error', () => undefined) // without a shell the server is stopped at the next start
    .unref();
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
    if (!(await isWatched(folder))) return false;
    await pause(10);
  }
  return true;
}

async function isWatched(folder: string): Promise<boolean> {
  const pipe = await openWatched(folder);
  await pipe?.close();
  return pipe !== undefined;
}

// The pipe can be opened without waiting only while a watchdog reads it.
function openWatched(folder: string): Promise<FileHandle | undefined> {
  return open(pipeFile(folder), constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined);
}

// The server writes its number there once it has the folder.
async function untilOwned(folder: string, pid: number): Promise<void> {
  while ((await readPidFile(folder))?.pid !== pid && isAlive(pid)) await pause(5);
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
