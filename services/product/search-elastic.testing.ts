import { randomBytes } from 'node:crypto';
import { openElastic, type ElasticConnection, type ElasticSettings } from '#platform/connection.elastic.ts';
import { newId } from '#platform/ids.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { engineVariable, engineVariables } from '#platform/testing/engines.ts';
import { openSearchDatabase, type SearchDatabase } from './search-database.testing.ts';
import { createElasticSearch } from './search.elastic.ts';
import { createFallbackSearch, type FallbackSearch, type WhySecond } from './search-fallback.ts';
import { createPostgresSearch, suggestionsOf } from './search.postgres.ts';
import type { ProductSearch } from './search.ts';
import { createPostgresSearchFeed } from './search-feed.postgres.ts';
import { type SearchFollowing, startFollowing } from './search-follow.ts';
import type { SearchFeed, SearchIndexEngine } from './search-index-engine.ts';
import { createPostgresLexemes } from './search-lexemes.postgres.ts';
import { createElasticIndexes } from './search-writing.elastic.ts';

/** The Elasticsearch that runs, with a prefix that nobody else has. */
export function testElasticSettings(changes: Partial<ElasticSettings> = {}): ElasticSettings {
  return {
    ELASTICSEARCH_URL: engineVariable('ELASTICSEARCH_URL'),
    ELASTICSEARCH_CA: 'ELASTICSEARCH_CA_FILE' in engineVariables() ? engineVariable('ELASTICSEARCH_CA') : undefined,
    ELASTICSEARCH_PREFIX: `test-${randomBytes(6).toString('hex')}-`,
    ...changes,
  };
}

export type ElasticShop = SearchDatabase & {
  readonly connection: ElasticConnection;
  readonly feed: SearchFeed;
  readonly engine: SearchIndexEngine;
  readonly search: ProductSearch;
  readonly inPostgres: ProductSearch;
  readonly following: SearchFollowing;
  /** The index's search with the database's behind it, and why that has answered each time. The search is closed by who asked for it. */
  openFallback(): { readonly search: FallbackSearch; readonly why: WhySecond[] };
  /** Tells the index what has changed and shows it. */
  settle(): Promise<void>;
  close(): Promise<void>;
};

export type ElasticShopOptions = {
  readonly settings?: ElasticSettings;
  /** Whether the index is followed in the background, as in life, or by `settle` alone. */
  readonly everyMs?: number;
  /** What a search may take: 20 s unless told, since the machine does other things too. */
  readonly timeoutMs?: number;
};

/** A database and an index of its own that follows it. For tests alone. */
export async function openElasticShop({
  settings = testElasticSettings(),
  everyMs = Infinity,
  timeoutMs = 20_000,
}: ElasticShopOptions = {}): Promise<ElasticShop> {
  const shop = await openSearchDatabase();
  const log = silentLog();
  const connection = await openElastic(settings, log);
  const engine = createElasticIndexes(connection, log);
  const feed = createPostgresSearchFeed(shop.database);
  const following = startFollowing({ feed, engine, log, newId, now: () => new Date(), everyMs });
  const lexemes = createPostgresLexemes(shop.database);
  const inPostgres = createPostgresSearch(shop.database);
  const suggested = (ids: readonly string[]) => suggestionsOf(shop.database, ids);
  const search = createElasticSearch({ connection, lexemes, timeoutMs, suggestionsOf: suggested });
  return {
    ...shop,
    connection,
    engine,
    feed,
    following,
    inPostgres,
    search,
    openFallback() {
      const why: WhySecond[] = [];
      const fellBack = (reason: WhySecond): void => void why.push(reason);
      const isReady = following.isLive;
      return { search: createFallbackSearch({ first: search, second: inPostgres, isReady, log, fellBack }), why };
    },
    async settle() {
      while ((await following.round()) > 0 || !following.isLive());
      for (const { name } of await feed.indexes(engine.alias)) await engine.refresh(name);
    },
    async close() {
      await following.close();
      await connection.client.indices.delete({ index: connection.index('*') }).catch(() => undefined);
      await connection.close();
      await shop.database.close();
    },
  };
}
