import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { alone } from '#platform/alone.ts';
import { endEngine, purgeEngine } from './open-engine.ts';
import { loadRecipe } from './recipes.ts';
import type { EngineName } from './recipe.ts';
import { readRecord } from './state.ts';
import { runs, writeVariables } from './variables.ts';

export type DownOptions = {
  readonly names: readonly EngineName[];
  readonly folder: string;
  /** Deletes their data too. */
  readonly purge: boolean;
  readonly say: (text: string) => void;
};

/** Ends the engines of a folder, in order. */
export async function down({ names, folder, purge, say }: DownOptions): Promise<void> {
  if (!existsSync(folder)) return say('nothing was ever started here');
  await alone(join(folder, 'lock'), async () => {
    await Promise.all(
      names.map(async (name) => {
        const record = await readRecord(join(folder, name));
        const { title } = await loadRecipe(name);
        if (record !== undefined && runs(record)) {
          const startedMs = Date.now();
          await endEngine(folder, record);
          say(`${title}: ended after ${((Date.now() - startedMs) / 1_000).toFixed(1)} s`);
        } else if (record !== undefined) await endEngine(folder, record); // what is left of it
        if (purge && existsSync(join(folder, name))) {
          await purgeEngine(folder, name);
          say(`${title}: its data are deleted`);
        }
      }),
    );
    await writeVariables(folder);
  });
}
