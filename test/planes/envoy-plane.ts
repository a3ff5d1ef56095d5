import type { Plane } from '../../mesh/matrix.ts';
import { createAsker } from './asking.ts';
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
