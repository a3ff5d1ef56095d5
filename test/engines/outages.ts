import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { Client as ElasticClient } from '@elastic/elasticsearch';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { Redis } from 'ioredis';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { insist } from '../kills/buyer.ts';
import { type EngineWorld, engineNames, looker, openEngineWorld } from './world.ts';

const help = `Usage: npm run check:outages -- [options]

Ends, empties, pauses, cuts and slows the engines that a shop stands on, two processes of each service, while customers buy. Each time: is all back within ten
seconds of the engine's return? Is nothing left in RabbitMQ's queues, and no event dead? And in the end: do the books agree to the piece and the minor unit?

  --only TEXT   only the outages whose names have it
  --help        this text
`;

const backWithinMs = 10_000;
const awayMs = 3_000;
const root = resolve(import.meta.dirname, '../..');

type Outage = { readonly name: string; run(world: EngineWorld): Promise<string> };

const outages: readonly Outage[] = [
  ...engineNames.map((name) => ({
    name: `${name} is killed and started again`,
    async run(world: EngineWorld) {
      const engine = world.engines.get(name);
      await engine?.kill();
      await pause(awayMs);
      await engine?.start();
      return back(await world.recovered());
    },
  })),
  { name: 'Redis is emptied', run: redisIsEmptied },
  { name: 'the search index is deleted', run: indexIsDeleted },
  { name: 'elasticsearch is paused', run: elasticsearchIsPaused },
  ...engineNames
    .filter((name) => name !== 'cassandra')
    .flatMap((name) => [
      {
        name: `connections to ${name} are cut, again and again`,
        run: (world: EngineWorld) => cutAgainAndAgain(world, name),
      },
      { name: `the wire to ${name} is pulled out`, run: (world: EngineWorld) => unplugged(world, name) },
      { name: `${name} is 100 ms away`, run: (world: EngineWorld) => slowed(world, name) },
    ]),
];

function back(ms: number): string {
  if (ms > backWithinMs) throw new Error(`it took ${(ms / 1_000).toFixed(1)} s until all was well again`);
  return `all is well ${(ms / 1_000).toFixed(1)} s after`;
}

async function cutAgainAndAgain(world: EngineWorld, name: (typeof engineNames)[number]): Promise<string> {
  for (let times = 0; times < 10; times++) {
    world.wires.get(name)?.cut();
    await pause(300);
  }
  return back(await world.recovered());
}

async function unplugged(world: EngineWorld, name: (typeof engineNames)[number]): Promise<string> {
  const wire = world.wires.get(name);
  wire?.unplug();
  await pause(awayMs * 2);
  wire?.cut(); // what was on the wire is lost, as it is when a cable comes back after its connections' time
  wire?.plug();
  return back(await world.recovered());
}

async function slowed(world: EngineWorld, name: (typeof engineNames)[number]): Promise<string> {
  const wire = world.wires.get(name);
  wire?.delay(50);
  await pause(awayMs);
  wire?.delay(0);
  return back(await world.recovered());
}

async function redisIsEmptied(world: EngineWorld): Promise<string> {
  const { buyer, variants } = world.market.shoppingOf(looker, '');
  const guest = buyer.dial(CartService);
  const engine = world.engines.get('redis');
  const contents = async () => {
    const { cart } = await insist(() => guest.getCart({}));
    return JSON.stringify(cart?.items.map(({ variantId, quantity }) => [variantId, quantity]).sort());
  };
  await insist(() => guest.clearCart({ requestId: crypto.randomUUID() }));
  for (const variantId of variants.slice(3, 6))
    await insist(() => guest.addCartItem({ requestId: crypto.randomUUID(), variantId, quantity: 2 }));
  const before = await contents();
  await pause(2_000); // written behind by then
  const url = engine?.variables['REDIS_ADMIN_URL_FILE'];
  const ca = engine?.variables['REDIS_CA_FILE'];
  const redis = new Redis(readFileSync(url ?? '', 'utf8').trimEnd(), { tls: { ca: readFileSync(ca ?? '', 'utf8') } });
  await redis.flushall();
  redis.disconnect();
  const after = await contents();
  if (after !== before) throw new Error(`the cart held ${before}, and holds ${after} afterwards`);
  return `the cart is the same; ${back(await world.recovered())}`;
}

function productsOf(world: EngineWorld) {
  const baseUrl = `http://${world.shop.addressOf('gateway')}`;
  return createClient(ProductService, createConnectTransport({ baseUrl, httpVersion: '1.1' }));
}

