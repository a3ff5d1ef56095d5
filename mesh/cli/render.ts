import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { StartError } from '#platform/start-error.ts';
import { type Command, type Mesh, ourMesh, protoRoot, readArguments } from './command.ts';
import { type Finding, findingText } from '../contracts/finding.ts';
import { lint, rules } from '../lint/lint.ts';
import type { Rendered } from '../render.ts';
import { differences, structureFindings } from './verify.ts';

const root = resolve(import.meta.dirname, '../..');
const home = join(root, 'gen/mesh');

export const renderCommand: Command = {
  usage: '[--out DIR]',
  about: 'writes every plane from the contracts, to gen/mesh unless told; npm run generate does it too',
  more: 'What is in gen/mesh and is rendered no more is removed; another folder keeps what it has.\n',
  async run(args) {
    const { values, positionals } = readArguments(args, { out: { type: 'string' } });
    if (positionals.length > 0) throw new StartError('render takes nothing but --out.');
    const { rendered } = await renderedFiles(ourMesh());
    const folder = resolve(values.out ?? home);
    if (folder === home) leftOver(rendered).forEach((path) => rmSync(join(home, path)));
    for (const { path, text } of rendered) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return { text: `${rendered.length} files in ${relative(process.cwd(), folder) || '.'}\n`, code: 0 };
  },
};

export const verifyCommand: Command = {
  usage: '',
  about: 'whether gen/mesh is what the contracts render, and knows only their methods and workloads',
  more: 'Exit code: 0 it is, 1 a file differs: it is named with the first line that does.\n',
  async run(args) {
    if (readArguments(args, {}).positionals.length > 0) throw new StartError('verify takes nothing.');
    const mesh = ourMesh();
    const { files, findings } = await verified(mesh);
    return outcome(findings, `gen/mesh is what the contracts render: ${files} files\n`);
  },
};

export const checkCommand: Command = {
  usage: '[--rules]',
  about: 'all that can be wrong: the rules of the mesh, gen/mesh, and grants against the code’s calls',
  more: '--rules lists the rules. Exit code: 0 nothing is wrong, 1 something is: a line each, with the place and what to do.\n',
  async run(args) {
    const { values, positionals } = readArguments(args, { rules: { type: 'boolean' } });
    if (positionals.length > 0) throw new StartError('check takes nothing but --rules.');
    if (values.rules === true) return { text: rulesText(), code: 0 };
    const mesh = ourMesh();
    const broken = lint(mesh);
    if (broken.length > 0) return outcome(broken, ''); // what is said wrongly can't be rendered, or only wrongly
    const { files, findings } = await verified(mesh);
    const all = [...(await useOf(mesh)), ...findings];
    const counts = `${Object.keys(rules).length} rules, ${mesh.model.methods.length} methods, ${files} files`;
    return outcome(all, `The mesh is as it should be: ${counts}; every grant is used, every call granted.\n`);
  },
};

function rulesText(): string {
  const width = Math.max(...Object.keys(rules).map((name) => name.length));
  return Object.entries(rules)
    .map(([name, { about }]) => `${name.padEnd(width)}  ${about}\n`)
    .join('');
}

function outcome(findings: readonly Finding[], well: string) {
  if (findings.length === 0) return { text: well, code: 0 } as const;
  const lines = findings.map((each) => `${findingText(each, protoRoot)}\n`).join('');
  return { text: `${lines}${findings.length} to mend\n`, code: 1 } as const;
}

/** Grants against the code's calls. It reads all of the code as a compiler does: only `check` waits for that. */
async function useOf({ model }: Mesh): Promise<readonly Finding[]> {
  const [{ useFindings }, { typescriptCalls }, { declaredCalls }] = await Promise.all([
    import('../use/use.ts'),
    import('../use/typescript.ts'),
    import('../use/declared.ts'),
  ]);
  return useFindings(model, [...typescriptCalls({ root, model }), ...declaredCalls(root)], protoRoot);
}

async function verified(mesh: Mesh): Promise<{ readonly files: number; readonly findings: readonly Finding[] }> {
  const { rendered, settings } = await renderedFiles(mesh);
  const present = new Map(filesIn(home).map((path) => [path, readFileSync(join(home, path), 'utf8')]));
  return {
    files: rendered.length,
    findings: [
      ...differences(rendered, present),
      ...structureFindings(mesh.model, present, [settings.ingress.serviceAccount]),
    ],
  };
}

/** The settings know every service, and take as long to load as all else: only what renders asks for them. */
async function renderedFiles({ model }: Mesh) {
  const [{ renderAll }, { settings }] = await Promise.all([import('../renderers.ts'), import('../shop-settings.ts')]);
  return { rendered: renderAll(model, settings), settings };
}

function leftOver(rendered: readonly Rendered[]): readonly string[] {
  return filesIn(home).filter((path) => !rendered.some((each) => each.path === path));
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}
