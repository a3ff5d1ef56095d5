import { relative } from 'node:path';
import { memoryOf, treeOf } from '../tools/started-shop.ts';
import { openPlace } from './place.ts';
import { loadRecipe } from './recipes.ts';
import type { EngineRecord } from './state.ts';
import { readRecords, runs, variablesFile } from './variables.ts';

const heads = ['engine', 'version', 'address', 'TLS', 'process', 'memory', 'health'];

/** A table of the engines of a folder. Each that runs is signed in to. */
export async function status(folder: string): Promise<string> {
  const records = await readRecords(folder);
  if (records.length === 0) return 'No engine was started here: npm run engines -- up';
  const rows = await Promise.all(records.map((record) => rowOf(folder, record)));
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const lines = [heads, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, '', `Variables: ${relative('', variablesFile(folder))}`].join('\n');
}

async function rowOf(folder: string, record: EngineRecord): Promise<string[]> {
  const recipe = await loadRecipe(record.name);
  const { ports, processes } = record;
  const address = `127.0.0.1:${ports['tls']}`;
  if (!runs(record)) {
    const health =
      processes.length === 0 || record.chosen.docker ? 'down' : `ended by itself; ${recipe.name}/*.log say why`;
    return [recipe.title, record.version, address, '', '', '', health];
  }
  const pids = processes.map(({ pid }) => pid);
  const memory = `${Math.round(memoryOf(pids.flatMap(treeOf)))} MB`;
  const place = await openPlace(recipe, {
    folder,
    ports,
    nodes: record.chosen.nodes,
    version: record.chosen.version,
    say: () => undefined,
  });
  const health = await recipe.check(place).then(
    () => 'healthy',
    (error: unknown) => (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)),
  );
  return [
    recipe.title,
    record.version,
    address,
    'yes',
    record.chosen.docker ? 'Docker' : pids.join(','),
    record.chosen.docker ? '' : memory,
    health,
  ];
}
