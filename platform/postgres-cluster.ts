import { execFile } from 'node:child_process';
import { access, chown, mkdir, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { childEnvironment, type Launcher } from './postgres-launcher.ts';
import { isAlive } from './process-alive.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

export type ClusterOptions = {
  /** Where the cluster lives; its parent exists. */
  readonly folder: string;
  /** The superuser's, "postgres". */
  readonly password: string;
  /** Leave the files to the system's own time: only for tests. */
  readonly unsafe: boolean;
  readonly onProgress?: (text: string) => void;
};

/**
 * Makes the cluster beside its place and renames it when it is whole: a process that is killed meanwhile leaves no half of
 * one, and of several that start at once one wins.
 */
export async function createCluster(options: ClusterOptions, initdb: string, launcher: Launcher): Promise<void> {
  await removeLeftovers(options.folder);
  options.onProgress?.('making the database (once)');
  const fresh = `${options.folder}.new-${process.pid}`;
  const passwordFile = `${fresh}.password`;
  try {
    await mkdir(fresh, { mode: 0o700 });
    if (launcher.uid !== undefined && launcher.gid !== undefined) await chown(fresh, launcher.uid, launcher.gid);
    await writeFile(passwordFile, options.password, { mode: 0o600 });
    if (launcher.uid !== undefined && launcher.gid !== undefined) await chown(passwordFile, launcher.uid, launcher.gid);
    const args = [
      ...[`--pgdata=${fresh}`, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
      ...['--encoding=UTF8', '--locale=C.UTF-8', '--locale-provider=builtin', '--no-instructions'],
    ];
    if (options.unsafe) args.push('--no-sync');
    const [command = '', ...rest] = [...launcher.command, initdb, ...args];
    await run(command, rest, { env: childEnvironment() });
    await rename(fresh, options.folder).catch(async (error: unknown) => {
      if (!(await exists(join(options.folder, 'PG_VERSION')))) throw error;
    });
  } catch (error) {
    throw new StartError(`The database can’t be made in ${options.folder}: ${problemOf(error, options.folder)}`, {
      cause: error,
    });
  } finally {
    await rm(passwordFile, { force: true }).catch(() => undefined);
    await rm(fresh, { recursive: true, force: true }).catch(() => undefined);
  }
}

// Of a process that was killed while it made one; its number is in the name.
async function removeLeftovers(folder: string): Promise<void> {
  const prefix = `${basename(folder)}.new-`;
  for (const name of await readdir(dirname(folder))) {
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (!name.startsWith(prefix) || isAlive(pid)) continue;
    await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}

const majorVersion = '18';

/** Throws when the folder is not one that this PostgreSQL can use. */
export async function checkCluster(folder: string): Promise<void> {
  const version = (await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version !== majorVersion) {
    throw new StartError(
      /^\d+$/.test(version)
        ? `${folder} was made by PostgreSQL ${version}, and this is ${majorVersion}: move it away, or bring it over with pg_upgrade.`
        : `${folder} is not a PostgreSQL folder (its PG_VERSION can’t be read): restore it from a backup, or delete it to start anew.`,
    );
  }
}

/** Where the server of the folder writes what it has to say. */
export function logFile(folder: string): string {
  return `${folder}.log`;
}

const diskFull = 'the disk is full. Free some space, or set ONLY2U_DATA to a folder on another disk.';
const leastFree = 1024 * 1024; // bytes without which no server starts

/** As `problemOf`, for a server whose log may have stopped in the middle of a word because the disk is full. */
export async function problemAt(error: unknown, folder: string, log: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: Infinity, bsize: 1 }));
  return bavail * bsize < leastFree ? diskFull : problemOf(error, folder, log);
}

/** PostgreSQL's own words, and what a person can do about them. */
export function problemOf(error: unknown, folder: string, log = ''): string {
  const stderr = error instanceof Error && 'stderr' in error && typeof error.stderr === 'string' ? error.stderr : '';
  const text = `${log}\n${stderr}\n${error instanceof Error ? error.message : String(error)}`;
  if (/No space left on device|Disk quota exceeded/.test(text)) {
    return diskFull;
  }
  if (/Read-only file system/.test(text)) return 'it is read-only. Set ONLY2U_DATA to a folder that can be written.';
  if (/Permission denied|Operation not permitted/.test(text)) {
    return 'it belongs to another user. Give it to yourself, or set ONLY2U_DATA to a folder of your own.';
  }
  const line = text.split('\n').findLast((each) => /FATAL|PANIC|error:|could not/i.test(each)) ?? text.trim();
  const said = line.replace(/^.*?(FATAL|PANIC|error|postgres):\s*/, '').trim();
  return `${said}. If it is damaged, restore ${folder} from a backup, or delete it to start anew; ${logFile(folder)} says more.`;
}

/** Whether there is anything at the path. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
