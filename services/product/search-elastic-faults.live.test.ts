import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { silentLog } from '#platform/telemetry/log.ts';
import { type Cable, openCable } from './cable.testing.ts';
import { sampleProduct } from './product.samples.ts';
import type { Product } from './product.ts';
import { type ElasticShop, openElasticShop, testElasticSettings } from './search-elastic.testing.ts';
import { createFallbackSearch } from './search-fallback.ts';
import type { SearchQuery } from './search.ts';

const all: SearchQuery = {
  query: '',
  categoryIds: undefined,
  tags: [],
  brands: [],
  options: [],
  price: undefined,
  inStock: false,
  sort: 'newest',
  limit: 100,
  cursor: undefined,
};

const lamps = (from: number, count: number, title = 'Lamp') =>
  Array.from({ length: count }, (_, index) => sampleProduct(from + index, { title: `${title} no${from + index}` }));

async function until(what: string, condition: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('the index that follows the products', () => {
  let shop: ElasticShop;
  const open = async (everyMs = Infinity): Promise<void> => {
    shop = await openElasticShop({ everyMs });
  };
  afterEach(() => shop.close());

  const total = async (query: string): Promise<number> => (await shop.search.search({ ...all, query })).total;
  const indexOf = async (state: string) =>
    (await shop.feed.indexes(shop.engine.alias)).find((index) => index.state === state);
  const contents = async () => {
    const index = shop.connection.index(shop.engine.alias);
    const { hits } = await shop.connection.client.search({ index, size: 1_000, version: true, sort: ['product_id'] });
    return hits.hits.map(({ _id, _version, _source }) => [_id, _version, _source]);
  };

  test('changes told in any order, twice and late end in the same documents', async () => {
    await open();
    const first = lamps(1, 4);
    await shop.write(first);
    await shop.settle();
    const index = await indexOf('live');
    const name = index?.name ?? '';
    const states = [await shop.feed.page('', 10)];
    for (const version of [2, 3]) {
      await shop.write(first.map((product) => ({ ...product, title: `${product.title} v${version}`, version })));
      const taken = await shop.feed.take(name, 10);
      states.push(taken);
    }
    const [gone] = first;
    if (gone !== undefined) await shop.remove(gone);
    states.push(await shop.feed.take(name, 10));
    const changes = states.flat();
    expect(changes.length).toBe(13);
    for (const change of states.flat()) await shop.engine.tell(name, [change]);
    await shop.engine.refresh(name);
    const expected = await contents();
    expect(expected).toHaveLength(3);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...changes, ...changes], { minLength: 26 }), async (order) => {
        const fresh = `${shop.engine.alias}-${Math.random().toString().slice(2)}`;
        await shop.engine.create(fresh);
        for (let at = 0; at < order.length; at += 5) await shop.engine.tell(fresh, order.slice(at, at + 5));
        await shop.engine.point(fresh);
        expect(await contents()).toEqual(expected);
        await shop.engine.remove(fresh);
      }),
      { numRuns: 5 },
    );
  });

  test('a product that sells out leaves "in stock" without an event', async () => {
    await open();
    await shop.write(lamps(1, 3));
    await shop.settle();
    const inStock = async () => (await shop.search.search({ ...all, query: 'lamp', inStock: true })).total;
    expect(await inStock()).toBe(3);
    await shop.database.query(`update search_document set in_stock = false where product_id = 'prd_00000002'`);
    await shop.settle();
    expect(await inStock()).toBe(2);
  });

  test('a rebuild loses nothing: what is written and removed meanwhile is found and not found after it', async () => {
    await open(20);
    const old = lamps(1, 1_200);
    await shop.write(old);
    await until('the first index', async () => shop.following.isLive() && (await total('lamp')) === 120);
    const before = await indexOf('live');
    const [one, other] = await Promise.all(
      ['a', 'b'].map((end) => shop.feed.begin(shop.engine.alias, `${shop.engine.alias}-again-${end}`)),
    );
    expect(one).toBe(other); // two who ask at once get the same one
    for (let at = 0; at < 2_000; at += 200) {
      await shop.write(lamps(10_000 + at, 200, 'Kettle'));
      await shop.write(
        old.slice(at / 10, at / 10 + 20).map((product) => ({ ...product, title: 'Teapot', version: 2 })),
      );
      expect((await shop.inPostgres.search({ ...all, query: 'kettle' })).total).toBe(120);
      const removed = old[1_000 + at / 10];
      if (removed !== undefined) await shop.remove(removed);
    }
    await until('the switch', async () => (await indexOf('live'))?.name === one);
    await until('all changes', async () => (await shop.feed.lag(one ?? '')).waiting === 0);
    await shop.engine.refresh(one ?? '');
    expect(await shop.engine.count(one ?? '')).toBe(1_200 + 2_000 - 10);
    expect(await total('teapot')).toBe(120);
    expect(await total('no11999')).toBe(1);
    const id = old[1_000]?.id ?? '';
    expect(await shop.connection.client.exists({ index: shop.connection.index(one ?? ''), id })).toBe(false);
    await until('the old one’s end', async () => !(await shop.engine.exists(before?.name ?? '')));
  });

  test('what is removed while the shop serves is filled again, and until then the database answers', async () => {
    await open(20);
    await shop.write(lamps(1, 300));
    await until('the first index', async () => shop.following.isLive());
    const search = createFallbackSearch({
      first: shop.search,
      second: shop.inPostgres,
      isReady: shop.following.isLive,
      log: silentLog(),
      probeMs: 50,
    });
    const index = await indexOf('live');
    await shop.connection.client.indices.delete({ index: shop.connection.index(index?.name ?? '') });
    let answered = 0;
    await until('another index', async () => {
      expect((await search.search({ ...all, query: 'lamp' })).total).toBe(120);
      answered++;
      const live = await indexOf('live');
      return live !== undefined && live.name !== index?.name && search.current() === 'first';
    });
    expect(answered).toBeGreaterThan(0);
    expect(await total('lamp')).toBe(120);
    await search.close();
  });

  test('who fills an index and is killed is followed by another, from where it was', async () => {
    await open();
    await shop.write(lamps(1, 700));
    const name = await shop.feed.begin(shop.engine.alias, `${shop.engine.alias}-half`);
    expect(await shop.feed.lease(name, 'killed')).toBe(true);
    await shop.engine.create(name);
    const page = await shop.feed.page('', 500);
    await shop.engine.tell(name, page);
    await shop.feed.filled(name, 'killed', { to: page.at(-1)?.productId ?? '', more: page.length });
    expect(await shop.feed.lease(name, 'next')).toBe(false);
    await shop.database.query(`update search_index set lease_time = now() - interval '1 second'`);
    await shop.settle();
    expect(await shop.engine.count(name)).toBe(700);
    expect(await indexOf('live')).toMatchObject({ name, filled: 700 });
    expect(await shop.feed.filled(name, 'killed', { to: '', more: 0 })).toBe(false);
  });
});

