import type { EngineState } from './engine.ts';
import type { Fault } from './fault.ts';

/** How a service is, for whoever runs the shop. */
export type ServiceState = {
  readonly ready: boolean;
  /** "ready", or what is the matter. */
  readonly status: string;
  /** "ready" or "away: …" by the engine's name. */
  readonly engines: Readonly<Record<string, string>>;
};

/** What readiness asks of each service, by its name. */
export type Checks = ReadonlyMap<string, () => Promise<ServiceState>>;

const checkLimitMs = 2_000; // who asks waits some seconds at most

/** Resolves when a service can answer; rejects with the first reason why it can't. */
export async function assertReady(engines: readonly EngineState[], ready: () => Promise<void>): Promise<void> {
  const needed = engines.filter((engine) => engine.needed).map((engine) => engine.check());
  await Promise.all([...needed, ready()]);
}

/** Asks a service that is open, and each engine that it stands on. One that it can do without makes it no less ready. */
export async function stateOf(engines: readonly EngineState[], ready: () => Promise<void>): Promise<ServiceState> {
  const [own, ...each] = await Promise.all([
    outcomeOf(ready),
    ...engines.map(async (engine) => ({ engine, problem: await outcomeOf(() => engine.check()) })),
  ]);
  const missing = each.filter(({ engine, problem }) => engine.needed && problem !== undefined);
  const problem = missing.length > 0 ? `${missing.map(({ engine }) => engine.name).join(', ')} is away` : own;
  return {
    ready: problem === undefined,
    status: problem ?? 'ready',
    engines: Object.fromEntries(each.map(({ engine, problem: why }) => [engine.name, inWords(why)])),
  };
}

/** A service that is still opening: what it waits for. */
export function openingState(waitsFor: ReadonlyMap<string, Fault>): ServiceState {
  const names = [...waitsFor.keys()];
  return {
    ready: false,
    status: names.length === 0 ? 'starting' : `starting; waits for ${names.join(', ')}`,
    engines: Object.fromEntries([...waitsFor].map(([name, fault]) => [name, inWords(fault.message)])),
  };
}

function inWords(problem: string | undefined): string {
  return problem === undefined ? 'ready' : `away: ${problem}`;
}

async function outcomeOf(check: () => Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${checkLimitMs / 1_000} s`)), checkLimitMs);
  });
  try {
    await Promise.race([check(), late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
