import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  RebuildSearchIndexResponseSchema,
  SearchEngine,
  SearchIndex_State,
  SearchIndexService,
} from '#gen/only2u/product/v1/search_index_pb.ts';
import { Fault } from '#platform/fault.ts';
import { repeatable } from '#platform/repeatable.ts';
import type { Env } from '#platform/service.ts';
import type { SearchIndex, SearchIndexState } from './search-index-engine.ts';
import type { OpenSearch } from './search-open.ts';
import { timeName } from './search-follow.ts';

const states: Readonly<Record<SearchIndexState, SearchIndex_State>> = {
  filling: SearchIndex_State.FILLING,
  live: SearchIndex_State.LIVE,
  old: SearchIndex_State.OLD,
};

const { POSTGRES, ELASTICSEARCH } = SearchEngine;

/** SearchIndexService, for operators. */
export function createSearchIndexRpc(
  { elastic }: Pick<OpenSearch, 'elastic'>,
  { now }: Pick<Env, 'now'>,
): ServiceImpl<typeof SearchIndexService> {
  return {
    async getSearchIndex() {
      if (elastic === undefined) return { engine: POSTGRES, configuredEngine: POSTGRES };
      const { feed, engine, search } = elastic;
      const indexes = await feed.indexes(engine.alias);
      return {
        engine: search.current() === 'first' ? ELASTICSEARCH : POSTGRES,
        configuredEngine: ELASTICSEARCH,
        indices: await Promise.all(indexes.map(describe)),
      };

      async function describe({ name, state, filled, total }: SearchIndex) {
        const [lag, documents] = await Promise.all([feed.lag(name), engine.count(name).catch(() => -1)]);
        return {
          ...{ name, state: states[state], documentCount: BigInt(documents) },
          ...{ waitingCount: lag.waiting, lag: durationFromMs(lag.oldestMs) },
          ...{ filledCount: filled, totalCount: total },
        };
      }
    },

    async rebuildSearchIndex(request) {
      if (elastic === undefined) {
        throw new Fault(
          'failed-precondition',
          'SEARCH_INDEX_IN_DATABASE',
          'PostgreSQL searches here, whose index is part of each change: there is nothing to rebuild. Set ELASTICSEARCH_URL for another engine.',
        );
      }
      const { engine, begin } = elastic;
      const { method } = SearchIndexService;
      const options = repeatable(method.rebuildSearchIndex, request, { actor: 'operator', now: now() });
      return begin(`${engine.alias}-${timeName(now())}`, options, (name) =>
        create(RebuildSearchIndexResponseSchema, { name }),
      );
    },
  };
}
