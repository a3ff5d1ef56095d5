import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { freePorts } from '#platform/free-port.ts';
import { randomPassword } from '#platform/postgres-process.ts';
import { StartError } from '#platform/start-error.ts';
import { engineCertificate } from './certificates.ts';
import type { Place, Recipe } from './recipe.ts';

const repository = resolve(import.meta.dirname, '..');

/** Where `up` keeps data unless told. */
export const usualData = join(repository, '.data/engines');

/** Where programs that are no package of the system are kept, downloaded once. */
export const toolsFolder = join(repository, '.tools/engines');

export type PlaceOptions = {
  /** Of all engines; each has a folder of its own in it. */
  readonly folder: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly nodes: number;
  readonly version: string | undefined;
  readonly say: (text: string) => void;
};

export async function openPlace(recipe: Recipe, options: PlaceOptions): Promise<Place> {
  const folder = join(options.folder, recipe.name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    folder,
    ports: options.ports,
    nodes: options.nodes,
    version: options.version,
    tls: await engineCertificate(options.folder, recipe.name, new Date()),
    async secret(name) {
      const file = join(folder, 'secrets', name);
      const known = await readFile(file, 'utf8').catch(() => undefined);
      if (known !== undefined) return known.trim();
      await put(file, `${randomPassword()}\n`);
      return (await readFile(file, 'utf8')).trim();
    },
    async write(name, text) {
      const file = join(folder, name);
      await put(file, text);
      return file;
    },
    async makeFolder(name) {
      await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
      return join(folder, name);
    },
    say: options.say,
  };
}

async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** The addresses that an engine's nodes listen on. */
export function addressesOf(nodes: number): string[] {
  return Array.from({ length: nodes }, (_, index) => `127.0.0.${index + 1}`);
}

/** Ports that nothing uses now, one for each purpose. */
export async function portsFor(recipe: Recipe): Promise<Record<string, number>> {
  const purposes = Object.keys(recipe.ports);
  const free = await freePorts(purposes.length);
  return Object.fromEntries(free.map((port, index) => [purposes[index] ?? '', port] as const));
}

/** Throws when something else listens on one of them. */
export async function checkPorts(recipe: Recipe, ports: Readonly<Record<string, number>>): Promise<void> {
  for (const [purpose, port] of Object.entries(ports)) {
    if (!(await answers(port))) continue;
    throw new StartError(
      `Port ${port} (${purpose}) for ${recipe.title} is in use: stop what uses it, or give another by --port ${recipe.name}.${purpose}=PORT.`,
    );
  }
}

// Not by listening there: after a crash the system may keep the port of connections that are ending, which harms no engine.
function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 1_000 });
    const end = (answered: boolean) => (): void => {
      socket.destroy();
      done(answered);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}
