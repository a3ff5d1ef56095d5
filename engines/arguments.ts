import { parseArgs } from 'node:util';
import { StartError } from '#platform/start-error.ts';
import { type EngineName, engineNames, usualEngines } from './recipe.ts';

export const help = `Usage: npm run engines -- up|down|status [options] [ENGINE…]

Starts real engines on this machine, each on loopback with TLS and a password, and says in variables.json what a shop sets to stand on
them (npm start -- --engines does it all). Engines: ${engineNames.join(', ')}; without names all but kafka.

  up                       starts what does not run, and waits until it can be signed in to
    --version NAME=VERSION   another version: cassandra=4.1.10, rabbitmq=3.12, rabbitmq=4.0, redis=valkey, postgres=16
    --nodes 3                Cassandra on 127.0.0.1 to 127.0.0.3
    --port NAME.WHAT=PORT    another port, such as redis.tls=7000; docs/engines.md lists them
    --docker, --no-docker    with Docker Compose, or without; by itself with, where a Docker daemon answers
  down                     ends them; all, or the named ones
    --purge                  and deletes their data
  status                   a table of what runs where

  --data DIR               another folder for data, with ports of its own; ENGINES_DATA does the same (.data/engines)
  --help                   this text
`;

export type Command = {
  readonly verb: 'up' | 'down' | 'status' | 'help';
  readonly names: readonly EngineName[];
  /** undefined is the usual one. */
  readonly data: string | undefined;
  /** By engine. */
  readonly versions: Readonly<Partial<Record<EngineName, string>>>;
  /** By engine and purpose. */
  readonly ports: Readonly<Partial<Record<EngineName, Readonly<Record<string, number>>>>>;
  readonly nodes: number | undefined;
  /** undefined leaves the choice to what is there. */
  readonly docker: boolean | undefined;
  readonly purge: boolean;
};

/** Throws a StartError that says what was not understood. */
export function readArguments(args: readonly string[]): Command {
  const { values, positionals } = parsed(args);
  const [verb = 'help', ...names] = positionals;
  if (verb !== 'up' && verb !== 'down' && verb !== 'status' && verb !== 'help')
    throw new StartError(`"${verb}" is no command: give up, down or status.`);
  const chosen = names.map(nameOf);
  const nodes = values.nodes === undefined ? undefined : Number(values.nodes);
  if (nodes !== undefined && nodes !== 1 && nodes !== 3) throw new StartError('--nodes takes 1 or 3.');
  const versions: Partial<Record<EngineName, string>> = {};
  for (const [name, value] of (values.version ?? []).map((text) => pair('--version', text)))
    versions[nameOf(name)] = value;
  const ports: Partial<Record<EngineName, Record<string, number>>> = {};
  for (const [place, value] of (values.port ?? []).map((text) => pair('--port', text))) {
    const [engine = '', purpose = 'tls'] = place.split('.');
    const port = Number(value);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new StartError(`--port ${place}=${value} is no port.`);
    ports[nameOf(engine)] = { ...ports[nameOf(engine)], [purpose]: port };
  }
  return {
    verb: values.help ? 'help' : verb,
    names: chosen.length > 0 ? chosen : verb === 'up' ? usualEngines : engineNames,
    data: values.data,
    versions,
    ports,
    nodes,
    docker: values.docker ? true : values['no-docker'] ? false : undefined,
    purge: values.purge,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        data: { type: 'string' },
        version: { type: 'string', multiple: true },
        port: { type: 'string', multiple: true },
        nodes: { type: 'string' },
        docker: { type: 'boolean', default: false },
        'no-docker': { type: 'boolean', default: false },
        purge: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`, { cause: error });
  }
}

function nameOf(text: string): EngineName {
  const name = engineNames.find((each) => each === text);
  if (name === undefined) throw new StartError(`"${text}" is no engine: give ${engineNames.join(', ')}.`);
  return name;
}

function pair(option: string, text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new StartError(`${option} ${text}: give NAME=VALUE.`);
  return [text.slice(0, at), text.slice(at + 1)];
}
