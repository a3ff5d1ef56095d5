import { existsSync, statSync } from 'node:fs';
import { StartError } from '#platform/start-error.ts';
import { renderEnvoy } from '../mesh/envoy/envoy.ts';
import { loadContracts } from '../mesh/load.ts';
import { createModel, type MeshModel } from '../mesh/model.ts';
import type { Rendered } from '../mesh/render.ts';
import { settings } from '../mesh/shop-settings.ts';

/** A policy to come beside the present one. */
export type Shadow = {
  /** What the Envoys read when they also count what it would refuse. */
  readonly rendered: readonly Rendered[];
  /** What processes read for the same, in JSON. */
  readonly policies: string;
};

/** Reads the policy to come from a folder of protos, or a commit. */
export function readShadow(next: string): Shadow {
  const model = modelOf(next);
  const policies = model.methods.map(({ path, policy: { callers, access, roles, idempotency } }) => [
    path,
    { callers, access, roles, idempotency },
  ]);
  return {
    rendered: renderEnvoy(createModel(loadContracts('proto')), settings, model),
    policies: JSON.stringify(Object.fromEntries(policies)),
  };
}

function modelOf(next: string): MeshModel {
  const isFolder = existsSync(next) && statSync(next).isDirectory();
  try {
    return createModel(loadContracts(isFolder ? next : `.git#ref=${next},subdir=proto`));
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new StartError(`${next} is neither a folder of protos that compile nor a commit of them. ${words}`, {
      cause,
    });
  }
}
