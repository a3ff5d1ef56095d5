import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

/** A clean clone of the last commit, with the packages of this checkout, to try something out in. */
export function openClone(): { readonly path: string; close(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'only2u-clone-'));
  const path = join(folder, 'only2u');
  execFileSync('git', ['clone', '--quiet', root, path]);
  symlinkSync(join(root, 'node_modules'), join(path, 'node_modules'));
  return { path, close: () => rmSync(folder, { recursive: true, force: true }) };
}
