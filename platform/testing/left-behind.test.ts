import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { clearLeftBehind } from './left-behind.ts';

test('what a run that was killed has left is removed, and nothing of one that runs or just starts, nor of anybody else', async () => {
  const base = await mkdtemp(join(tmpdir(), 'only2u-left-'));
  const door = createServer((socket) => socket.end());
  try {
    for (const name of ['run-killed', 'run-running', 'other'])
      await mkdir(join(base, name, 'postgres'), { recursive: true });
    await writeFile(join(base, 'run-killed', 'door'), '');
    await new Promise<void>((resolve) => door.listen(join(base, 'run-running', 'door'), resolve));
    await clearLeftBehind(base, 'run-');
    expect((await readdir(base)).sort()).toEqual(['other', 'run-killed', 'run-running']);
    await clearLeftBehind(base, 'run-', Date.now() + 120_000);
    expect((await readdir(base)).sort()).toEqual(['other', 'run-running']);
  } finally {
    await new Promise((resolve) => door.close(resolve));
    await rm(base, { recursive: true, force: true });
  }
});
