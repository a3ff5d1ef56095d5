import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { openDataFolder } from '#platform/data-folder.ts';
import { portVariable } from '#platform/process-config.ts';
import { StartError } from '#platform/start-error.ts';
import { stopOnSignals } from '#platform/stop-signals.ts';
import { services } from '#services/all.ts';
import { behindTheEdge } from '../mesh/envoy/names.ts';
import { findEnvoy } from './binary.ts';
import type { NeededPort } from './ports.ts';
import { openMesh, type RunningMesh } from './mesh.ts';
import { serviceProcesses } from './service-processes.ts';
import { readShadow } from './shadow.ts';

const help = `Usage: npm run mesh:up [-- [options] SERVICE…]

Starts the shop with real Envoys between its services, a process a service: all services, or the named ones. What the Envoys do stands in
gen/mesh/envoy, which npm run generate renders from the contracts; it takes effect without a restart, and so does a new certificate.

  --sidecars      an Envoy for each workload and one at the edge, instead of one for all
  --shadow NEXT   counts what a next policy would refuse: NEXT is a folder of protos, or a commit such as HEAD~1 (npm run mesh:status)
  --calls         shows every call, as the Envoys log it
  --help          this text

The same settings as npm start; ENVOY names an Envoy of your own. npm run mesh:status shows who calls whom.
`;

await main();

async function main(): Promise<void> {
  const { values, positionals } = readArguments();
  if (values.help) return console.log(help);
  const { shadow: next } = values;
  const startedMs = Date.now();
  const say = (text: string): void => console.log(`Only2U: ${text}`);
  let mesh: RunningMesh | undefined;
  const starting = Promise.withResolvers<void>();
  const leaving = new AbortController();
  stopOnSignals({
    async close() {
      leaving.abort();
      await starting.promise;
      await mesh?.close();
    },
    say: (text, error) => console.error(error ?? `Only2U: ${text}`),
  });
  try {
    const names = chosen(positionals);
    const data = await openDataFolder(process.env['ONLY2U_DATA'] ?? '.data');
    mesh = await openMesh({
      data,
      form: values.sidecars ? 'sidecars' : 'one',
      envoy: await findEnvoy(say),
      ports: ports(),
      needed: needed(names),
      variables: { ...process.env, ONLY2U_DATA: data.path },
      postgresPort: Number(process.env['POSTGRES_PORT'] ?? 54_329),
      services: (run, variables) => serviceProcesses({ entries: services, names, variables, run, portOf }),
      shadow: next === undefined ? undefined : () => readShadow(next),
      say,
      line: showLines(),
      showCalls: values.calls,
      signal: leaving.signal,
    });
    console.log(welcome({ names, sidecars: values.sidecars, data: data.path, tookMs: Date.now() - startedMs }));
  } catch (error) {
    if (leaving.signal.aborted) return;
    console.error(error instanceof StartError ? `Only2U can’t start. ${error.message}` : error);
    process.exit(1);
  } finally {
    starting.resolve();
  }
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        sidecars: { type: 'boolean', default: false },
        shadow: { type: 'string' },
        calls: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(2);
  }
}

function chosen(positionals: readonly string[]): readonly string[] {
  const known = services.map(({ name }) => name);
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new StartError(`There is no service ${unknown.join(', ')}. There are: ${known.join(', ')}.`);
  return positionals.length > 0 ? positionals : known;
}

function portOf(service: string): number {
  const usual = services.find(({ name }) => name === service)?.port ?? 0;
  return Number(process.env[portVariable(service)] ?? usual);
}

/** Where the environment says other ports than are rendered. */
function ports(): ReadonlyMap<number, number> {
  const moved = services.map(({ name, port }) => [port, portOf(name)] as const);
  const behind = moved.map(([usual, port]) => [usual + behindTheEdge, port + behindTheEdge] as const);
  return new Map([...moved, ...behind].filter(([usual, port]) => usual !== port));
}

/** What must be free. Envoys of services that are not started listen too, and answer that nobody is there. */
function needed(names: readonly string[]): readonly NeededPort[] {
  const envoys = services.map(({ name }) => ({
    what: `the Envoy of ${name}`,
    port: portOf(name),
    variable: portVariable(name),
  }));
  if (!names.includes('gateway')) return envoys;
  const behind = { what: 'the gateway behind its Envoy', port: portOf('gateway') + behindTheEdge };
  return [...envoys, { ...behind, variable: portVariable('gateway') }];
}

/** Shows what services log, each line with its service's name; not their welcomes, which name ports that nobody needs. */
function showLines(): (name: string, text: string) => void {
  const welcoming = new Set<string>();
  return (name, text) => {
    if (text.startsWith('Only2U is ready')) welcoming.add(name);
    if (!welcoming.has(name)) console.log(`${name.padEnd(8)} ${text}`);
    if (text === '  Ctrl-C stops it.') welcoming.delete(name);
  };
}

type Welcome = {
  readonly names: readonly string[];
  readonly sidecars: boolean;
  readonly data: string;
  readonly tookMs: number;
};

function welcome({ names, sidecars, data, tookMs }: Welcome): string {
  const shop = `http://127.0.0.1:${portOf('gateway')}`;
  const lines = [
    `Only2U is ready after ${(tookMs / 1_000).toFixed(1)} s, ${sidecars ? 'an Envoy a service' : 'one Envoy'} between its services.`,
  ];
  if (names.includes('gateway')) {
    lines.push(
      `  Shop      ${shop}`,
      `  Try       curl -s ${shop}/only2u.product.v1.ProductService/SearchProducts -H 'Content-Type: application/json' -d '{"query":"shirt"}'`,
    );
  }
  for (const name of names) {
    if (name !== 'gateway') lines.push(`  ${name.padEnd(9)} 127.0.0.1:${portOf(name)} (gRPC, mutual TLS, Envoy)`);
  }
  lines.push('  Status    npm run mesh:status', `  Data      ${relative('', data) || '.'}`, '  Ctrl-C stops it.');
  return lines.join('\n');
}
