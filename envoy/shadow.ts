import { existsSync, statSync } from 'node:fs';
import { StartError } from '#platform/start-error.ts';
import { renderEnvoy } from '../mesh/envoy.ts';
import { loadContracts } from '../mesh/load.ts';
import { createModel, type MeshModel } from '../mesh/model.ts';
import type { Rendered } from '../mesh/render.ts';
import { settings } from '../mesh/shop-settings.ts';

/** What the Envoys read when they also count what a next policy would refuse: a folder of protos, or a commit. */
export function renderedWithShadow(next: string): readonly Rendered[] {
  return renderEnvoy(createModel(loadContracts('proto')), settings, modelOf(next));
}

function modelOf(next: string): MeshModel {
  const isFolder = existsSync(next) && statSync(next).isDirectory();
  try {
    return createModel(loadContracts(isFolder ? next : `.git#ref=${next},subdir=proto`));
  } catch (cause) {
    throw new StartError(`${next} is neither a folder of protos that compile nor a commit of them.`, { cause });
  }
}
