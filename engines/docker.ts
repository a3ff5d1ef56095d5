import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '#platform/start-error.ts';
import { writeDockerFiles } from './docker-files.ts';
import { whatItSaid } from './programs.ts';
import type { EngineName, Place } from './recipe.ts';

const run = promisify(execFile);
const file = resolve(import.meta.dirname, 'compose.yaml');
const pullWithinMs = 1_800_000; // some 2 GB of images over a slow line

/** Whether to use Docker: as told, else where a daemon and Compose answer. Throws where it is told and there is none. */
export async function usesDocker(told: boolean | undefined): Promise<boolean> {
  if (told === false) return false;
  try {
    await run('docker', ['compose', 'version'], { timeout: 10_000 });
    await run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 10_000 });
    return true;
  } catch (cause) {
    if (told !== true) return false;
    throw new StartError(
      `There is no Docker here that could be used; leave --docker out to start without.\n${whatItSaid(cause)}`,
      {
        cause,
      },
    );
  }
}

/** What compose.yaml reads: the folder, and each engine's ports as such as REDIS_TLS. */
export function composeVariables(
  folder: string,
  ports: Readonly<Partial<Record<EngineName, Readonly<Record<string, number>>>>>,
): Record<string, string> {
  const variables: Record<string, string> = { ENGINES: folder };
  for (const [name, purposes] of Object.entries(ports))
    for (const [purpose, port] of Object.entries(purposes))
      variables[`${name}_${purpose}`.toUpperCase()] = String(port);
  return variables;
}

export type Composed = {
  readonly folder: string;
  readonly name: EngineName;
  readonly ports: Readonly<Record<string, number>>;
};

/** The containers of a folder's engine. */
export async function startContainer(composed: Composed, place: Place): Promise<void> {
  await writeDockerFiles(composed.name, place);
  place.say('starting its container; an image is pulled once');
  await compose(composed, ['up', '--detach', '--wait', composed.name]);
}

export async function stopContainer(composed: Composed): Promise<void> {
  await compose(composed, ['stop', composed.name]);
}

export async function killContainer(composed: Composed): Promise<void> {
  await compose(composed, ['kill', composed.name]);
}

/** With the data. */
export async function removeContainer(composed: Composed): Promise<void> {
  await compose(composed, ['rm', '--force', '--stop', composed.name]);
  await run('docker', ['volume', 'rm', '--force', `${projectOf(composed.folder)}_${composed.name}`]);
}

function projectOf(folder: string): string {
  return `only2u-${createHash('sha256').update(folder).digest('hex').slice(0, 10)}`;
}

async function compose({ folder, name, ports }: Composed, args: readonly string[]): Promise<void> {
  // The file is read whole, so the other engines' variables must be there; 1 is a port that nobody uses.
  const none = Object.fromEntries(
    [
      'POSTGRES_TLS',
      'REDIS_TLS',
      'CASSANDRA_TLS',
      'ELASTICSEARCH_TLS',
      'RABBITMQ_TLS',
      'RABBITMQ_MANAGEMENT',
      'KAFKA_TLS',
    ].map((variable) => [variable, '1']),
  );
  try {
    await run('docker', ['compose', '--project-name', projectOf(folder), '--file', file, ...args], {
      env: { ...process.env, ...none, ...composeVariables(folder, { [name]: ports }) },
      timeout: pullWithinMs,
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (cause) {
    throw new StartError(`docker compose ${args.join(' ')} failed:\n${whatItSaid(cause)}`, { cause });
  }
}
