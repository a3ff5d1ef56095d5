import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { checkPorts } from './ports.ts';
import { beganAt } from './process-start.ts';
import { openRunFolder, runFolderOf } from './run-folder.ts';

let data = '';

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'o2u-'));
});

afterEach(() => rm(data, { recursive: true, force: true }));

test('a mesh runs inside its data folder, or elsewhere where the path would be too long for a socket', () => {
  expect(runFolderOf('/home/asha/shop/.data')).toBe('/home/asha/shop/.data/run');
  const elsewhere = runFolderOf(`/home/${'x'.repeat(80)}/.data`);
  expect(elsewhere.startsWith(tmpdir())).toBe(true);
  expect(runFolderOf(`/home/${'x'.repeat(80)}/.data`)).toBe(elsewhere);
  expect(runFolderOf(`/home/${'y'.repeat(80)}/.data`)).not.toBe(elsewhere);
});

test('the folder is its owner’s alone, and one mesh’s at a time', async () => {
  const folder = await openRunFolder(data);
  expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
  await expect(openRunFolder(data)).rejects.toThrow(`runs already, as process ${process.pid}`);
  await folder.close();
  await (await openRunFolder(data)).close();
});

test('what a killed mesh has left is ended, and nothing else', async () => {
  const [orphan, other] = [0, 1].map(() => spawn('sleep', ['60']));
  if (orphan?.pid === undefined || other?.pid === undefined) throw new Error('sleep can’t be run');
  const gone = once(orphan, 'exit');
  const folder = await openRunFolder(data);
  await folder.began('cart', orphan.pid);
  const file = join(folder.path, 'processes.json');
  // As a mesh leaves it whose process has ended, and a process that has another's number now.
  const left = await readFile(file, 'utf8');
  const children = [
    { name: 'cart', pid: orphan.pid, began: beganAt(orphan.pid) },
    { name: 'user', pid: other.pid, began: '1' },
  ];
  expect(JSON.parse(left)).toMatchObject({ children: [children[0]] });
  await folder.close();
  await writeFile(file, JSON.stringify({ up: { name: 'mesh:up', pid: process.pid, began: 'earlier' }, children }));
  const next = await openRunFolder(data);
  await gone;
  expect(next.cleared).toBe(1);
  expect(beganAt(other.pid)).toBeDefined();
  other.kill();
  await once(other, 'exit');
  await next.close();
});

test('a port in use is named, with the variable that moves it', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(checkPorts([{ what: 'the Envoy of cart', port, variable: 'CART_PORT' }])).rejects.toThrow(
    `Port ${port} for the Envoy of cart is in use: stop what uses it, or set CART_PORT to another.`,
  );
  server.close();
  await once(server, 'close');
  await checkPorts([{ what: 'the Envoy of cart', port, variable: 'CART_PORT' }]);
});
