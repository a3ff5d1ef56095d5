import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openElastic } from '#platform/connection.elastic.ts';
import { openDataFolder } from '#platform/data-folder.ts';
import { createEmbeddedPostgres } from '#platform/embedded-postgres.ts';
import { newId } from '#platform/ids.ts';
import { migrate } from '#platform/migrate.postgres.ts';
import { openPool } from '#platform/pool.postgres.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { freePort } from '#platform/testing/global-setup.ts';
import { sampleProduct, sampleVariant } from '#services/product/product.samples.ts';
import { writeProducts } from '#services/product/product-write.postgres.ts';
import { productAlias } from '#services/product/elastic/product-index.ts';
import { createElasticSearch } from '#services/product/search.elastic.ts';
import { testElasticSettings } from '#services/product/search-elastic.testing.ts';
import { createPostgresSearch, suggestionsOf } from '#services/product/search.postgres.ts';
import { createPostgresSearchFeed } from '#services/product/search-feed.postgres.ts';
import { startFollowing } from '#services/product/search-follow.ts';
import { createPostgresLexemes } from '#services/product/search-lexemes.postgres.ts';
import { bestRequest, suggestRequest } from '#services/product/search-request.elastic.ts';
import { queryWords, type SearchQuery } from '#services/product/search.ts';
import { createElasticIndexes } from '#services/product/search-writing.elastic.ts';
import { migrations } from '#services/product/store.postgres.ts';
import { rareWord, titleOf } from '../sample.ts';

// Product search on the Elasticsearch that runs and on the embedded PostgreSQL, side by side, and beside the bare client with the same
// bodies: node bench/engines/search.ts. The sides take turns call by call, so that all meet the same machine.
// BENCH_SIZES (1000,100000) products, BENCH_CALLS (1000) of each.

const sizes = (process.env['BENCH_SIZES'] ?? '1000,100000').split(',').map(Number);
const calls = Number(process.env['BENCH_CALLS'] ?? 1_000);
const batch = 500;

const all: SearchQuery = {
  ...{ query: '', categoryIds: undefined, tags: [], brands: [], options: [], price: undefined },
  ...{ inStock: false, sort: 'relevance', limit: 24, cursor: undefined },
};

const productOf = (number: number) =>
  sampleProduct(number, {
    title: titleOf(number),
    brand: `Brand ${number % 97}`,
    tags: [`tag-${number % 500}`],
    descriptionHtml: `<p>${titleOf(number)} for every day.</p>`,
    options: [{ name: 'Size', values: ['S', 'L'] }],
    variants: ['S', 'L'].map((size) =>
      sampleVariant({ optionValues: [size], price: { minorUnits: 19_900n + BigInt(number % 4_000), currency: 'INR' } }),
    ),
  });

type Side = { readonly name: string; ask(number: number): Promise<unknown> };

async function compare(name: string, sides: readonly Side[]): Promise<void> {
  const took = sides.map((): number[] => []);
  for (let call = -200; call < calls; call++) {
    for (const [index, side] of sides.entries()) {
      const began = performance.now();
      await side.ask(((call + 200) * 7919) % 1_000);
      if (call >= 0) took[index]?.push(performance.now() - began);
    }
  }
  const sums = took.map((each) => each.reduce((sum, ms) => sum + ms, 0));
  for (const [index, side] of sides.entries()) {
    const sorted = (took[index] ?? []).sort((a, b) => a - b);
    const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(2);
    const sum = sums[index] ?? 0;
    const perSecond = Math.round((calls / sum) * 1_000);
    const ofBare = Math.round(((sums[0] ?? 0) / sum) * 100);
    console.log(
      `| ${name} | ${side.name} | ${perSecond.toLocaleString('en')} | ${at(0.5)} / ${at(0.99)} | ${ofBare}% |`,
    );
  }
}

const folder = await mkdtemp(join(tmpdir(), 'only2u-bench-'));
const data = await openDataFolder(join(folder, 'data'));
const server = createEmbeddedPostgres({ data, port: await freePort() });
const running = await server.start(['product']);
const url = server.urlOf('product');
await migrate({ url, schema: 'product', migrations });
const database = openPool({ url, schema: 'product', plansOnce: true });
const log = silentLog();
const connection = await openElastic(testElasticSettings(), log);
const engine = createElasticIndexes(connection, log);
const feed = createPostgresSearchFeed(database);
const following = startFollowing({ feed, engine, log, newId, now: () => new Date(), everyMs: Infinity });
const lexemes = createPostgresLexemes(database);
const inPostgres = createPostgresSearch(database);
const search = createElasticSearch({
  connection,
  lexemes,
  suggestionsOf: (ids) => suggestionsOf(database, ids),
  timeoutMs: 20_000,
});

console.log('| what | through | per second | p50 / p99 ms | of the bare client |\n|---|---|---:|---:|---:|');
try {
  let written = 0;
  for (const size of sizes) {
    for (; written < size; written += batch) {
      const products = Array.from({ length: Math.min(batch, size - written) }, (_, index) =>
        productOf(written + index),
      );
      await database.transaction((tx) => writeProducts(tx, products));
    }
    await database.query('vacuum analyze');
    const began = performance.now();
    while ((await following.round()) > 0 || !following.isLive());
    const seconds = (performance.now() - began) / 1_000;
    const [index] = await feed.indexes(engine.alias);
    await engine.refresh(index?.name ?? '');
    console.log(`| ${size.toLocaleString('en')} products | told to the index | in ${seconds.toFixed(1)} s | | |`);
    await measure(size);
  }
} finally {
  await following.close();
  await connection.client.indices.delete({ index: connection.index('*') }).catch(() => undefined);
  await connection.close();
  await database.close();
  await running.close();
  await rm(folder, { recursive: true, force: true });
}

async function measure(size: number): Promise<void> {
  const index = connection.index(productAlias);
  const known = async (query: string) => {
    const words = queryWords(query);
    const dictionary = await lexemes.of(words);
    return words.map((word) => [dictionary.get(word) ?? []]);
  };
  const kinds: [string, (number: number) => string][] = [
    ['common word', (number) => titleOf(number).split(' ')[2] ?? ''],
    ['two words', (number) => titleOf(number).split(' ').slice(1, 3).join(' ')],
    ['rare word', rareWord],
  ];
  for (const [name, queryOf] of kinds) {
    const asked = (number: number): SearchQuery => ({ ...all, query: queryOf(number) });
    await compare(`search, ${name}, ${size.toLocaleString('en')}`, [
      {
        name: 'bare client, same body',
        ask: async (number) => {
          const query = asked(number);
          return connection.client.search({ ...bestRequest(query, await known(query.query)), index });
        },
      },
      { name: 'Elasticsearch', ask: (number) => search.search(asked(number)) },
      { name: 'PostgreSQL', ask: (number) => inPostgres.search(asked(number)) },
    ]);
  }
  const prefixOf = (number: number): string => titleOf(number).slice(0, 3 + (number % 5));
  await compare(`suggest, ${size.toLocaleString('en')}`, [
    {
      name: 'bare client, same body, products read',
      ask: async (number) => {
        const { hits } = await connection.client.search({ ...suggestRequest(prefixOf(number), 8), index });
        const ids = hits.hits.flatMap((hit) => (hit.fields?.['product_id'] ?? []) as string[]);
        return suggestionsOf(database, ids);
      },
    },
    { name: 'Elasticsearch', ask: (number) => search.suggest(prefixOf(number), 8) },
    { name: 'PostgreSQL', ask: (number) => inPostgres.suggest(prefixOf(number), 8) },
  ]);
}
