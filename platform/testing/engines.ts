import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Where `npm run engines -- up` writes what a process sets to stand on the engines that it started: names of variables and their values. */
export const engineVariablesFile = resolve(import.meta.dirname, '../../.data/engines/variables.json');

/** The variables of the engines that run, such as REDIS_URL and REDIS_CA_FILE; the file is ENGINES_VARIABLES or where `npm run engines` writes it. */
export function engineVariables(): Readonly<Record<string, string>> {
  const file = process.env['ENGINES_VARIABLES'] ?? engineVariablesFile;
  if (!existsSync(file)) throw new Error(`No engines run (there is no ${file}): npm run engines -- up`);
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
}

/**
 * One of them, such as REDIS_URL: where the file says REDIS_URL_FILE, what that file holds. Throws where that engine does not run: a test
 * that asks for an engine is never skipped.
 */
export function engineVariable(name: string): string {
  const variables = engineVariables();
  const file = variables[`${name}_FILE`];
  const value = variables[name] ?? (file === undefined ? undefined : readFileSync(file, 'utf8').trimEnd());
  if (value === undefined) throw new Error(`No engine runs that gives ${name}: npm run engines -- up`);
  return value;
}
