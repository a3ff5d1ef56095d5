import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { nodeFolder, runFolder } from '../mesh/envoy/names.ts';
import type { Rendered } from '../mesh/render.ts';

/** One Envoy for everything, or one for each workload and one at the edge. */
export type Form = 'one' | 'sidecars';

/** What is rendered for one Envoy: texts by their paths in its folder, such as "secrets/cart.yaml". */
export type NodeFiles = { readonly node: string; readonly files: ReadonlyMap<string, string> };

/** What stands in gen/mesh/envoy. */
export async function readRendered(folder: string): Promise<Rendered[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'));
  return Promise.all(
    files.map(async ({ parentPath, name }) => {
      const file = join(parentPath, name);
      return { path: join('envoy', relative(folder, file)), text: await readFile(file, 'utf8') };
    }),
  );
}

/** The Envoys of a form and their files. */
export function nodesOf(form: Form, rendered: readonly Rendered[]): readonly NodeFiles[] {
  const nodes = new Map<string, Map<string, string>>();
  for (const { path, text } of rendered) {
    const [, node, file] = /^envoy\/(?:sidecars\/)?([^/]+)\/(.+)$/.exec(path) ?? [];
    const formOf = path.startsWith('envoy/sidecars/') ? 'sidecars' : 'one';
    if (node === undefined || file === undefined || formOf !== form) continue;
    const files = nodes.get(node) ?? new Map<string, string>();
    nodes.set(node, files.set(file, text));
  }
  return [...nodes].map(([node, files]) => ({ node, files }));
}

/** Where a mesh runs, in place of what stands in rendered files. */
export type Places = {
  readonly run: string;
  /** Ports that are others than the usual ones, by the usual one. */
  readonly ports: ReadonlyMap<number, number>;
};

export function placed(text: string, { run, ports }: Places): string {
  return text.replaceAll(runFolder, run).replaceAll(/\bport_value: (\d+)/g, (all, port: string) => {
    const other = ports.get(Number(port));
    return other === undefined ? all : `port_value: ${other}`;
  });
}

export function folderOf(node: string, run: string): string {
  return nodeFolder(node).replace(runFolder, run);
}

/**
 * Brings a node's files into the folder that its Envoy watches, each by one rename; only those that are another than what lies there.
 * Whom to reach comes before who may come in, which names it. Returns the names of what has changed.
 */
export async function installFiles({ node, files }: NodeFiles, places: Places): Promise<string[]> {
  const folder = folderOf(node, places.run);
  const changed: string[] = [];
  const order = ['secrets', 'clusters', 'bootstrap', 'listeners'];
  const rank = (name: string): number => order.findIndex((first) => name.startsWith(first));
  for (const [name, rendered] of [...files].sort(([a], [b]) => rank(a) - rank(b))) {
    const file = join(folder, name);
    const text = placed(rendered, places);
    if ((await readFile(file, 'utf8').catch(() => undefined)) === text) continue;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
    changed.push(name);
  }
  return changed;
}
