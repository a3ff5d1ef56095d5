import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = resolve(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
const env = { ...process.env, PATH: [bin, dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter) };

export type Target = 'ts' | 'openapi' | 'mesh' | 'go' | 'python';

const targets: readonly Target[] = ['ts', 'openapi', 'mesh', 'go', 'python'];

/** Those of buf.gen.yaml, which need Node alone and are made together. */
const byBuf: readonly Target[] = ['ts', 'openapi', 'mesh'];

/** What a target needs beside Node and `npm ci`, and the command that shows whether it is there. */
const toolchains: Partial<Record<Target, { readonly what: string; readonly probe: readonly [string, ...string[]] }>> = {
  go: { what: 'Go 1.26 or later', probe: ['go', 'version'] },
  python: { what: 'Python 3.10 or later with venv', probe: ['python3', '-c', 'import venv, ensurepip'] },
};

/** What is missing on this machine to generate a target, such as "Go 1.26 or later"; undefined when nothing is. */
export function missingFor(target: Target): string | undefined {
  const toolchain = toolchains[target];
  if (toolchain === undefined) return undefined;
  const [command, ...args] = toolchain.probe;
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0 ? undefined : toolchain.what;
}

/**
 * Writes the generated code of the targets under `out`, which is the repository or a folder to compare it with. What was
 * generated before is removed; go.mod and pyproject.toml, written by hand, stay.
 */
export function generate(only: readonly Target[], out: string): void {
  if (only.some((target) => byBuf.includes(target))) buf('buf.gen.yaml', out);
  if (only.includes('go')) generateGo(out);
  if (only.includes('python')) generatePython(out);
}

function generateGo(out: string): void {
  rmSync(join(out, 'gen/go/only2u'), { recursive: true, force: true });
  buf('buf.gen.go.yaml', out);
}

function generatePython(out: string): void {
  const venv = join(root, '.tools/python');
  const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (!existsSync(python)) run('python3', ['-m', 'venv', venv]);
  run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', 'tools/python-requirements.txt']);
  const target = join(out, 'gen/python');
  for (const each of ['only2u', 'buf']) rmSync(join(target, each), { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const outputs = ['--python_out', '--pyi_out', '--grpc_python_out'].map((flag) => `${flag}=${target}`);
  run(python, ['-m', 'grpc_tools.protoc', '--proto_path=proto', ...outputs, ...protoFiles()]);
}

/** The proto files that Python has no published package for. */
function protoFiles(): string[] {
  return ['only2u', 'buf'].flatMap((folder) =>
    readdirSync(join(root, 'proto', folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.proto'))
      .map((file) => `${folder}/${file}`)
      .sort(),
  );
}

function buf(template: string, out: string): void {
  run(join(bin, 'buf'), ['generate', '--template', template, '--output', out]);
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
}

function main(): void {
  const { values } = parseArgs({ options: { only: { type: 'string' }, out: { type: 'string' } } });
  const asked = values.only?.split(',') ?? targets;
  const unknown = asked.filter((each) => !targets.some((target) => target === each));
  if (unknown.length > 0) fail(`--only takes ${targets.join(', ')}; not ${unknown.join(', ')}.`);
  const only = targets.filter((target) => asked.includes(target));
  const missing = only.flatMap((target) => missingFor(target) ?? []);
  if (missing.length > 0) {
    fail(
      `This needs ${missing.join(' and ')}. Install it, or generate what needs Node alone: npm run generate -- --only ts,openapi,mesh`,
    );
  }
  try {
    generate(only, resolve(values.out ?? root));
  } catch {
    fail('Generating failed: see above.');
  }
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

if (import.meta.main) main();
