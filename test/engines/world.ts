import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { OrderService, OrderStatus } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod } from '#gen/only2u/payment/v1/payment_pb.ts';
import type { Variables } from '#platform/config.ts';
import { services } from '#services/all.ts';
import { openEngine, type OpenEngine } from '../../engines/open-engine.ts';
import type { EngineName } from '../../engines/recipe.ts';
import { shopVariables } from '../../engines/variables.ts';
import { audit, unsettled, untilSettled, type UrlOf } from '../audit.ts';
import { checkOut, insist, reasonOf, type Outcome } from '../kills/buyer.ts';
import { openMarket, type Market } from '../kills/market.ts';
import { planOf } from '../kills/plan.ts';
import { type ShopProcesses, startShopProcesses } from '../shop-processes.ts';
import { leftUnheard } from './outages-broker.ts';
import { openWire, type Wire } from './wire.ts';

/** The whole shop in earnest: two processes of each service on real engines, and a wire to each engine that can be pulled. */
export type EngineWorld = {
  readonly engines: ReadonlyMap<EngineName, OpenEngine>;
  readonly wires: ReadonlyMap<EngineName, Wire>;
  readonly shop: ShopProcesses;
  readonly market: Market;
  /** What a process of the shop, or a command of the project's, sets. */
  readonly variables: Variables;
  /** Buyers check out, one order after the other, until this is ended. */
  trade(name: string): Trade;
  /** Resolves when every process has each engine again and a purchase goes its whole way. Answers how many milliseconds that took. */
  recovered(): Promise<number>;
  /** What still waits in RabbitMQ once nobody buys, and what groups gave up; empty when nothing does. */
  unheard(): Promise<readonly string[]>;
  /** What does not agree once all is done; empty when everything does. */
  reckon(): Promise<readonly string[]>;
  close(): Promise<void>;
};

export type Trade = {
  /** How many came to their end so far. */
  readonly count: () => number;
  /** No new checkouts; resolves when those under way are at their end. What failed is in words. */
  end(): Promise<{ readonly outcomes: readonly Outcome[]; readonly failures: readonly string[] }>;
};

export const engineNames = [
  'postgres',
  'redis',
  'rabbitmq',
  'elasticsearch',
  'cassandra',
] as const satisfies EngineName[];

const names = services.map(({ name }) => name);
const buyers = 6;
/** The buyer who takes no part in the trade, and looks whether all is well. */
export const looker = buyers;
const recoverWithinMs = 60_000;
const settleWithinMs = 120_000;

export async function openEngineWorld(say: (text: string) => void): Promise<EngineWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'only2u-outages-'));
  const engines = new Map<EngineName, OpenEngine>();
  const wires = new Map<EngineName, Wire>();
  const running: { close(): Promise<void> }[] = [];

  async function close(): Promise<void> {
    for (const each of running.reverse()) await each.close();
    await Promise.all([...wires.values()].map((wire) => wire.close()));
    await Promise.all([...engines.values()].map((engine) => engine.close()));
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  try {
    // One after the other: Cassandra and Elasticsearch at a time are more than two cores like.
    for (const name of engineNames) {
      engines.set(
        name,
        await openEngine(name, { folder: join(folder, 'engines'), say: (text) => say(`${name}: ${text}`) }),
      );
      say(`${name} is up`);
    }
    const direct = Object.assign({}, ...[...engines.values()].map(({ variables }) => read(variables))) as Record<
      string,
      string
    >;
    let wired = JSON.stringify(shopVariables(direct));
    for (const [name, { ports }] of engines) {
      if (name === 'cassandra') continue; // its driver asks the node itself for its address
      const wire = await openWire(ports['tls'] ?? 0);
      wires.set(name, wire);
      wired = wired.replaceAll(`127.0.0.1:${ports['tls']}`, `127.0.0.1:${wire.port}`);
    }
    const key = 'a key of thirty-two bytes or more, for tests';
    const variables: Variables = {
      ...(JSON.parse(wired) as Record<string, string>),
      HOME: process.env['HOME'],
      ONLY2U_DATA: join(folder, 'data'),
      PAGE_TOKEN_KEY: key,
      QUOTE_KEY: key,
      USER_SECRET: key,
      SAMPLE_CATALOG: 'on',
      TEST_PROVIDER: 'on',
      GATEWAY_RATE_LIMITS: 'off',
      LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'fatal',
      LOG_FORMAT: 'json',
      PAYMENT_WINDOW_SECONDS: '60',
    };
    const shop = await startShopProcesses({ names, variables });
    running.push(shop);
    say(`${shop.processes.length} processes of the shop are ready`);
    const peers = Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_ADDRESS`, shop.addressOf(name)]));
    const market = await openMarket({
      env: { ...variables, ...peers },
      gatewayUrls: [`http://${shop.addressOf('gateway')}`],
      buyers: looker + 1,
    });
    running.push(market);
    const urlOf = urlsOf(engines.get('postgres'), direct);
    const broker = {
      managementUrl: direct['RABBITMQ_MANAGEMENT_URL'] ?? '',
      ca: direct['RABBITMQ_CA'] ?? '',
      eventBusUrl: direct['EVENT_BUS_URL'] ?? '',
      unsettled: () => unsettled(urlOf),
    };
    return {
      ...{ engines, wires, shop, market, close },
      variables: { ...variables, ...peers },
      trade: (name) => trade(market, name),
      recovered: () => recovered(shop, market),
      unheard: () => leftUnheard(broker, settleWithinMs),
      reckon: async () => [...(await reckon(market, urlOf)), ...(await leftUnheard(broker, settleWithinMs))],
    };
  } catch (error) {
    await close();
    throw error;
  }
}

