import { watch } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { StartError } from '#platform/start-error.ts';
import { type Form, installFiles, type NodeFiles, nodesOf, type Places, readRendered } from './node-files.ts';
import type { Shadow } from './shadow.ts';

export type RenderedMeshOptions = {
  /** gen/mesh, or a copy. */
  readonly folder: string;
  readonly form: Form;
  readonly places: Places;
  /** Reads the present policies and those to come; asked again when the present ones have changed. */
  readonly shadow: (() => Shadow) | undefined;
  say(text: string): void;
};

/** What is rendered, brought to where Envoys and processes read it: at the start, and again whenever it changes. */
export type RenderedMesh = {
  readonly nodes: readonly string[];
  /** What processes read beside what was compiled into them. */
  readonly variables: Readonly<Record<string, string>>;
  close(): Promise<void>;
};

const settleMs = 100; // a program writes many files at a time
const moduleSchema = z.object({ policies: z.record(z.string(), z.unknown()) });

export async function openRendered({ folder, form, places, shadow, say }: RenderedMeshOptions): Promise<RenderedMesh> {
  const policiesFile = join(places.run, 'policies.json');
  const shadowFile = join(places.run, 'shadow.json');
  const nodes = await readNodes();
  if (nodes.length === 0) throw new StartError(`There is nothing for an Envoy in ${folder}: run npm run generate.`);
  for (const node of nodes) await installFiles(node, places);
  await installPolicies();

  async function readNodes(): Promise<readonly NodeFiles[]> {
    const both = shadow?.();
    if (both !== undefined) await writeFile(shadowFile, both.policies, { mode: 0o600 });
    return nodesOf(form, both?.rendered ?? (await readRendered(join(folder, 'envoy'))));
  }

  /** Returns whether they are others than before. */
  async function installPolicies(): Promise<boolean> {
    const url = pathToFileURL(join(folder, 'policies.ts'));
    url.searchParams.set('at', String(Date.now())); // a module is read once by its address
    const { policies } = moduleSchema.parse(await import(url.href));
    const text = JSON.stringify(policies);
    if ((await readFile(policiesFile, 'utf8').catch(() => undefined)) === text) return false;
    await writeFile(`${policiesFile}.new`, text, { mode: 0o600 });
    await rename(`${policiesFile}.new`, policiesFile);
    return true;
  }

  async function bring(): Promise<void> {
    await sleep(settleMs);
    wanted = false;
    // Processes first: between the two nothing is let in that either of them refuses.
    if (await installPolicies()) say('the processes were given new policies');
    const changed = await Promise.all(
      (await readNodes()).map(async (node) => [node.node, await installFiles(node, places)] as const),
    );
    for (const [node, files] of changed) {
      if (files.length > 0) say(`Envoy "${node}" was given new ${files.join(', ')}`);
    }
  }

  let installing = Promise.resolve();
  let wanted = false;
  const watcher = watch(folder, { recursive: true }, () => {
    if (wanted) return;
    wanted = true;
    installing = installing
      .then(bring)
      .catch((error: unknown) => say(`what is in ${folder} can’t be used: ${String(error)}`));
  });
  watcher.on('error', (error) => say(`${folder} is no longer watched: ${error.message}`));
  return {
    nodes: nodes.map(({ node }) => node),
    variables: { POLICY_FILE: policiesFile, ...(shadow !== undefined && { POLICY_SHADOW_FILE: shadowFile }) },
    async close() {
      watcher.close();
      await installing;
    },
  };
}
