import { openElastic, type ElasticConnection } from '#platform/connection.elastic.ts';
import type { Database } from '#platform/database.postgres.ts';
import { newId } from '#platform/ids.ts';
import { silentLog } from '#platform/telemetry/log.ts';
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
import { rareWord, titleOf } from '../sample.ts';
import { tablesOf, runs, type World } from './world.ts';

const sizes = (process.env['BENCH_SIZES'] ?? '1000,100000').split(',').map(Number);
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

/** Product search in an index and in PostgreSQL, of BENCH_SIZES (1000,100000) products. */
export async function benchSearch(world: World): Promise<void> {
  if (!runs('ELASTICSEARCH_URL')) return;
  const database = await world.embedded(tablesOf('product'));
  const log = silentLog();
  const connection = await openElastic(testElasticSettings(), log);
  world.atEnd(() => connection.close());
  world.atEnd(() => connection.client.indices.delete({ index: connection.index('*') }).catch(() => undefined));
  const engine = createElasticIndexes(connection, log);
  const feed = createPostgresSearchFeed(database);
  const following = startFollowing({ feed, engine, log, newId, now: () => new Date(), everyMs: Infinity });
  world.atEnd(() => following.close());
  let written = 0;
  for (const size of sizes) {
    for (; written < size; written += batch) {
      world.stopping.throwIfAborted();
      const count = Math.min(batch, size - written);
      const products = Array.from({ length: count }, (_, index) => productOf(written + index));
      await database.transaction((tx) => writeProducts(tx, products));
    }
    await database.query('vacuum analyze');
    const beganMs = performance.now();
    while ((await following.round()) > 0 || !following.isLive());
    const tookMs = performance.now() - beganMs;
    for (const { name } of await feed.indexes(engine.alias)) await engine.refresh(name);
    world.print(`| tell the index of ${size} products | 1 | Elasticsearch | in ${Math.round(tookMs)} ms | | | | | |`);
    await measure(world, { connection, database, size });
  }
}

type Measured = { readonly connection: ElasticConnection; readonly database: Database; readonly size: number };

async function measure({ compare }: World, { connection, database, size }: Measured): Promise<void> {
  const index = connection.index(productAlias);
  const lexemes = createPostgresLexemes(database);
  const inPostgres = createPostgresSearch(database);
  const timeoutMs = 20_000;
  const ofIds = (ids: readonly string[]) => suggestionsOf(database, ids);
  const search = createElasticSearch({ connection, lexemes, suggestionsOf: ofIds, timeoutMs });
  async function known(query: string) {
    const words = queryWords(query);
    const dictionary = await lexemes.of(words);
    return words.map((word) => [dictionary.get(word) ?? []]);
  }
  const kinds: Readonly<Record<string, (number: number) => string>> = {
    'common word': (number) => titleOf(number).split(' ')[2] ?? '',
    'two words': (number) => titleOf(number).split(' ').slice(1, 3).join(' '),
    'rare word': rareWord,
  };
  const numberOf = (call: number): number => (call * 7_919) % 1_000;
  const products = `of ${size.toLocaleString('en')} products`;
  for (const [name, queryOf] of Object.entries(kinds)) {
    const asked = (call: number): SearchQuery => ({ ...all, query: queryOf(numberOf(call)) });
    await compare(`search, ${name} ${products}`, {
      'bare client, same body': async (call) => {
        const query = asked(call);
        return connection.client.search({ ...bestRequest(query, await known(query.query)), index });
      },
      Elasticsearch: (call) => search.search(asked(call)),
      'PostgreSQL (embedded)': (call) => inPostgres.search(asked(call)),
    });
  }
  const prefixOf = (call: number): string => titleOf(numberOf(call)).slice(0, 3 + (numberOf(call) % 5));
  await compare(`suggest ${products}`, {
    'bare client, same body, products read': async (call) => {
      const { hits } = await connection.client.search({ ...suggestRequest(prefixOf(call), 8), index });
      return ofIds(hits.hits.flatMap((hit) => (hit.fields?.['product_id'] ?? []) as string[]));
    },
    Elasticsearch: (call) => search.suggest(prefixOf(call), 8),
    'PostgreSQL (embedded)': (call) => inPostgres.suggest(prefixOf(call), 8),
  });
}
