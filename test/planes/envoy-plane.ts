import { join } from 'node:path';
import type { Plane } from '../../mesh/matrix.ts';
import { createAsker, createSidecarAsker } from './asking.ts';
import { type EnvoysOptions, openEnvoys } from './envoys.ts';
import { answerOk, servePlain } from './plain-server.ts';
import type { World } from './world.ts';

/** Real Envoys from rendered files, each before a process that says yes to everything: what is refused they refuse. */
export async function openEnvoyPlane(options: EnvoysOptions & { readonly world: World }): Promise<Plane> {
  const envoys = await openEnvoys(options, (path) => servePlain(path, answerOk));
  const asker = createAsker(options.world, envoys.portOf);
  return {
    name: `Envoy, ${options.form}`,
    ask: asker.ask,
    async close() {
      asker.close();
      await envoys.close();
    },
  };
}

/** The same from the callers' side: through a caller's own sidecar and that of the workload that is called. */
export async function openBothSidecarsPlane(options: EnvoysOptions & { readonly world: World }): Promise<Plane> {
  const envoys = await openEnvoys(options, (path) => servePlain(path, answerOk));
  await envoys.untilWell();
  const asker = createSidecarAsker(options.world, (caller) => join(envoys.run, caller, 'mesh.sock'));
  return {
    name: `Envoy, ${options.form}, from the callers' side`,
    ask: asker.ask,
    async close() {
      asker.close();
      await envoys.close();
    },
  };
}
