import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { createFileRegistry, type DescFile, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const root = resolve(import.meta.dirname, '..');

/**
 * The contracts with the places of all they say, built by buf from what it takes as an input: a folder of protos, or such as
 * ".git#ref=HEAD~1,subdir=proto". Throws with buf's own words when they don't compile.
 */
export function loadContracts(input: string): DescFile[] {
  const buf = resolve(root, 'node_modules/.bin/buf');
  const image = execFileSync(buf, ['build', input, '--as-file-descriptor-set', '--output', '-'], {
    cwd: root,
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return [...createFileRegistry(fromBinary(FileDescriptorSetSchema, image)).files];
}
