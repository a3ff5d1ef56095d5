import { access, constants, mkdir } from 'node:fs/promises';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import { usesDocker } from './docker.ts';
import { alone } from '#platform/alone.ts';
import { failureOf, orNotOurs } from './missing-packages.ts';
import { type OpenEngine, openEngine } from './open-engine.ts';
import { usualData } from './place.ts';
import { loadRecipe } from './recipes.ts';
import type { EngineName, Recipe } from './recipe.ts';
import { readRecord } from './state.ts';
import { writeVariables } from './variables.ts';

export type UpOptions = {
  readonly names: readonly EngineName[];
  readonly folder: string;
  readonly versions?: Readonly<Partial<Record<EngineName, string>>>;
  readonly ports?: Readonly<Partial<Record<EngineName, Readonly<Record<string, number>>>>>;
  readonly nodes?: number | undefined;
  /** With Docker, or without; not given: what each was begun with, else with, where a daemon answers. */
  readonly docker?: boolean | undefined;
  /** Whether they end with this process: not unless told. */
  readonly attached?: boolean;
  readonly say: (text: string) => void;
};

const largeMb = 300; // such an engine keeps a core busy for as long as it starts

/**
 * Starts the engines of a folder that do not run, side by side, and writes variables.json. Throws one StartError that says of each
 * that did not come up why; the others run on.
 */
export async function up(options: UpOptions): Promise<readonly OpenEngine[]> {
  const { names, folder, say } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 })
    .then(() => access(folder, constants.W_OK))
    .catch((error: unknown) => {
      throw orNotOurs(error);
    });
  return alone(
    join(folder, 'lock'),
    async () => {
      const recipes = await Promise.all(names.map(loadRecipe));
      const docker = await usesDocker(options.docker);
      sayMemory(recipes, options.nodes ?? 1, say);
      const slots = slotsOf(Math.max(1, availableParallelism()));
      const results = await Promise.allSettled(
        recipes.map((recipe) => {
          const start = (): Promise<OpenEngine> => startOne(recipe, options, docker);
          return recipe.memoryMb < largeMb ? start() : slots(start);
        }),
      );
      await writeVariables(folder);
      const failures = results.flatMap((result, index) =>
        result.status === 'rejected' ? [{ title: recipes[index]?.title ?? '', error: result.reason as unknown }] : [],
      );
      if (failures.length > 0) throw failureOf(failures);
      return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    },
    (pid) => say(`process ${pid} is at work in ${folder}; waiting`),
  );
}

async function startOne(recipe: Recipe, options: UpOptions, docker: boolean): Promise<OpenEngine> {
  const { name } = recipe;
  const known = await readRecord(join(options.folder, name));
  const startedMs = Date.now();
  const say = (text: string): void => options.say(`${recipe.title}: ${text}`);
  say('starting');
  // The usual folder has the usual ports; any other is somebody's second set.
  const usual = options.folder === usualData ? recipe.ports : {};
  const version = options.versions?.[name];
  const engine = await openEngine(name, {
    folder: options.folder,
    ports: { ...usual, ...options.ports?.[name] },
    ...(name === 'cassandra' && options.nodes !== undefined && { nodes: options.nodes }),
    ...(version !== undefined && { version }),
    docker: options.docker ?? known?.chosen.docker ?? docker,
    attached: options.attached === true,
    say,
  });
  say(
    `${engine.version} is ready on 127.0.0.1:${engine.ports['tls']} after ${((Date.now() - startedMs) / 1_000).toFixed(1)} s`,
  );
  return engine;
}

function sayMemory(recipes: readonly Recipe[], nodes: number, say: (text: string) => void): void {
  const needed = recipes.reduce((sum, { name, memoryMb }) => sum + memoryMb * (name === 'cassandra' ? nodes : 1), 0);
  const free = Math.round(freemem() / 1_048_576);
  if (free < needed) say(`they take some ${needed} MB, and ${free} MB are free: name fewer if one does not come up`);
}

/** Lets so many at a time through. */
function slotsOf(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = count;
  return async (work) => {
    if (free === 0) await new Promise<void>((go) => waiting.push(go));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
