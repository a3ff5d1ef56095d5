import { setTimeout } from 'node:timers/promises';
import { Client, Pool } from 'pg';
import type { Database, Sql } from '#platform/database.postgres.ts';
import { createStatementTimes } from '#platform/telemetry/database-metrics.ts';
import { createPostgresSearch } from '#services/product/search.postgres.ts';
import { createPostgresStore } from '#services/product/store.postgres.ts';
import type { SearchQuery } from '#services/product/search.ts';
import type { Row } from './row.ts';
import { commonestWords, titleOf } from './sample.ts';

type Statement = { readonly text: string; readonly values: readonly unknown[] };

/** The statements that the product service sends, sent by bare `pg`: what is left when all of ours is taken away. */
export async function benchSql(url: string, size: number, report: (row: Row) => void): Promise<void> {
  const pool = new Pool({
    connectionString: url,
    max: 16,
    options: '-c search_path=product,public -c plan_cache_mode=force_generic_plan -c jit=off', // as the service has it
  });
  try {
    for (const [name, statements] of await recordStatements(pool, size)) {
      const seconds = Number(process.env['BENCH_SECONDS'] ?? 5);
      await loop(pool, statements, seconds / 4);
      report({
        name: `bare pg: ${name}, ${size.toLocaleString('en')} products`,
        ...(await loop(pool, statements, seconds)),
      });
    }
  } finally {
    await pool.end();
  }
}

/**
 * Waits until what the import tells others is on its way, and does what PostgreSQL would begin within a minute by itself: both
 * would be counted into the first calls.
 */
export async function settled(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (;;) {
      const { rows } = await client.query<{ waiting: boolean }>(
        'select exists (select from product.outbox) as waiting',
      );
      if (rows[0]?.waiting !== true) break;
      await setTimeout(500);
    }
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}

/** Asks the service's own stores, and writes down what they send. */
async function recordStatements(pool: Pool, size: number): Promise<Map<string, Statement[][]>> {
  let sent: Statement[] = [];
  const sql: Sql = {
    async query<R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> {
      sent.push({ text, values });
      return (await pool.query<R>(text, [...values])).rows;
    },
  };
  const database: Database = {
    ...sql,
    transaction: (work) => work(sql),
    listen: () => Promise.reject(new Error('nothing is listened to here')),
    onCommit: () => () => undefined,
    committed: () => undefined,
    replica: sql,
    engines: [],
    load: () => ({
      connections: 0,
      idle: 0,
      waiting: 0,
      most: 0,
      timedOut: 0,
      statements: createStatementTimes().seen,
    }),
    close: () => Promise.resolve(),
  };
  const store = createPostgresStore(database);
  const search = createPostgresSearch(sql);
  const numbers = Array.from({ length: 500 }, (_, index) => (index * 7919) % size);
  const asked = (query: string): SearchQuery => ({
    query,
    categoryIds: undefined,
    tags: [],
    brands: [],
    options: [],
    price: undefined,
    inStock: false,
    sort: 'relevance',
    cursor: undefined,
    limit: 24,
  });
  const found = async (query: string): Promise<unknown> =>
    store.findProducts((await search.search(asked(query))).productIds);
  const questions: [string, (number: number) => Promise<unknown>][] = [
    ['GetProduct', (number) => store.findProduct({ handle: `product-${number}` })],
    [
      'ListProducts',
      () => store.listProducts({ vendorId: '', categoryId: '', status: 'published', before: '', limit: 25 }),
    ],
    ['SearchProducts, common word', (number) => found(titleOf(number).split(' ')[2] ?? '')],
    ['SearchProducts, two common words', (number) => found(titleOf(number).split(' ').slice(1, 3).join(' '))],
    ['SearchProducts, two words that a sixth has', (number) => found(commonestWords(number).join(' '))],
  ];
  const recorded = new Map<string, Statement[][]>();
  for (const [name, ask] of questions) {
    const each: Statement[][] = [];
    for (const number of numbers) {
      sent = [];
      await ask(number);
      each.push(sent);
    }
    recorded.set(name, each);
  }
  return recorded;
}

const names = new Map<string, string>();

function nameOf(text: string): string {
  const name = names.get(text) ?? `bench_${names.size}`;
  names.set(text, name);
  return name;
}

/** Sends them over and over, 16 at a time, each prepared once a connection. */
async function loop(pool: Pool, questions: readonly Statement[][], seconds: number) {
  const began = performance.now();
  const until = began + seconds * 1_000;
  const cpu = process.cpuUsage();
  let asked = 0;
  async function worker(): Promise<void> {
    while (performance.now() < until) {
      for (const { text, values } of questions[asked++ % questions.length] ?? []) {
        await pool.query({ name: nameOf(text), text, values: [...values] });
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker));
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: Math.round((asked * 1_000) / (performance.now() - began)),
    cpuMicros: Math.round((user + system) / asked),
  };
}
