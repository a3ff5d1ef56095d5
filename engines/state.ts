import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { engineNames } from './recipe.ts';

const keptProcess = z.object({
  name: z.string(),
  pid: z.number(),
  started: z.string(),
  logFrom: z.number(),
  stopSignal: z.enum(['SIGTERM', 'SIGINT']).optional(),
  pidFile: z.string().optional(),
});

const state = z.object({
  name: z.enum(engineNames),
  /** As the engine says it; empty until it has answered. */
  version: z.string(),
  /** What was asked for, so that a start without options gives the same again. */
  chosen: z.object({ nodes: z.number(), version: z.string().optional(), docker: z.boolean() }),
  ports: z.record(z.string(), z.number()),
  processes: z.array(keptProcess),
  variables: z.record(z.string(), z.string()),
});

/** What is known of an engine that was started in a folder, kept in a file of it. */
export type EngineRecord = z.infer<typeof state>;

const fileOf = (folder: string): string => join(folder, 'state.json');

/** Of the engine's own folder; undefined when none was ever started there. */
export async function readRecord(folder: string): Promise<EngineRecord | undefined> {
  const text = await readFile(fileOf(folder), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : state.parse(JSON.parse(text));
}

export async function writeRecord(folder: string, record: EngineRecord): Promise<void> {
  const draft = `${fileOf(folder)}.new-${process.pid}`;
  await writeFile(draft, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  await rename(draft, fileOf(folder));
}
