import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { Counter } from 'prom-client';
import type { Database, Sql } from '#platform/database.postgres.ts';
import type { ElasticConfig } from '#platform/engine-config.ts';
import type { EngineState } from '#platform/engine.ts';
import { once, type OnceOptions } from '#platform/request-id.postgres.ts';
import type { Env } from '#platform/service.ts';
import { createFallbackSearch, type FallbackSearch, type WhySecond } from './search-fallback.ts';
import { beginIndex, createPostgresSearchFeed } from './search-feed.postgres.ts';
import { startFollowing } from './search-follow.ts';
import type { SearchFeed, SearchIndexEngine } from './search-index-engine.ts';
import type { Lexemes } from './search-lexemes.ts';
import { createPostgresLexemes } from './search-lexemes.postgres.ts';
import type { ProductSearch } from './search.ts';
import { createPostgresSearch, suggestionsOf } from './search.postgres.ts';

export type OpenSearch = {
  readonly search: ProductSearch;
  readonly lexemes: Lexemes;
  /** Where Elasticsearch is set. */
  readonly elastic: OpenElasticSearch | undefined;
  readonly engines: readonly EngineState[];
  close(): Promise<void>;
};

export type OpenElasticSearch = {
  readonly search: FallbackSearch;
  readonly feed: SearchFeed;
  readonly engine: SearchIndexEngine;
  /** Begins a new index, once for a request. */
  begin<R extends DescMessage>(
    name: string,
    request: OnceOptions<R>,
    answer: (name: string) => MessageShape<R>,
  ): Promise<MessageShape<R>>;
};

export type OpenSearchOptions = {
  readonly database: Database;
  /** Where what may be seconds old is read. */
  readonly replica: Sql;
  readonly env: Pick<Env<ElasticConfig>, 'config' | 'log' | 'now' | 'newId' | 'metrics'>;
};

/** The search that is configured: PostgreSQL's, or Elasticsearch's with PostgreSQL's behind it. */
export async function openSearch({ database, replica, env }: OpenSearchOptions): Promise<OpenSearch> {
  const { ELASTICSEARCH_URL, ...config } = env.config;
  const inPostgres = createPostgresSearch(replica);
  const lexemes = createPostgresLexemes(replica);
  if (ELASTICSEARCH_URL === undefined) {
    return { search: inPostgres, lexemes, elastic: undefined, engines: [], close: () => Promise.resolve() };
  }
  const { openElastic } = await import('#platform/connection.elastic.ts');
  const { createElasticSearch } = await import('./search.elastic.ts');
  const { createElasticIndexes } = await import('./search-writing.elastic.ts');
  const { log, now, newId, metrics } = env;
  const connection = await openElastic({ ...config, ELASTICSEARCH_URL }, log);
  const engine = createElasticIndexes(connection, log);
  const feed = createPostgresSearchFeed(database);
  const following = startFollowing({ feed, engine, log, now, newId });
  const search = createFallbackSearch({
    first: createElasticSearch({ connection, lexemes, suggestionsOf: (ids) => suggestionsOf(replica, ids) }),
    second: inPostgres,
    isReady: following.isLive,
    log,
    fellBack: (why) => fallbacks.inc({ why }),
  });
  const fallbacks = new Counter({
    name: 'search_fallbacks_total',
    help: 'Searches and suggestions that the database answered in Elasticsearch’s place, by why.',
    labelNames: ['why'],
    registers: [metrics],
  });
  for (const why of ['unanswered', 'away', 'filling'] as const satisfies WhySecond[]) fallbacks.inc({ why }, 0);
  return {
    search,
    lexemes,
    elastic: {
      ...{ search, feed, engine },
      begin: (name, request, answer) =>
        database.transaction((tx) => once(tx, request, async () => answer(await beginIndex(tx, engine.alias, name)))),
    },
    engines: [connection.state(false)], // the database answers without it
    async close() {
      await search.close();
      await following.close();
      await connection.close();
    },
  };
}
