import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fromJsonString } from '@bufbuild/protobuf';
import { ListProductsResponseSchema } from '#gen/only2u/product/v1/product_pb.ts';
import { openDataFolder } from '#platform/data-folder.ts';
import { createEmbeddedPostgres } from '#platform/embedded-postgres.ts';
import { postLoad } from './load.ts';
import type { Row } from './row.ts';
import { commonestWords, productFile, rareWord, titleOf } from './sample.ts';
import { type BenchShop, startBenchShop } from './shop.ts';
import { benchSql, settled } from './sql.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 5);
const connections = 16;
const service = 'only2u.product.v1.ProductService';

/** What customers ask most, as JSON through the gateway, with 1,000 and with 100,000 products, in one process and in several. */
export async function benchCatalog(report: (row: Row) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'only2u-bench-'));
  const dataDir = join(folder, 'data');
  const together = [[]];
  const apart = [['user'], ['product'], ['gateway']];
  const uncached = { GATEWAY_CACHE_BYTES: '0' };
  try {
    let first = 0;
    for (const size of [1_000, 100_000]) {
      const loaded = await startBenchShop({ dataDir, processes: together });
      const file = join(folder, `${size}.csv`);
      report(await importProducts({ shop: loaded, file, first, count: size - first }));
      await settled(await productUrl(dataDir, loaded));
      await loaded.close();
      first = size;

      const variants: [string, readonly (readonly string[])[], NodeJS.ProcessEnv][] = [
        ['', together, {}],
        [', no cache', together, uncached],
      ];
      if (size === 1_000) variants.push([', 3 processes', apart, {}], [', 3 processes, no cache', apart, uncached]);
      for (const [suffix, processes, env] of variants) {
        const shop = await startBenchShop({ dataDir, processes, env });
        try {
          for (const [name, method, bodies] of await questions(shop, size)) {
            const load = await postLoad({
              url: `${shop.url}/${service}/${method}`,
              bodies,
              connections,
              seconds,
              pids: [...shop.pids.values()],
            });
            report({ name: `${name}, ${size.toLocaleString('en')} products${suffix}`, ...load });
          }
          if (env === uncached && processes === together) await benchSql(await productUrl(dataDir, shop), size, report);
        } finally {
          await shop.close();
        }
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function productUrl(dataDir: string, shop: BenchShop): Promise<string> {
  const data = await openDataFolder(dataDir);
  return createEmbeddedPostgres({ data, port: Number(shop.env['POSTGRES_PORT']) }).urlOf('product');
}

/** Many different requests of each kind, spread over the catalog. */
async function questions(shop: BenchShop, size: number): Promise<[name: string, method: string, bodies: object[]][]> {
  const spread = Array.from({ length: 2_000 }, (_, index) => Math.floor((index * 7919) % size));
  const search = (words: (number: number) => string, pageSize = 24) =>
    spread.map((number) => ({ query: words(number), pageSize }));
  const twoWords = (number: number): string => titleOf(number).split(' ').slice(1, 3).join(' ');
  const commonest = (number: number): string => inSomeCase(commonestWords(number).join(' '), number);
  return [
    ['GetProduct', 'GetProduct', spread.map((number) => ({ handle: `product-${number}` }))],
    ['ListProducts, 24 a page', 'ListProducts', await pagesOf(shop, 40)],
    ['SearchProducts, common word', 'SearchProducts', search((number) => titleOf(number).split(' ')[2] ?? '')],
    ['SearchProducts, two common words', 'SearchProducts', search(twoWords)],
    // Four of 1,000 products have both words and 390 of 100,000: a page of the same size, but four products are counted and faceted
    // or 120.
    ['SearchProducts, two common words, 4 a page', 'SearchProducts', search(twoWords, 4)],
    // Of 1,000 products 166 have both, more than are counted: what is answered is alike, and the shop's size alone differs.
    ['SearchProducts, two words that a sixth has', 'SearchProducts', search(commonest)],
    ['SearchProducts, two words that a sixth has, 4 a page', 'SearchProducts', search(commonest, 4)],
    ['SearchProducts, rare word', 'SearchProducts', search(rareWord)],
  ];
}

/** The same words, typed in one of many ways: there are six such pairs, and no two connections shall ask the same at once. */
function inSomeCase(words: string, number: number): string {
  return [...words].map((letter, place) => ((number >> place) & 1 ? letter.toUpperCase() : letter)).join('');
}

/** What asks for each of the first pages of all products. */
async function pagesOf(shop: BenchShop, count: number): Promise<object[]> {
  const bodies: object[] = [];
  for (let pageToken = ''; bodies.length < count;) {
    const body = { pageSize: 24, pageToken };
    bodies.push(body);
    const response = await fetch(`${shop.url}/${service}/ListProducts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    pageToken = fromJsonString(ListProductsResponseSchema, await response.text()).nextPageToken;
  }
  return bodies;
}

export type ImportOptions = {
  readonly shop: BenchShop;
  /** Where the file is written first. */
  readonly file: string;
  readonly first: number;
  readonly count: number;
};

/** Has the shop import sample products. Answers how many rows a second it took in. */
export async function importProducts({ shop, file, first, count }: ImportOptions): Promise<Row> {
  await pipeline(Readable.from(productFile(first, count)), createWriteStream(file));
  const began = performance.now();
  const child = spawn(process.execPath, ['tools/import.ts', file, '--currency', 'INR'], {
    env: shop.env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as unknown[];
  if (code !== 0) throw new Error(`the import ended with ${String(code)}`);
  const rows = count * 2;
  return {
    name: `ImportProducts, ${rows.toLocaleString('en')} rows`,
    perSecond: Math.round((rows * 1_000) / (performance.now() - began)),
  };
}
