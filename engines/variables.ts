import { readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning } from './engine-process.ts';
import { engineNames } from './recipe.ts';
import { readRecord, type EngineRecord } from './state.ts';

/** Where `up` says what a process sets to stand on the engines of a folder. */
export function variablesFile(folder: string): string {
  return join(folder, 'variables.json');
}

/** What is known of all engines of a folder. */
export async function readRecords(folder: string): Promise<EngineRecord[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const records = await Promise.all(
    engineNames.filter((name) => names.includes(name)).map((name) => readRecord(join(folder, name))),
  );
  return records.filter((record) => record !== undefined);
}

/** Whether an engine was started here and nobody has ended it. */
export function runs({ chosen, processes, version }: EngineRecord): boolean {
  return chosen.docker ? version !== '' : processes.length > 0 && processes.every(isRunning);
}

/** Writes the variables of the engines that run, whole or not at all. */
export async function writeVariables(folder: string): Promise<Readonly<Record<string, string>>> {
  const records = await readRecords(folder);
  const variables = Object.fromEntries(records.filter(runs).flatMap((record) => Object.entries(record.variables)));
  const file = variablesFile(folder);
  await writeFile(`${file}.new-${process.pid}`, `${JSON.stringify(variables, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new-${process.pid}`, file);
  return variables;
}

/** Without what only tests and people use: those of administrators, and Kafka's where RabbitMQ carries the events. */
export function shopVariables(variables: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const rabbit = Object.keys(variables).some((name) => name.includes('RABBITMQ_URL'));
  return Object.fromEntries(
    Object.entries(variables).filter(
      ([name]) => !/_(ADMIN|MANAGEMENT)_/.test(name) && !(rabbit && name.startsWith('KAFKA_')),
    ),
  );
}
