import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { StartError } from '#platform/start-error.ts';
import type { OpenEngine } from '../../engines/open-engine.ts';
import { type EngineName, engineNames } from '../../engines/recipe.ts';
import { up, type UpOptions } from '../../engines/up.ts';
import { variablesFile } from '../../engines/variables.ts';
import { surviveOneNode } from './cassandra-nodes.ts';

type Other = { readonly name: EngineName; readonly version: string; readonly suites: string };

/** Other versions than the usual, one set after the other, and the suites that ask them: the faults of RabbitMQ kill one of their own. */
const others: readonly Other[] = [
  { name: 'cassandra', version: '4.1.10', suites: 'cassandra' },
  { name: 'rabbitmq', version: '3.12', suites: '(amqp|rabbitmq/refusals)' },
  { name: 'rabbitmq', version: '4.0', suites: '(amqp|rabbitmq/refusals)' },
];

const versionOf = ({ name, version }: Other): string => `${name}=${version}`;

const help = `Usage: npm run check:engines [-- options] [TEST…]

Starts engines of its own in a temporary folder, on free ports, and runs against them every test that asks a real one: the contract suites
of every port, the PostgreSQL suites, and the journeys on a shop of processes. Then takes all down. An engine that does not start is a
failure. TEST names files, as Jest takes them: then only those of *.live.test.ts run.

  --quick                  without the journeys
  --versions               then also the suites of each other version, on it, one version after the other
  --version NAME=VERSION   no more than the suites of that version, or of those, if given again: ${others.map(versionOf).join(', ')}
  --nodes                  no more than three nodes of Cassandra with three copies of all, one of which is killed while messages are written
                           and read: none may be refused or lost
  --help                   this text
`;

const root = resolve(import.meta.dirname, '../..');
const jest = join(root, 'node_modules/jest/bin/jest.js');

const superuser = z.object({ DATABASE_ADMIN_URL_FILE: z.string(), DATABASE_CA_FILE: z.string() });

/** What stands on PostgreSQL alone, whatever else is configured. */
const postgresSuites = [
  '--testTimeout=120000',
  '\\.postgres\\.test\\.ts$',
  'platform/(change|migrate|outbox|request-id|tasks|tasks-queue|tasks-model|dead-letters)\\.test\\.ts$',
];

// One after the other: each is a shop of twelve processes.
const journeys = ['--runInBand', '--testTimeout=120000', 'test/(journey|buying|crowd)\\.test\\.ts$'];

const startedMs = performance.now();
const failed: string[] = [];

function say(text: string): void {
  console.log(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${text}`);
}

async function main(): Promise<void> {
  const { values, positionals } = read();
  if (values.help) return console.log(help);
  const chosen = values.versions ? others : others.filter((other) => values.version.includes(versionOf(other)));
  if (values.versions || (values.version.length === 0 && !values.nodes)) await usual(positionals, values.quick);
  for (const { name, version, suites } of chosen) {
    const names: EngineName[] = name === 'rabbitmq' ? ['postgres', name] : [name];
    await onEngines({ names, versions: { [name]: version } }, async (folder, engines) => {
      const own = engines.find((engine) => engine.name === name);
      const title = `${own?.title} ${own?.version}`;
      await suite(title, 'jest.live.config.ts', [suites], { ENGINES_VARIABLES: variablesFile(folder) });
    });
  }
  if (values.nodes) await nodes();
}

/** All suites on the versions that people have unless they ask for others. */
async function usual(tests: readonly string[], quick: boolean): Promise<void> {
  await onEngines({ names: engineNames }, async (folder) => {
    const engines = { ENGINES_VARIABLES: variablesFile(folder) };
    await suite('real engines', 'jest.live.config.ts', tests, engines);
    if (tests.length > 0) return;
    const database = await databaseOf(folder);
    await suite('PostgreSQL', 'jest.config.ts', postgresSuites, database);
    if (!quick) await suite('journeys', 'jest.config.ts', journeys, { ...engines, ...database, TEST_SHOP: 'engines' });
  });
}

async function nodes(): Promise<void> {
  const title = 'three nodes of Cassandra, one killed';
  await onEngines({ names: ['cassandra'], nodes: 3 }, async (_, [engine]) => {
    if (engine === undefined) throw new Error('Cassandra is not there');
    say(`${title}: testing`);
    const survived = await surviveOneNode({ engine, phaseMs: 10_000, say });
    const { writes, pages, failures, missing, slowestMs } = survived;
    say(
      `${writes} writes and ${pages} pages, ${failures.length} refused, ${missing} missing, the slowest answer ${slowestMs} ms`,
    );
    for (const failure of failures.slice(0, 10)) say(`refused: ${failure}`);
    const isWhole = failures.length === 0 && missing === 0;
    say(`${title}: ${isWhole ? 'passed' : 'FAILED'}`);
    if (!isWhole) failed.push(title);
  });
}

/** Does the work on a set of engines of its own, which end and vanish with it. */
async function onEngines(
  chosen: Pick<UpOptions, 'names' | 'versions' | 'nodes'>,
  work: (folder: string, engines: readonly OpenEngine[]) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'only2u-engines-'));
  await chmod(folder, 0o711); // PostgreSQL runs as another user when we are root
  let engines: readonly OpenEngine[] = [];
  try {
    engines = await up({ ...chosen, folder, docker: false, attached: true, say });
    await work(folder, engines);
  } finally {
    await Promise.all(engines.map((engine) => engine.purge()));
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The superuser's address of the PostgreSQL, for tests that make databases of their own. */
async function databaseOf(folder: string): Promise<Record<string, string>> {
  const variables: unknown = JSON.parse(await readFile(variablesFile(folder), 'utf8'));
  const { DATABASE_ADMIN_URL_FILE: url, DATABASE_CA_FILE: ca } = superuser.parse(variables);
  return { TEST_DATABASE_URL: (await readFile(url, 'utf8')).trim(), TEST_DATABASE_CA_FILE: ca };
}

async function suite(
  title: string,
  config: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  say(`${title}: testing`);
  const beganMs = performance.now();
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, '-c', config];
  const child = spawn(process.execPath, [...flags, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
  say(`${title}: ${code === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
  if (code !== 0) failed.push(title);
}

function read() {
  const read = parsed();
  const unknown = read.values.version.find((version) => !others.map(versionOf).includes(version));
  if (unknown !== undefined)
    throw new StartError(`--version takes ${others.map(versionOf).join(', ')}, not ${unknown}.`);
  return read;
}

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        versions: { type: 'boolean', default: false },
        version: { type: 'string', multiple: true, default: [] },
        nodes: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (cause) {
    throw new StartError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${help}`, { cause });
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exitCode = 1;
}
if (failed.length > 0) {
  console.error(`Failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