/** SIGSTOP: its port accepts and nobody answers. Each search is another one, since the edge keeps answers. */
async function elasticsearchIsPaused(world: EngineWorld): Promise<string> {
  const products = productsOf(world);
  const before = await fallbacks(world);
  world.engines.get('elasticsearch')?.pause();
  const tookMs: number[] = [];
  try {
    for (const endMs = performance.now() + awayMs * 2; performance.now() < endMs;) {
      const startMs = performance.now();
      await Promise.all([0, 1, 2].map((each) => products.searchProducts({ query: `saree ${tookMs.length}x${each}` })));
      tookMs.push(performance.now() - startMs);
    }
  } finally {
    world.engines.get('elasticsearch')?.resume();
  }
  const since = (await fallbacks(world)).map((count, why) => count - (before[why] ?? 0));
  const [unanswered = 0, away = 0] = since;
  if (away === 0 || unanswered > away) throw new Error(`${unanswered} searches waited for it, and ${away} did not`);
  const [slowest = 0] = tookMs.toSorted((a, b) => b - a);
  const middle = tookMs.toSorted((a, b) => a - b)[Math.floor(tookMs.length / 2)] ?? 0;
  return `${tookMs.length * 3} searches meanwhile, none failed, ${unanswered} waited for it, the slowest took ${slowest.toFixed(0)} ms, most ${middle.toFixed(0)} ms; ${back(await world.recovered())}`;
}

/** How many searches the database answered since they found Elasticsearch away, and since they knew. */
async function fallbacks({ shop }: EngineWorld): Promise<readonly number[]> {
  const own = shop.processes.filter(({ service }) => service === 'product');
  const pages = own.map(async ({ adminAddress }) => (await fetch(`http://${adminAddress}/metrics`)).text());
  const text = (await Promise.all(pages)).join('\n');
  return ['unanswered', 'away'].map((why) =>
    [...text.matchAll(new RegExp(`^search_fallbacks_total\\{why="${why}"\\} (\\d+)`, 'gm'))].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    ),
  );
}

async function indexIsDeleted(world: EngineWorld): Promise<string> {
  const elastic = new ElasticClient({
    node: world.variables['ELASTICSEARCH_URL'] ?? '',
    tls: { ca: world.variables['ELASTICSEARCH_CA'] ?? '' },
  });
  const products = productsOf(world);
  const found = async () =>
    (await insist(() => products.searchProducts({ query: 'saree', pageSize: 50 }))).products.map(({ id }) => id);
  const before = await found();
  let searches = 0;
  let searching = true;
  const failures: string[] = [];
  const customer = (async () => {
    while (searching) {
      const ids = await products
        .searchProducts({ query: `saree ${searches % 7}`.trim().replace(/ 0$/, '') })
        .catch((error: unknown) => String(error));
      if (typeof ids === 'string') failures.push(ids);
      searches += 1;
    }
  })();
  const indices = await elastic.cat.indices({ format: 'json' });
  for (const { index } of indices) if (index !== undefined) await elastic.indices.delete({ index });
  await promisify(execFile)(process.execPath, ['tools/search.ts', 'rebuild'], {
    cwd: root,
    env: { ...process.env, ...world.variables },
  });
  searching = false;
  await customer;
  await elastic.close();
  const after = await found();
  if (JSON.stringify(after.sort()) !== JSON.stringify(before.sort()))
    throw new Error(`${before.length} were found before, ${after.length} after`);
  if (failures.length > 0)
    throw new Error(`${failures.length} of ${searches} searches failed meanwhile: ${failures[0] ?? ''}`);
  return `${searches} searches meanwhile, none failed; ${back(await world.recovered())}`;
}

function read() {
  try {
    return parseArgs({
      options: { only: { type: 'string', default: '' }, help: { type: 'boolean', short: 'h', default: false } },
    }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return undefined;
  }
}

const values = read();
if (values?.help === true) console.log(help);
else process.exitCode = values === undefined ? 1 : await main(values.only);

async function main(only: string): Promise<number> {
  const startedMs = performance.now();
  const say = (text: string): void =>
    console.log(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${text}`);
  const chosen = outages.filter(({ name }) => name.includes(only));
  if (chosen.length === 0) throw new Error(`no outage has "${only}" in its name`);
  const world = await openEngineWorld(say);
  const problems: string[] = [];
  let bought = 0;
  try {
    say(`before all: ${back(await world.recovered())}`);
    for (const { name, run } of chosen) {
      const trade = world.trade(name);
      try {
        say(`${name}: ${await run(world)}`);
      } catch (error) {
        problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        say(`WRONG  ${problems.at(-1) ?? ''}`);
      }
      const { outcomes, failures } = await trade.end();
      bought += outcomes.length;
      problems.push(...failures);
      const unheard = name.includes('rabbitmq') ? await world.unheard() : [];
      problems.push(...unheard.map((problem) => `${name}: ${problem}`));
      for (const problem of [...failures, ...unheard]) say(`WRONG  ${problem}`);
    }
    say(`${bought} checkouts came to their end meanwhile; waiting until all is done`);
    const wrong = await world.reckon();
    for (const problem of wrong) say(`WRONG  ${problem}`);
    problems.push(...wrong);
  } finally {
    await world.close();
  }
  say(problems.length === 0 ? `${chosen.length} outages, everything agrees` : `${problems.length} wrong`);
  return problems.length === 0 ? 0 : 1;
}
