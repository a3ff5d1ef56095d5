import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { findEnvoy } from './binary.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'only2u-envoy-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that says it is an Envoy of some version. */
function anEnvoy(name: string, version: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\necho "${path}  version: 9e55809/${version}/Clean/RELEASE/BoringSSL"\n`);
  chmodSync(path, 0o755);
  return path;
}

const quiet = () => {};

test('the Envoy that ENVOY names is taken', async () => {
  const path = anEnvoy('named', '1.41.2');
  expect(await findEnvoy(quiet, { ENVOY: path, PATH: '' })).toBe(path);
});

test('an envoy in PATH is taken when it is new enough', async () => {
  const path = anEnvoy('envoy', '1.40.0');
  expect(await findEnvoy(quiet, { PATH: `/nowhere:${folder}` })).toBe(path);
});

test('what ENVOY names is refused when it is too old, or no Envoy', async () => {
  const old = anEnvoy('old', '1.39.9');
  await expect(findEnvoy(quiet, { ENVOY: old })).rejects.toThrow(`ENVOY=${old} is 1.39.9: 1.40.0 or later is needed.`);
  await expect(findEnvoy(quiet, { ENVOY: '/nowhere/envoy' })).rejects.toThrow('ENVOY=/nowhere/envoy is no Envoy');
});
