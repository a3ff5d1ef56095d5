import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBooks, ownerUrl, type Books } from './books.ts';
import { createAsk, signUpBuyers, type Ask, type Buyer } from './buyers.ts';
import { importProducts } from './catalog.ts';
import { countCosts, printCosts } from './counts.ts';
import { addEarlierOrders } from './earlier-orders.ts';
import { flowLoad } from './flow.ts';
import type { Market } from './market.ts';
import { createPurchase } from './purchase.ts';
import { benchReplay } from './replay.ts';
import type { Row } from './row.ts';
import { moveTo, otherCore, startBenchShop } from './shop.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 5);
const connections = 16;
const copies = 8; // of the database, for bare pg: as many as a service has connections
const buyerCount = 64;
const productCount = 500;
const piecesEach = 1_000_000;

export type Fair = {
  readonly dataDir: string;
  /** Starts the shop for as long as the work takes. */
  open<T>(options: OpenOptions, work: (market: Market) => Promise<T>): Promise<T>;
};

export type OpenOptions = { readonly records?: boolean; readonly nodeArguments?: readonly string[] };

const env = { SAMPLE_CATALOG: 'off', SAMPLE_COUPONS: 'off', TEST_PROVIDER: 'on', TEST_PROVIDER_FAULTS: '' };

/** Makes a shop with products and buyers in a folder that is gone afterwards. */
export async function withFair(work: (fair: Fair) => Promise<void>): Promise<void> {
  moveTo(otherCore, process.pid);
  const folder = await mkdtemp(join(tmpdir(), 'only2u-bench-'));
  const dataDir = join(folder, 'data');
  let signIn: ((ask: Ask) => Promise<Buyer[]>) | undefined;

  async function open<T>(options: OpenOptions, use: (market: Market) => Promise<T>): Promise<T> {
    const shop = await startBenchShop({ dataDir, processes: [[]], env, ...options });
    try {
      const { ask, close } = createAsk(shop.url);
      const books = await openBooks(await ownerUrl(dataDir, String(shop.env['POSTGRES_PORT'])));
      try {
        if (signIn === undefined) {
          await importProducts({ shop, file: join(folder, 'products.csv'), first: 0, count: productCount });
          await stockUp(books);
          signIn = await signUpBuyers(ask, buyerCount);
          await books.settled();
          await books.query('vacuum analyze');
        }
        const variants = await books.query<{ id: string }>('select id from product.variant order by id');
        const purchase = createPurchase(
          ask,
          variants.map(({ id }) => id),
        );
        return await use({ shop, books, purchase, buyers: await signIn(ask) });
      } finally {
        await books.close();
        close();
      }
    } finally {
      await shop.close();
    }
  }

  try {
    await work({ dataDir, open });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a buyer does, measured: the same before and after there are many orders. */
export async function measurePurchases(
  { shop, books, purchase, buyers }: Market,
  suffix: string,
  report: (row: Row) => void,
): Promise<void> {
  const buyer = (number: number): Buyer => {
    const one = buyers[number % buyers.length];
    if (one === undefined) throw new Error('nobody buys');
    return one;
  };
  const carts = await Promise.all(buyers.map((_, number) => purchase.addAsGuest(number)));
  const cart = (number: number): string => carts[number % carts.length] ?? '';
  await Promise.all(buyers.map((one, number) => purchase.addToOwn(one, number)));
  const works: [name: string, work: (number: number) => Promise<unknown>][] = [
    ['AddCartItem to a fresh cart', (number) => purchase.addAsGuest(number)],
    ['AddCartItem to a cart with an item', (number) => purchase.addTo(cart(number), number % buyers.length)],
    ['GetCart', (number) => purchase.getCart(cart(number))],
    ['QuoteOrder', (number) => purchase.quote(buyer(number))],
    ['full checkout, online', (number) => purchase.checkOut(buyer(number), 'PAYMENT_METHOD_ONLINE', number)],
    [
      'full checkout, cash on delivery',
      (number) => purchase.checkOut(buyer(number), 'PAYMENT_METHOD_CASH_ON_DELIVERY', number),
    ],
  ];
  for (const [name, work] of works) {
    const load = await flowLoad({ shop, connections, seconds, work, settled: () => books.settled() });
    report({ name: `${name}${suffix}`, ...load });
  }
}

// The import knows how many pieces there are; a bench needs more than it says.
async function stockUp(books: Books): Promise<void> {
  await books.query(
    `with more as (update product.stock set on_hand = on_hand + $1 returning variant_id)
     insert into product.stock_movement (variant_id, delta, kind, reference, reason, actor, create_time)
     select variant_id, $1, 1, 'bench', '', '', now() from more`,
    [piecesEach],
  );
}

/** The buying path, as JSON through the gateway; what each step takes; and a checkout's bare SQL. */
export async function benchCheckout(report: (row: Row) => void): Promise<void> {
  await withFair(async ({ dataDir, open }) => {
    await open({}, (market) => measurePurchases(market, '', report));
    const [costs, port] = await open({ records: true }, async (market) => {
      return [await countCosts(market), Number(market.shop.env['POSTGRES_PORT'])] as const;
    });
    for (const { name, statements } of costs.filter((cost) => cost.name.startsWith('full checkout'))) {
      const load = await benchReplay({ dataDir, port, statements, connections: copies, seconds });
      report({ name: `bare pg: ${name}`, ...load });
    }
    printCosts(costs);
  });
}

/** The same before and after the shop has a million earlier orders. BENCH_ORDERS says how many. */
export async function benchCheckoutFlat(report: (row: Row) => void): Promise<void> {
  const count = Number(process.env['BENCH_ORDERS'] ?? 1_000_000);
  await withFair(async ({ open }) => {
    await open({}, (market) => measurePurchases(market, ', no earlier orders', report));
    await open({}, async ({ books, buyers }) => {
      const began = performance.now();
      await addEarlierOrders({ books, buyers, count });
      console.error(`${count.toLocaleString('en')} orders in ${Math.round((performance.now() - began) / 1_000)} s`);
    });
    await open({}, (market) => measurePurchases(market, `, ${count.toLocaleString('en')} earlier orders`, report));
  });
}