// What stands in files, so that addresses in it can be changed.
function read(variables: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) =>
      name.endsWith('_FILE') ? [name.slice(0, -'_FILE'.length), readFileSync(value, 'utf8').trimEnd()] : [name, value],
    ),
  );
}

function urlsOf(postgres: OpenEngine | undefined, variables: Readonly<Record<string, string>>): UrlOf {
  const ca = encodeURIComponent(postgres?.variables['DATABASE_CA_FILE'] ?? '');
  return (service) => `${variables[`${service.toUpperCase()}_DATABASE_URL`] ?? ''}&sslrootcert=${ca}`;
}

function trade(market: Market, name: string): Trade {
  const outcomes: Outcome[] = [];
  const failures: string[] = [];
  const series = randomUUID().slice(0, 8); // begins each request_id
  let open = true;
  let next = 0;
  const { checkouts } = planOf(Math.floor(Math.random() * 2 ** 31), 500, 0);
  async function buy(buyer: number): Promise<void> {
    while (open) {
      const index = next++;
      const plan = checkouts[index % checkouts.length];
      if (plan === undefined) return;
      try {
        // Who never pays keeps a whole minute.
        const paying = plan.pays === 'never' ? { ...plan, pays: 'at once' as const } : plan;
        outcomes.push(await checkOut(paying, market.shoppingOf(buyer, `${series}-${index}`)));
      } catch (error) {
        failures.push(`${name}, checkout ${index}: ${reasonOf(error)}: ${String(error)}`);
      }
    }
  }
  const buying = Promise.all(Array.from({ length: buyers }, (_, buyer) => buy(buyer)));
  return {
    count: () => outcomes.length,
    async end() {
      open = false;
      await buying;
      return { outcomes, failures };
    },
  };
}

async function recovered(shop: ShopProcesses, market: Market): Promise<number> {
  const beganMs = performance.now();
  const giveUpMs = beganMs + recoverWithinMs;
  for (;;) {
    const away = (await Promise.all(shop.processes.map(({ adminAddress }) => awayAt(adminAddress)))).flat();
    if (away.length === 0) break;
    if (performance.now() > giveUpMs)
      throw new Error(`not back after ${recoverWithinMs / 1_000} s: ${away.join('; ')}`);
    await pause(50);
  }
  await buyOnce(market, giveUpMs);
  return performance.now() - beganMs;
}

async function awayAt(adminAddress: string): Promise<string[]> {
  try {
    const response = await fetch(`http://${adminAddress}/readyz`, { signal: AbortSignal.timeout(5_000) });
    const { services: states } = (await response.json()) as Readiness;
    return Object.entries(states).flatMap(([service, { status, engines }]) => [
      ...(status === 'ready' ? [] : [`${service}: ${status}`]),
      ...Object.entries(engines).flatMap(([engine, state]) =>
        state === 'ready' ? [] : [`${service}: ${engine} ${state}`],
      ),
    ]);
  } catch (error) {
    return [String(error)];
  }
}

type Readiness = {
  readonly services: Readonly<
    Record<string, { readonly status: string; readonly engines: Readonly<Record<string, string>> }>
  >;
};

// In cash, until the cart is empty again: that takes every service, the cart's engine and the event bus.
async function buyOnce(market: Market, giveUpMs: number): Promise<void> {
  const { buyer, variants } = market.shoppingOf(looker, '');
  const carts = buyer.dial(CartService);
  const orders = buyer.dial(OrderService);
  const requestId = () => crypto.randomUUID();
  const [clear, add, place] = [requestId(), requestId(), requestId()];
  await insist(() => carts.clearCart({ requestId: clear }));
  await insist(() => carts.addCartItem({ requestId: add, variantId: variants.at(-1) ?? '', quantity: 1 }));
  const { quote } = await insist(() => orders.quoteOrder({ addressId: buyer.addressId }));
  const request = {
    requestId: place,
    quoteToken: quote?.quoteToken ?? '',
    paymentMethod: PaymentMethod.CASH_ON_DELIVERY,
  };
  const { order } = await insist(() => orders.placeOrder(request));
  for (;;) {
    const now = await insist(() => orders.getOrder({ orderId: order?.id ?? '' }));
    const { cart } = await insist(() => carts.getCart({}));
    if (now.order?.status === OrderStatus.CONFIRMED && cart?.items.length === 0) return;
    if (performance.now() > giveUpMs)
      throw new Error(`an order is ${String(now.order?.status)}, its cart holds ${String(cart?.items.length)}`);
    await pause(20);
  }
}

async function reckon(market: Market, urlOf: UrlOf): Promise<readonly string[]> {
  const open = await untilSettled(urlOf, settleWithinMs);
  const [books, provider] = [await audit(urlOf), await market.reconcile()];
  return [...open, ...books.problems, ...provider.differences];
}