describe('while Elasticsearch is away', () => {
  let shop: ElasticShop;
  let proxy: Cable;
  beforeAll(async () => {
    const settings = testElasticSettings();
    proxy = await openCable(new URL(settings.ELASTICSEARCH_URL));
    const url = new URL(settings.ELASTICSEARCH_URL);
    url.host = `127.0.0.1:${proxy.port}`;
    shop = await openElasticShop({
      settings: { ...settings, ELASTICSEARCH_URL: url.href },
      everyMs: 20,
      timeoutMs: 800,
    });
    await shop.write(lamps(1, 30));
    await until('the index', async () => shop.following.isLive());
  });
  afterAll(async () => {
    await shop.close();
    await proxy.close();
  });

  test('searches go on in the database, no second one waits, and ten seconds after its return it is asked again', async () => {
    const { search } = shop.openFallback();
    const ask = () => search.search({ ...all, query: 'lamp' });
    const found = await ask();
    expect(search.current()).toBe('first');
    await proxy.cut();
    const product: Product = sampleProduct(500, { title: 'Late Lamp' });
    for (let index = 0; index < 50; index++) expect(await ask()).toEqual(found);
    expect(search.current()).toBe('second');
    await shop.write([product]);
    expect((await ask()).total).toBe(31);
    expect((await search.suggest('late', 5)).map(({ title }) => title)).toEqual(['Late Lamp']);
    await proxy.mend();
    await until('its return', async () => search.current() === 'first' && (await ask()).total === 31, 10_000);
    await shop.remove(product);
    await search.close();
  });

  test('one that is paused, whose port accepts and never answers, costs who asks just then 0.8 s and nobody else anything', async () => {
    const { search, why } = shop.openFallback();
    const ask = () => search.search({ ...all, query: 'lamp' });
    await until('the product’s end', async () => search.current() === 'first' && (await ask()).total === 30);
    why.length = 0;
    proxy.pause();
    const beganMs = performance.now();
    const together = await Promise.all(Array.from({ length: 5 }, ask));
    const tookMs = performance.now() - beganMs;
    expect(together.map(({ total }) => total)).toEqual([30, 30, 30, 30, 30]);
    expect(why).toEqual(['unanswered', 'unanswered', 'unanswered', 'unanswered', 'unanswered']);
    expect(tookMs).toBeGreaterThan(700);
    expect(tookMs).toBeLessThan(2_000); // the contract's
    for (let index = 0; index < 50; index++) expect((await ask()).total).toBe(30);
    expect(why.slice(5)).toEqual(Array.from({ length: 50 }, () => 'away'));
    await shop.write([sampleProduct(501, { title: 'Late Lamp' })]);
    proxy.resume();
    await until('its return', async () => search.current() === 'first' && (await ask()).total === 31, 20_000);
    expect(why.filter((reason) => reason === 'unanswered')).toHaveLength(5);
    await search.close();
  });
});
