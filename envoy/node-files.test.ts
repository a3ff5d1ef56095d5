import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { installFiles, nodesOf, placed, readRendered } from './node-files.ts';

let run = '';

beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'o2u-'));
});

afterEach(() => rm(run, { recursive: true, force: true }));

test('the run folder and the ports of this machine take the place of the rendered ones', () => {
  const text = 'path: /run/only2u/cart/app.sock\nport_value: 8080 }\nport_value: 18080\nport_value: 50051\ncount: 8080';
  const ports = new Map([
    [8_080, 21_080],
    [18_080, 31_080],
  ]);
  expect(placed(text, { run: '/tmp/x', ports })).toBe(
    'path: /tmp/x/cart/app.sock\nport_value: 21080 }\nport_value: 31080\nport_value: 50051\ncount: 8080',
  );
});

test('what is rendered has one node in the one form, and in the other one for each workload and the edge', async () => {
  const rendered = await readRendered(resolve(import.meta.dirname, '../gen/mesh/envoy'));
  expect(nodesOf('one', rendered).map(({ node }) => node)).toEqual(['one']);
  const sidecars = nodesOf('sidecars', rendered).map(({ node }) => node);
  expect(sidecars).toEqual(expect.arrayContaining(['cart', 'edge', 'gateway', 'operator', 'user']));
  for (const { files } of nodesOf('sidecars', rendered))
    expect([...files.keys()]).toEqual(expect.arrayContaining(['bootstrap.yaml', 'clusters.yaml', 'listeners.yaml']));
});

test('only what has changed is written, listeners last', async () => {
  const files = new Map([
    ['listeners.yaml', 'a: /run/only2u\n'],
    ['clusters.yaml', 'b: 1\n'],
    ['secrets/cart.yaml', 'c: 1\n'],
  ]);
  const places = { run, ports: new Map<number, number>() };
  expect(await installFiles({ node: 'cart', files }, places)).toEqual([
    'secrets/cart.yaml',
    'clusters.yaml',
    'listeners.yaml',
  ]);
  expect(await installFiles({ node: 'cart', files }, places)).toEqual([]);
  expect(await installFiles({ node: 'cart', files: files.set('clusters.yaml', 'b: 2\n') }, places)).toEqual([
    'clusters.yaml',
  ]);
  const folder = join(run, 'envoy/cart');
  expect(await readFile(join(folder, 'listeners.yaml'), 'utf8')).toBe(`a: ${run}\n`);
  expect((await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.new'))).toEqual([]);
});
