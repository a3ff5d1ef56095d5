import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StartError } from '#platform/start-error.ts';
import { toolsFolder } from './place.ts';
import { fromApt, installOnce, runProgram } from './programs.ts';
import type { Place } from './recipe.ts';

/** A system beside this one, in a folder: its programs, begun by chroot, see that folder as all there is. */
export type Guest = {
  readonly root: string;
  files(place: Place): Promise<ServerFiles>;
};

/** The files of a server, as it sees them and as they really are. */
export type ServerFiles = {
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  seen(name: string): string;
  real(name: string): string;
  write(name: string, text: string): Promise<string>;
};

/** Versions of RabbitMQ that other releases of Debian and Ubuntu hold. */
const suites: Readonly<Record<string, Suite>> = {
  // Debian has no package with Ubuntu's key: this is F6EC B376 2474 EDA9 D21B  7022 8719 20D1 991B C93C.
  '3.12': { suite: 'noble', keys: async () => join(import.meta.dirname, 'ubuntu-archive-2018.asc') },
  '4.0': {
    suite: 'trixie',
    keys: (say) => fromApt(['debian-archive-keyring'], '/usr/share/keyrings/debian-archive-keyring.gpg', say),
  },
};

type Suite = {
  readonly suite: string;
  /** The file with the keys that sign its list of packages, by whose checksums the packages are taken. */
  readonly keys: (say: (text: string) => void) => Promise<string>;
};

/** The release that holds that version of RabbitMQ, installed once. Needs root, but no mounts and no systemd. */
export async function openGuest(version: string, say: (text: string) => void): Promise<Guest> {
  const release = suites[version];
  if (release === undefined) {
    throw new StartError(
      `There is no RabbitMQ ${version} to be had: give ${Object.keys(suites).join(' or ')}, or none for the system's own.`,
    );
  }
  if (process.getuid?.() !== 0)
    throw new StartError(
      `RabbitMQ ${version} comes from ${release.suite} in a folder of its own, which only root can enter: run as root, or leave the version out for the system's own.`,
    );
  const { suite, keys } = release;
  const root = await installOnce(`${suite}-rabbitmq`, say, async (aside) => {
    const mmdebstrap = await fromApt(['mmdebstrap'], '/usr/bin/mmdebstrap', say);
    const keyring = `--keyring=${await keys(say)}`;
    say(`installing RabbitMQ ${version} from ${suite} (250 MB, once)`);
    await rm(aside, { recursive: true });
    await runProgram([
      mmdebstrap,
      '--quiet',
      keyring,
      '--variant=essential',
      '--include=rabbitmq-server',
      suite,
      aside,
    ]);
    const hosts = join(aside, 'etc/hosts');
    const known = await readFile(hosts, 'utf8').catch(() => '');
    if (!known.includes('localhost')) await writeFile(hosts, `${known}127.0.0.1 localhost\n`);
  });
  return { root, files: (place) => guestFiles(root, place) };
}

/** Removes what the engine of a folder keeps in guests. */
export async function purgeGuest(folder: string): Promise<void> {
  for (const { suite } of Object.values(suites))
    await rm(join(toolsFolder, `${suite}-rabbitmq`, inGuest(folder)), { recursive: true, force: true, maxRetries: 5 });
}

function inGuest(folder: string): string {
  return `/only2u/${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;
}

// The server can't look out of its folder, so what it keeps is in there.
async function guestFiles(root: string, place: Place): Promise<ServerFiles> {
  const seen = (name: string): string => join(inGuest(place.folder), name);
  const real = (name: string): string => join(root, seen(name));
  for (const name of ['home', 'data', 'logs', 'tls']) await mkdir(real(name), { recursive: true, mode: 0o700 });
  const copied = async (path: string): Promise<string> => {
    await copyFile(path, real(`tls/${basename(path)}`));
    return seen(`tls/${basename(path)}`);
  };
  return {
    seen,
    real,
    tls: { ca: await copied(place.tls.ca), cert: await copied(place.tls.cert), key: await copied(place.tls.key) },
    async write(name, text) {
      const file = real(name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(`${file}.new`, text, { mode: 0o600 });
      await rename(`${file}.new`, file);
      return seen(name);
    },
  };
}
