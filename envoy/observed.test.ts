import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readEnvoyLog } from './envoy-log.ts';
import { createObserver, type Observed, readObserved } from './observed.ts';

let folder = '';
let file = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o2u-'));
  file = join(folder, 'observed.json');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** What is in the file once `holds` is true of it. */
async function observed(holds: (now: Observed) => boolean): Promise<Observed> {
  for (;;) {
    const now = await readObserved(file);
    if (holds(now)) return now;
  }
}

const refusal = {
  at: 'inbound_cart',
  caller: 'spiffe://only2u.local/ns/default/sa/chat',
  method: '/only2u.cart.v1.CartService/GetCart',
  rule: 'rbac_access_denied_matched_policy[none]',
};

test('what an Envoy refuses is counted by caller, method and reason; what a process answered is not', async () => {
  const observer = createObserver(file);
  const read = readEnvoyLog({ node: 'one', observer, say: () => {} });
  read(JSON.stringify(refusal));
  read(JSON.stringify({ ...refusal, code: 'OK', rule: 'via_upstream' }));
  read(JSON.stringify(refusal));
  read('{"rule":"rbac_ and then the line is cut');
  const { refusals } = await observed((now) => now.refusals.length > 0);
  expect(refusals).toEqual([{ ...refusal, count: 2 }]);
  await observer.close();
});

test('a caller that tries names at random does not fill the memory', async () => {
  const observer = createObserver(file);
  for (let index = 0; index < 3_000; index += 1) observer.call(JSON.stringify({ ...refusal, method: `/x/${index}` }));
  const { refusals } = await observed((now) => now.refusals.length > 0);
  expect(refusals).toHaveLength(2_001);
  expect(refusals.at(-1)).toEqual({ ...refusal, method: '(others)', count: 1_000 });
  await observer.close();
});

test('a configuration that an Envoy refuses is told in its words, and kept', async () => {
  const said: string[] = [];
  const observer = createObserver(file);
  const read = readEnvoyLog({ node: 'cart', observer, say: (text) => said.push(text) });
  read(
    "[2026-11-22 22:55:55.001][7][warning][config] [source/x.cc:70] Filesystem config update rejected: Error adding/updating listener(s) inbound_cart: route: unknown cluster 'nowhere'",
  );
  read('[2026-11-22 22:55:56.001][7][warning][main] something that only Envoy cares about');
  read('[2026-11-22 22:55:57.001][7][critical][main] no memory');
  expect(said).toEqual([
    'Envoy "cart" refuses what it was given, and goes on with what it had: Error adding/updating listener(s) inbound_cart: route: unknown cluster \'nowhere\'',
    'Envoy "cart": [2026-11-22 22:55:57.001][7][critical][main] no memory',
  ]);
  const { rejections } = await observed((now) => now.rejections.length > 0);
  expect(rejections.map(({ node, words }) => [node, words.slice(0, 13)])).toEqual([['cart', 'Error adding/']]);
  await observer.close();
});

test('nothing was observed where nothing has run', async () => {
  expect(await readObserved(join(folder, 'none.json'))).toEqual({ refusals: [], rejections: [] });
});
