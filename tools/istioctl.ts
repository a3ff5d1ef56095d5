import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { StartError } from '#platform/start-error.ts';
import { goBuild } from './go-build.ts';

const oldest = '1.30'; // knows every field that is rendered
const module = 'istio.io/istio/istioctl/cmd/istioctl@v0.0.0-20260827124520-eed52ebb66ad'; // Istio's tags don't resolve as Go modules
const packages = 2_015; // of that one, with all that they need
const built = resolve(import.meta.dirname, '../.tools/istioctl-20260827');

/**
 * The path of istioctl: what the variable ISTIOCTL names, else `istioctl` in PATH if it is new enough, else one that is built once, in
 * some six minutes, into .tools, which needs Go 1.26. Throws a StartError when none can be had. `say` is told what takes time.
 */
export async function findIstioctl(say: (line: string) => void): Promise<string> {
  const named = process.env['ISTIOCTL'];
  if (named !== undefined && named !== '') {
    if (existsSync(named)) return named;
    throw new StartError(`ISTIOCTL=${named} is not there: name the binary, or unset ISTIOCTL.`);
  }
  const inPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'istioctl'));
  const usable = inPath.find((path) => existsSync(path) && isNewEnough(path));
  if (usable !== undefined) return usable;
  const path = join(built, 'istioctl');
  if (!existsSync(path)) await build(say);
  return path;
}

function isNewEnough(path: string): boolean {
  const said = execFileSync(path, ['version', '--remote=false', '--short'], { encoding: 'utf8' });
  const [major = 0, minor = 0] = (/(\d+\.\d+)\./.exec(said)?.[1] ?? '0.0').split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** Builds aside and renames, so that no half of one is ever found. */
async function build(say: (line: string) => void): Promise<void> {
  const aside = `${built}.${process.pid}`;
  say('building istioctl into .tools: once, some six minutes on two cores');
  await mkdir(aside, { recursive: true });
  try {
    await goBuild({ args: ['install', '-v', module], env: { GOBIN: aside }, packages, say });
    await rm(built, { recursive: true, force: true });
    await rename(aside, built);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `There is no istioctl here, and none could be built. Put istioctl ${oldest} or later into PATH, name it in ISTIOCTL, or install Go 1.26.\n${reason}`,
      { cause: error },
    );
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}
