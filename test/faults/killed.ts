import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { type ImportProductsRequestSchema, ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { createEnvoyAdmin } from '../../envoy/admin.ts';
import { folderOf } from '../../envoy/node-files.ts';
import { audit, unsettled } from '../audit.ts';
import { checkOut } from '../kills/buyer.ts';
import type { Checkout } from '../kills/plan.ts';
import { readsText, startReading } from './reads.ts';
import { buyers, must, push, signal, until, type World } from './world.ts';

const backWithinMs = 30_000;
const settleWithinMs = 60_000;

/** A process dies while customers look: what may be asked again is, and all of them see their cart. */
export async function readsOutliveAKill(world: World): Promise<string> {
  const reading = startReading(world, { patient: true });
  await until('the first reads', 10_000, () => reading.succeeded() > 3);
  await killAndWait(world, 'cart');
  const since = reading.succeeded();
  await until('reads after the kill', 10_000, () => reading.succeeded() > since + 5);
  const reads = await reading.stop();
  must(reads.failed.length === 0, `reads failed: ${reads.failed.join('; ')}`);
  return readsText(reads);
}

// Behind one Envoy stand two: who refuses a connection is left alone at once. Else questions after its health, which
// take turns too, find the dead one twice in a row by chance, and callers leave both alone.
const refusers = `    outlier_detection: {split_external_local_origin_errors: true, consecutive_local_origin_failure: 1, enforcing_consecutive_local_origin_failure: 100, interval: 1s, base_ejection_time: 5s, max_ejection_percent: 50}
`;

/** Of two instances one dies: the mesh asks the other by itself, and no customer has to ask twice. */
export async function oneOfTwoIsKilled(world: World): Promise<string> {
  const clusters = join(world.rendered, 'envoy', world.form === 'one' ? 'one' : 'sidecars/cart', 'clusters.yaml');
  const good = await readFile(clusters, 'utf8');
  const endpoint = /^( *- )\{endpoint: \{address: \{pipe: \{path: \/run\/only2u\/cart\/app\.sock\}+.*\n/m;
  const [line] = endpoint.exec(good) ?? [];
  must(line !== undefined, 'the cart’s own cluster is not found in what is rendered');
  const second = await world.startSecond('cart');
  try {
    await push(
      clusters,
      good.replace(endpoint, (found) => found + found.replace('/cart/app.sock', '/second/cart/app.sock') + refusers),
    );
    const node = world.form === 'one' ? 'one' : 'cart';
    const envoy = createEnvoyAdmin(join(folderOf(node, world.run), 'admin.sock'));
    await until('the Envoy knows of the second', 10_000, async () =>
      ((await envoy.get('/stats?filter=cluster.cart_app.membership_healthy')) ?? '').includes(': 2'),
    );
    const reading = startReading(world, { patient: false });
    await until('the first reads', 10_000, () => reading.succeeded() > 5);
    signal(world, 'cart', 'SIGKILL');
    const since = reading.succeeded();
    await until('reads while one is away', 10_000, () => reading.succeeded() > since + 15);
    const reads = await reading.stop();
    must(reads.failed.length === 0, `reads failed: ${reads.failed.join('; ')}`);
    return `${readsText(reads)}, none failed; ${await retriesTo(world, 'cart')} attempts more by the mesh`;
  } finally {
    await push(clusters, good);
    await second.close();
  }
}

const checkout: Checkout = {
  items: [{ variant: 5, quantity: 1 }],
  coupon: 'plenty',
  method: 'online',
  pays: 'at once',
  appTells: true,
  taps: 2,
  after: 'nothing',
};

/** Services die while customers buy: every order comes to its end, and every book counts it once. */
export async function ordersCountOnce(world: World): Promise<string> {
  const buying = Promise.all(
    Array.from({ length: buyers }, (_, buyer) =>
      checkOut(checkout, world.market.shoppingOf(buyer, `${world.form}-${buyer}`)),
    ),
  );
  for (const name of ['payment', 'order', 'product']) await killAndWait(world, name);
  const outcomes = await buying;
  const placed = new Set(outcomes.flatMap(({ orderId }) => (orderId === undefined ? [] : [orderId])));
  await until(
    'every order settled',
    settleWithinMs,
    async () => (await unsettled(world.urlOf, { awaiting: true })).length === 0,
  );
  const refused = outcomes.flatMap(({ refusal }) => refusal ?? []);
  must(placed.size === buyers, `${placed.size} orders; refused: ${refused.join(', ')}`);
  const { problems, summary } = await audit(world.urlOf);
  const { differences, compared } = await world.market.reconcile();
  must(problems.length + differences.length === 0, [...problems, ...differences].join('; '));
  return `${placed.size} checkouts, each tapped twice, made as many orders; ${summary}; ${compared} movements are the provider's too`;
}

/** The database dies under everything: services end, and come back with it. */
export async function databaseIsKilled(world: World): Promise<string> {
  const pid = Number((await readFile(join(world.data.path, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0]);
  const reading = startReading(world, { patient: true });
  await until('the first reads', 10_000, () => reading.succeeded() > 3);
  const told = world.said.length;
  const beganMs = performance.now();
  process.kill(pid, 'SIGKILL');
  await until('services are back', backWithinMs, () =>
    ['user', 'product', 'cart', 'coupon', 'order', 'payment'].every((name) =>
      world.said.slice(told).some((line) => line.startsWith(`${name} is back`)),
    ),
  );
  const tookMs = performance.now() - beganMs;
  const since = reading.succeeded();
  await until('reads after it', 20_000, () => reading.succeeded() > since + 5);
  const reads = await reading.stop();
  must(reads.failed.length === 0, `reads failed: ${reads.failed.join('; ')}`);
  return `all services were back after ${(tookMs / 1_000).toFixed(1)} s; ${readsText(reads)}`;
}

/** What the contract doesn't call safe to repeat is cut off by a kill: it fails at once, clearly, and is not begun again by anybody. */
export async function importIsNotRepeated(world: World): Promise<string> {
  const retriesBefore = await retriesTo(world, 'product');
  const release = Promise.withResolvers<void>();
  async function* file(): AsyncGenerator<MessageInitShape<typeof ImportProductsRequestSchema>> {
    yield { piece: { case: 'options', value: {} } };
    await release.promise;
  }
  const token = await world.tokenOfAdmin();
  const products = createClient(ProductService, createConnectTransport({ baseUrl: world.url, httpVersion: '2' }));
  const failure = products
    .importProducts(file(), { headers: { authorization: `Bearer ${token}` } })
    .then(() => undefined, ConnectError.from);
  await until('the import has come', 10_000, async () =>
    (await world.report()).calls.some(
      ({ caller, callee, calls }) => caller === 'gateway' && callee === 'product' && calls > 0,
    ),
  );
  await killAndWait(world, 'product');
  release.resolve();
  const refused = await failure;
  must(refused !== undefined, 'the import was answered');
  const code = Code[refused?.code ?? 0] ?? '';
  must(
    refused?.code === Code.Unavailable || refused?.code === Code.InvalidArgument,
    `the import failed with ${code}: ${refused?.rawMessage}`,
  );
  const retries = (await retriesTo(world, 'product')) - retriesBefore;
  return `it failed with ${code}: "${refused?.rawMessage ?? ''}"; ${retries} attempts more were for reads`;
}

async function retriesTo(world: World, callee: string): Promise<number> {
  const { calls } = await world.report();
  return calls.filter((row) => row.callee === callee).reduce((sum, { retries }) => sum + retries, 0);
}

/** Kills a process and resolves when its successor can work, as those who call it see it. */
export async function killAndWait(world: World, name: string): Promise<number> {
  const before = world.said.length;
  const beganMs = performance.now();
  signal(world, name, 'SIGKILL');
  await until(`${name} is back`, backWithinMs, () =>
    world.said.slice(before).some((line) => line.startsWith(`${name} is back`)),
  );
  return performance.now() - beganMs;
}
