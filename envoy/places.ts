import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const placesSchema = z.object({
  form: z.enum(['one', 'sidecars']),
  envoys: z.array(z.string()),
  services: z.array(z.object({ name: z.string(), admin: z.number() })),
});
/** What runs in a mesh, for those who look at it. */
export type MeshPlaces = z.infer<typeof placesSchema>;

export function observedFile(run: string): string {
  return join(run, 'observed.json');
}

export async function writePlaces(run: string, places: MeshPlaces): Promise<void> {
  const file = join(run, 'mesh.json');
  await writeFile(`${file}.new`, JSON.stringify(places), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** undefined when no mesh has run here. */
export async function readPlaces(run: string): Promise<MeshPlaces | undefined> {
  const text = await readFile(join(run, 'mesh.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : placesSchema.parse(JSON.parse(text));
}
