import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Client } from '@connectrpc/connect';
import type { Variables } from '#platform/config.ts';
import type { Dial } from '#platform/run.ts';
import { freePort } from '#platform/free-port.ts';
import { openOperator } from '../tools/operator.ts';

const here = resolve(import.meta.dirname, '..');
const readyWithinMs = 120_000;

/** One process of the shop. */
export type ShopProcess = {
  readonly service: string;
  readonly address: string;
  /** Where its readiness is asked. */
  readonly adminAddress: string;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again at the same address, after its end. */
  start(): Promise<void>;
  /** Ends it as an orchestrator would. */
  close(): Promise<void>;
};

/** The shop as it runs in earnest: several processes of each service but the gateway, which find each other by address. */
export type ShopProcesses = {
  readonly processes: readonly ShopProcess[];
  /** host:port of each process of a service, with commas between. */
  addressOf(service: string): string;
  /** Clients as the workload "operator". */
  readonly dial: Dial;
  close(): Promise<void>;
};

export type ShopProcessesOptions = {
  readonly names: readonly string[];
  readonly variables: Variables;
  /** How many of each service: two unless told. */
  readonly instances?: number;
  /** Another version of the project; this one unless told. */
  readonly root?: string;
  /** Processes of the same shop that run already: calls go to them too. */
  readonly beside?: Pick<ShopProcesses, 'addressOf'>;
};

/** Starts them all, and resolves when each is ready. */
export async function startShopProcesses(options: ShopProcessesOptions): Promise<ShopProcesses> {
  const { names, instances = 2, root = here, beside } = options;
  const places: { readonly service: string; readonly port: number; readonly adminPort: number }[] = [];
  for (const service of names) {
    const count = service === 'gateway' ? 1 : instances;
    for (let index = 0; index < count; index++)
      places.push({ service, port: await freePort(), adminPort: await freePort() });
  }
  const addressOf = (service: string): string =>
    places
      .filter((place) => place.service === service)
      .map(({ port }) => `127.0.0.1:${port}`)
      .join(',');
  const peersOf = (service: string): string =>
    [addressOf(service), beside?.addressOf(service) ?? ''].filter(Boolean).join(',');
  const env: Variables = {
    PATH: process.env['PATH'],
    ...options.variables,
    ...Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_ADDRESS`, peersOf(name)])),
  };
  const processes = places.map(({ service, port, adminPort }) =>
    createProcess({ service, address: `127.0.0.1:${port}`, adminAddress: `127.0.0.1:${adminPort}` }, root, {
      ...env,
      [`${service.toUpperCase()}_PORT`]: String(port),
      ADMIN_PORT: String(adminPort),
    }),
  );
  const close = async (): Promise<void> => void (await Promise.all(processes.map((each) => each.close())));
  try {
    await Promise.all(processes.map((each) => each.start()));
    const operator = await openOperator(env);
    return {
      processes,
      addressOf,
      dial: (contract, workload) => operator.dial(contract, workload) as Client<typeof contract>,
      async close() {
        operator.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Begun = ChildProcessByStdio<null, Readable, null>;

function createProcess(
  about: Pick<ShopProcess, 'service' | 'address' | 'adminAddress'>,
  root: string,
  env: Variables,
): ShopProcess {
  let child: Begun | undefined;

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = once(ending, 'exit');
    ending.kill(signal);
    await ended;
  }

  return {
    ...about,
    kill: () => end('SIGKILL'),
    close: () => end('SIGTERM'),
    async start() {
      child = begin(about.service, root, env); // known at once, so that a start that others give up is ended too
      await untilReady(about.service, child);
    },
  };
}

function begin(service: string, root: string, env: Variables): Begun {
  return spawn(process.execPath, ['services/main.ts', service], {
    cwd: root,
    env: { ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function untilReady(service: string, child: Begun): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), readyWithinMs);
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (line.includes('is ready')) {
      clearTimeout(timer);
      child.stdout.on('data', (chunk: Buffer) => process.stderr.write(chunk)); // its log, as much of it as it was told to say
      return;
    }
  }
  clearTimeout(timer);
  throw new Error(`a process of ${service} did not start:\n${said.join('\n')}`);
}
