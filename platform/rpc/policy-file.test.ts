import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { localMesh, spiffeIdOf } from '../identity/spiffe.ts';
import { silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createServerHooks } from './admission.ts';
import { policyOf as policyOfShop } from './policy.ts';
import { followPolicyFile, readPolicyFile } from './policy-file.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o2u-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('what a policy to come would refuse is let in and counted by method, caller and rule', async () => {
  const file = join(folder, 'next.json');
  const path = 'only2u.product.v1.ProductService/GetProduct';
  await writeFile(file, JSON.stringify({ [path]: { callers: ['cart'], access: 'public', idempotency: 'none' } }));
  const metrics = createMetrics({ processMetrics: false });
  const hooks = createServerHooks({
    mesh: localMesh,
    verifier: { verify: () => Promise.reject(new Error('nobody sends a token')) },
    metrics: metrics.rpc,
    log: silentLog(),
    tracing: undefined,
    shadowOf: readPolicyFile(file),
  });
  const ask = (caller: string) =>
    hooks.admit({
      method: ProductService.method.getProduct,
      metadata: new Metadata(),
      spiffeId: spiffeIdOf(localMesh, caller),
      deadlineMs: undefined,
      signal: new AbortController().signal,
    });
  expect(ask('gateway')).toMatchObject({ caller: 'gateway' });
  expect(ask('gateway')).toMatchObject({ caller: 'gateway' });
  expect(() => ask('chat')).toThrow('may not call'); // of what is refused now the next policy is not asked
  const { text } = await metrics.render();
  expect(text.split('\n').filter((line) => line.startsWith('policy_shadow_refusals_total'))).toEqual([
    `policy_shadow_refusals_total{method="${path}",caller="gateway",rule="${path} callers [cart]"} 2`,
  ]);
  metrics.close();
});

test('a file that is no table of policies ends the start with its name', async () => {
  const file = join(folder, 'wrong.json');
  await writeFile(file, '{"a/B": {"callers": "gateway"}}');
  expect(() => readPolicyFile(file)).toThrow(`${file} is no table of policies`);
  expect(() => readPolicyFile(join(folder, 'none.json'))).toThrow('is no table');
});

test('a grant that the followed file gives or takes counts from the next call on; a broken file changes nothing', async () => {
  const file = join(folder, 'followed.json');
  const path = 'only2u.product.v1.ProductService/GetProduct';
  const push = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  const table = (...callers: string[]): string =>
    JSON.stringify({ [path]: { callers, access: 'public', idempotency: 'none' } });
  await push(table('gateway'));
  const told: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void told.push(line) });
  const until = async (word: string): Promise<void> => {
    while (!told.some((line) => line.includes(word))) await new Promise((resolve) => setImmediate(resolve));
  };
  const { policyOf, close } = followPolicyFile(file, log);
  const policy = policyOf(ProductService.method.getProduct);
  expect([...policy.callers]).toEqual(['gateway']);
  expect(policy.timeoutMs).toBe(policyOfShop(ProductService.method.getProduct).timeoutMs);
  await push(table('cart', 'gateway'));
  await until('reloaded');
  expect([...policy.callers]).toEqual(['cart', 'gateway']);
  expect(policyOf(ProductService.method.getProduct)).toBe(policy);
  await push('{');
  await until('refused');
  expect([...policy.callers]).toEqual(['cart', 'gateway']);
  close();
});
