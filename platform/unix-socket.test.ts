import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { clearSocket, socketsOf } from './unix-socket.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o2u-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('a workload has two sockets in a folder that only its owner may enter', async () => {
  const { app, mesh } = socketsOf(folder, 'cart');
  expect([app, mesh]).toEqual([join(folder, 'cart/app.sock'), join(folder, 'cart/mesh.sock')]);
  await mkdir(dirname(app));
  await chmod(dirname(app), 0o755);
  await clearSocket(app);
  expect((await stat(dirname(app))).mode & 0o777).toBe(0o700);
});

test('a socket that a killed process left is taken away', async () => {
  const { app } = socketsOf(folder, 'order');
  await clearSocket(app);
  const script = 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  spawnSync(process.execPath, ['-e', script, app]);
  expect((await stat(app)).isSocket()).toBe(true);
  await clearSocket(app);
  await expect(stat(app)).rejects.toThrow('ENOENT');
});

test('a socket where somebody listens is refused, and stays', async () => {
  const { app } = socketsOf(folder, 'user');
  await clearSocket(app);
  const server = createServer().listen(app);
  await once(server, 'listening');
  await expect(clearSocket(app)).rejects.toThrow('is in use: stop the process');
  expect((await stat(app)).isSocket()).toBe(true);
  server.close();
});

test('a file that is no socket is not removed', async () => {
  const { app } = socketsOf(folder, 'payment');
  await mkdir(dirname(app), { mode: 0o700 });
  await writeFile(app, 'kept');
  await expect(clearSocket(app)).rejects.toThrow('is no socket');
  expect((await stat(app)).size).toBe(4);
});

test('a path that no system has room for is refused by name', async () => {
  await expect(clearSocket(socketsOf(join(folder, 'x'.repeat(100)), 'cart').app)).rejects.toThrow('too long a path');
});
