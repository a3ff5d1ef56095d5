import { resolve } from 'node:path';
import { z } from 'zod';
import { type Configurable, isGiven, isSecret, type Variables } from '#platform/config.ts';
import { openDataFolder } from '#platform/data-folder.ts';
import { usualData } from './place.ts';
import { usualEngines } from './recipe.ts';
import { up } from './up.ts';
import { shopVariables, writeVariables } from './variables.ts';

export type ShopOnEngines = {
  /** The environment, and what the engines add to it. */
  readonly variables: Variables;
  /** "PostgreSQL 15.18 127.0.0.1:25432", one an engine. */
  readonly engines: readonly string[];
};

/** What is on in a shop that somebody tries out here, and off on a database of their own. */
const tried = ['SAMPLE_CATALOG', 'SAMPLE_COUPONS', 'TEST_PROVIDER'];

/**
 * Starts the engines that do not run, or uses those that do, and gives the environment of a shop on them. Its secrets come from the
 * data folder, as on the embedded database. The engines outlive the shop.
 */
export async function shopOnEngines(
  services: readonly Configurable[],
  env: Variables,
  say: (text: string) => void,
): Promise<ShopOnEngines> {
  const named = env['ENGINES_DATA'] ?? '';
  const folder = named === '' ? usualData : resolve(named);
  const engines = await up({ names: usualEngines, folder, say });
  const data = await openDataFolder(env['ONLY2U_DATA'] ?? '.data');
  const own: Record<string, string> = {};
  for (const { name, config } of services) {
    if (!(config instanceof z.ZodObject)) continue;
    for (const [key, schema] of Object.entries<z.ZodType>(config.shape)) {
      if (isGiven(env, name, key)) continue;
      if (isSecret(schema)) own[forService(name, key)] = data.secretFor(`${name} ${key}`);
      else if (tried.includes(key)) own[key] = 'on';
    }
  }
  return {
    variables: { ...shopVariables(await writeVariables(folder)), ...own, ...env },
    engines: engines.map(({ title, version, ports }) => `${title} ${version} 127.0.0.1:${ports['tls']}`),
  };
}

function forService(name: string, key: string): string {
  const prefix = `${name.toUpperCase().replaceAll('-', '_')}_`;
  return key.startsWith(prefix) ? key : prefix + key;
}
