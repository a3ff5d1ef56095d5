import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createFileRegistry, type DescFile, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

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
    const buf = join(root, 'node_modules/.bin/buf');
    const image = execFileSync(buf, ['build', folder, '--as-file-descriptor-set', '--output', '-']);
    return [...createFileRegistry(fromBinary(FileDescriptorSetSchema, image)).files];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
