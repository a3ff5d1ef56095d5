import { createServer, type IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { sampleProduct } from './product.samples.ts';
import { type ElasticShop, openElasticShop, testElasticSettings } from './search-elastic.testing.ts';
import type { SearchQuery } from './search.ts';

const lamps: SearchQuery = {
  ...{ query: 'lamp', categoryIds: undefined, tags: [], brands: [], options: [], price: undefined },
  ...{ inStock: false, sort: 'newest', limit: 100, cursor: undefined },
};

let front: Front;
let shop: ElasticShop;
beforeEach(async () => {
  const settings = testElasticSettings();
  front = await openFront(new URL(settings.ELASTICSEARCH_URL), settings.ELASTICSEARCH_CA);
  const behind = { ...settings, ELASTICSEARCH_URL: front.url, ELASTICSEARCH_CA: undefined };
  shop = await openElasticShop({ settings: behind, everyMs: 10, timeoutMs: 800 });
});
afterEach(async () => {
  front.mood = {};
  await shop.close();
  await front.close();
});

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

const products = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => sampleProduct(from + index, { title: `Lamp no${from + index}` }));

async function counted(): Promise<number> {
  const index = (await shop.feed.indexes(shop.engine.alias)).find(({ state }) => state === 'live');
  if (index === undefined) return 0;
  await shop.engine.refresh(index.name);
  return shop.engine.count(index.name);
}

test('an index whose queue is full while it is filled, and while it follows, is written later, less and less often, and lacks nothing', async () => {
  front.mood = { refuses: 'all' };
  await shop.write(products(1, 700));
  await until(() => front.bulks.length >= 6);
  expect(shop.following.isLive()).toBe(false);
  for (const [index, pause] of pausesOf(front.bulks).entries()) expect(pause).toBeGreaterThanOrEqual(19 * 2 ** index);
  front.mood = { refuses: 'half' };
  await until(() => front.bulks.length >= 8);
  front.mood = {};
  await until(() => shop.following.isLive());
  expect(await counted()).toBe(700);

  front.mood = { refuses: 'half' };
  await shop.write(products(1_000, 300));
  const gone = products(1, 1)[0];
  if (gone !== undefined) await shop.remove(gone);
  const before = front.bulks.length;
  await until(() => front.bulks.length >= before + 3);
  front.mood = {};
  const releasedMs = performance.now();
  await until(async () => (await counted()) === 999);
  expect(performance.now() - releasedMs).toBeLessThan(15_000); // and not when the 30 s of who took them are over
  const [index] = await shop.feed.indexes(shop.engine.alias);
  await until(async () => (await shop.feed.lag(index?.name ?? '')).waiting === 0);
});

test('a search of several questions, each answered late, is the database’s after 0.8 s in all', async () => {
  await shop.write(products(1, 20));
  await until(async () => (await counted()) === 20);
  const { search, why } = shop.openFallback();
  front.mood = { lateMs: 500 };
  const beganMs = performance.now();
  const found = await search.search({ ...lamps, query: 'lanp' });
  expect(performance.now() - beganMs).toBeLessThan(2_000);
  expect(found).toMatchObject({ total: 20, correctedQuery: 'lamp' });
  expect(why).toEqual(['unanswered']);
  await search.close();
});

function pausesOf(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - (times[index] ?? 0));
}

type Mood = {
  /** Bulks get 429 as a whole, or for each second document, as when the queue of writes is full. */
  readonly refuses?: 'all' | 'half';
  /** So late is each answer to a search. */
  readonly lateMs?: number;
};

type Front = { readonly url: string; mood: Mood; readonly bulks: number[]; close(): Promise<void> };

const rejected = { type: 'es_rejected_execution_exception', reason: 'rejected execution of primary operation' };

/** Stands before Elasticsearch, and answers for it when it is to have too much to do. */
async function openFront(to: URL, ca: string | undefined): Promise<Front> {
  const bulks: number[] = [];
  const pass = async (request: IncomingMessage, body: string): Promise<{ status: number; answer: string }> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { host: _host, 'content-length': _length, ...headers } = request.headers;
    const onward = tlsRequest(
      { host: to.hostname, port: to.port, path: request.url, method: request.method, headers, ca, agent: false },
      resolve,
    );
    onward.on('error', reject).end(body);
    const response = await promise;
    return { status: response.statusCode ?? 0, answer: await text(response) };
  };
  const refuse = async (request: IncomingMessage, body: string) => {
    if (front.mood.refuses === 'all') return { status: 429, answer: JSON.stringify({ error: rejected, status: 429 }) };
    const documents = body.split(/\n(?=\{"(?:index|delete)":)/).map((each) => each.trimEnd());
    const { answer } = await pass(request, `${documents.filter((_, at) => at % 2 === 0).join('\n')}\n`);
    const { items } = JSON.parse(answer) as { items: object[] };
    const mixed = documents.map((_, at) =>
      at % 2 === 0 ? items[at / 2] : { index: { status: 429, error: rejected } },
    );
    return { status: 200, answer: JSON.stringify({ took: 1, errors: true, items: mixed }) };
  };
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const isBulk = request.url?.includes('/_bulk') === true;
      if (isBulk) bulks.push(performance.now());
      const isRefused = isBulk && front.mood.refuses !== undefined;
      const { status, answer } = await (isRefused ? refuse(request, body) : pass(request, body));
      const lateMs = request.url?.includes('/_search') === true ? (front.mood.lateMs ?? 0) : 0;
      if (lateMs > 0) await new Promise((resolve) => setTimeout(resolve, lateMs));
      response.writeHead(status, {
        'content-type': 'application/vnd.elasticsearch+json;compatible-with=8',
        'x-elastic-product': 'Elasticsearch',
      });
      response.end(request.method === 'HEAD' ? undefined : answer);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(to);
  url.protocol = 'http:';
  url.host = `127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
  const front: Front = {
    url: url.href,
    mood: {},
    bulks,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return front;
}
