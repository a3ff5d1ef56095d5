import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '..');

function generate(...args: string[]): { readonly status: number | null; readonly stderr: string } {
  const nothingInstalled = { PATH: '' };
  return spawnSync(process.execPath, ['tools/generate.ts', ...args], {
    cwd: root,
    env: nothingInstalled,
    encoding: 'utf8',
  });
}

test('without Go and Python it says what to install, and how to go on without', () => {
  const { status, stderr } = generate();
  expect(status).toBe(1);
  expect(stderr).toMatch(/^This needs Go 1\.26 or later and Python 3\.10 or later.*--only ts,openapi,mesh\n$/);
});

test('a target that there is not is refused by name', () => {
  const { status, stderr } = generate('--only', 'ts,ruby');
  expect(status).toBe(1);
  expect(stderr).toBe('--only takes ts, openapi, mesh, go, python; not ruby.\n');
});
