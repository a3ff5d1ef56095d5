import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { createDialing, type Dialing } from './dialing.ts';
import { localMesh } from './identity/spiffe.ts';
import { placesConfig } from './process-config.ts';
import { createServerHooks } from './rpc/admission.ts';
import { createRpcServer, type RpcServer } from './rpc/server.ts';
import { silentLog } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { stub } from './testing/service.ts';

const metrics = createMetrics({ processMetrics: false });
const answered = [0, 0];
let folder: string;
let dialing: Dialing;
let servers: RpcServer[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u dialing '));
  const common = { mesh: localMesh, metrics: metrics.rpc, tracing: undefined, log: silentLog() };
  const ports: number[] = [];
  dialing = createDialing({
    ...common,
    dataDir: folder,
    addressOf: () => ports.map((port) => `localhost:${port}`).join(','),
    now: () => new Date(),
  });
  const { tls } = await dialing.identityOf('product');
  await dialing.identityOf('cart');
  const verifier = { verify: () => Promise.reject(new Error('nobody sends a token here')) };
  servers = answered.map((_, index) =>
    createRpcServer({
      handlers: [
        stub(ProductService, {
          batchGetVariants() {
            answered[index] = (answered[index] ?? 0) + 1;
            return {};
          },
        }),
      ],
      hooks: createServerHooks({ ...common, verifier }),
      tls: { source: tls },
    }),
  );
  for (const server of servers) ports.push((await server.listen('127.0.0.1', 0)).port);
});
afterAll(async () => {
  dialing.close();
  await Promise.all(servers.map((server) => server.close({ graceMs: 0 })));
  metrics.close();
  await rm(folder, { recursive: true });
});

test('calls go to all instances of a peer in turn, and those that are safe to repeat survive the end of one', async () => {
  const product = dialing.as('cart').dial(ProductService);
  const call = () => product.batchGetVariants({ variantIds: ['var_1'] });
  for (let each = 0; each < 500 && answered.includes(0); each++) await call(); // the second connection may take a while
  expect(answered).not.toContain(0);
  const [first] = servers;
  await first?.close({ graceMs: 0 });
  const before = answered[1] ?? 0;
  for (let each = 0; each < 20; each++) await call();
  expect(answered[1]).toBe(before + 20);
});

test('an address is one host, whose name may stand for several, or several by number', () => {
  const { shape } = placesConfig([{ name: 'product', port: 1 }]);
  const accepts = (address: string): boolean => shape['PRODUCT_ADDRESS']?.safeParse(address).success === true;
  for (const good of [
    'product:50052',
    '10.0.0.1:1',
    '10.0.0.1:1,10.0.0.2:1',
    '[fd00::1]:1,[fd00::2]:1',
    'localhost:1,localhost:2',
  ])
    expect([good, accepts(good)]).toEqual([good, true]);
  for (const bad of ['product', 'a:1,b:1', '10.0.0.1:1,', '10.0.0.1:1, 10.0.0.2:1', '10.0.0.1:1,[fd00::1]:1'])
    expect([bad, accepts(bad)]).toEqual([bad, false]);
});
