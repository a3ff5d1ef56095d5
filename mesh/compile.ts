import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { DescFile } from '@bufbuild/protobuf';
import { loadContracts } from './load.ts';

const root = resolve(import.meta.dirname, '..');

/** Compiles proto texts, given by path such as "only2u/shoe/v1/shoe.proto", together with the shop's own contracts. For tests. */
export function compile(texts: Readonly<Record<string, string>>): DescFile[] {
  const folder = mkdtempSync(join(tmpdir(), 'only2u-proto-'));
  try {
    cpSync(join(root, 'proto'), folder, { recursive: true });
    for (const [path, text] of Object.entries(texts)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return loadContracts(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
