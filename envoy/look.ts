import { join } from 'node:path';
import { createEnvoyAdmin } from './admin.ts';
import { folderOf } from './node-files.ts';
import { readObserved } from './observed.ts';
import { observedFile, readPlaces } from './places.ts';
import { type MeshReport, reportOf } from './report.ts';
import { parseStats } from './stats.ts';

/** Asks all Envoys and processes of the mesh in a run folder how it goes; undefined when none has run there. */
export async function lookAtMesh(run: string): Promise<MeshReport | undefined> {
  const places = await readPlaces(run);
  if (places === undefined) return undefined;
  const envoys = await Promise.all(
    places.envoys.map(async (node) => {
      const text = await createEnvoyAdmin(join(folderOf(node, run), 'admin.sock')).get('/stats?usedonly');
      return [node, text === undefined ? undefined : parseStats(text)] as const;
    }),
  );
  const processes = await Promise.all(
    places.services.map(async ({ name, admin }) => ({
      name,
      metrics: await textOf(`http://127.0.0.1:${admin}/metrics`),
    })),
  );
  const observed = await readObserved(observedFile(run));
  return reportOf({ envoys: new Map(envoys), observed, processes, nowMs: Date.now() });
}

async function textOf(url: string): Promise<string | undefined> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  return answer?.ok === true ? answer.text().catch(() => undefined) : undefined;
}
