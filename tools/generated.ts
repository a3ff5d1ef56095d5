import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { generate, missingFor, type Target } from './generate.ts';

/** Written by hand, though they stand among what is generated. */
const byHand = /^(go\/go\.(mod|sum)|python\/pyproject\.toml)$/;

/**
 * Fails when gen/ isn't what the contracts generate. Without Go or Python it looks at the rest and says so, except in CI,
 * where all of it is held.
 */
function main(): void {
  const root = resolve(import.meta.dirname, '..');
  const missing = new Map((['go', 'python'] as const).map((target) => [target, missingFor(target)]));
  const skipped = [...missing].flatMap(([target, what]) => (what === undefined ? [] : [target]));
  if (skipped.length > 0 && process.env['CI'] === 'true')
    throw new Error(`CI needs the toolchains of: ${skipped.join(', ')}`);
  const targets: Target[] = [
    'ts',
    'openapi',
    'mesh',
    ...[...missing.keys()].filter((target) => !skipped.includes(target)),
  ];
  const fresh = mkdtempSync(join(tmpdir(), 'only2u-gen-'));
  try {
    generate(targets, fresh);
    const stale = targets.flatMap((target) =>
      differences(join(fresh, 'gen', target), join(root, 'gen', target), target),
    );
    if (stale.length > 0)
      throw new Error(`npm run generate, then commit. Not what the contracts generate:\n${stale.join('\n')}`);
    if (skipped.length > 0) console.log(`note: without ${skipped.join(' and ')}: no toolchain`);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function differences(fresh: string, committed: string, target: Target): string[] {
  const [expected, actual] = [textsIn(fresh), textsIn(committed)];
  return [...new Set([...expected.keys(), ...actual.keys()])]
    .filter((path) => expected.get(path) !== actual.get(path) && !byHand.test(`${target}/${path}`))
    .sort()
    .map(
      (path) => `gen/${target}/${path}${actual.has(path) ? (expected.has(path) ? '' : ' (left over)') : ' (missing)'}`,
    );
}

function textsIn(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('__pycache__'));
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]));
}

try {
  main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
