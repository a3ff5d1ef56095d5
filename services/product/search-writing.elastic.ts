import type { estypes } from '@elastic/elasticsearch';
import type { Logger } from 'pino';
import { type ElasticConnection, isMissing } from '#platform/connection.elastic.ts';
import { engineAway } from '#platform/engine.ts';
import { productAlias, productIndex } from './elastic/product-index.ts';
import type { SearchChange } from './search-document.ts';
import type { SearchIndexEngine } from './search-index-engine.ts';

const bulkBytes = 4 * 1024 * 1024; // of a request; a document is some 2 KB, 300 KB at most
const shownErrors = 3;

/** Makes, fills and removes product indices in Elasticsearch. Names are without the prefix. */
export function createElasticIndexes(connection: ElasticConnection, log: Logger): SearchIndexEngine {
  const { client, ask, index: named } = connection;
  // Written through an alias that nothing else makes: a bulk must not make an index that somebody has removed, without a mapping.
  const writing = (name: string): string => `${named(name)}-write`;

  async function send(name: string, operations: readonly string[], signal: AbortSignal | undefined): Promise<boolean> {
    const answer = await ask(
      client.bulk(
        { index: writing(name), require_alias: true, operations: [...operations] as unknown as object[] },
        signal && { signal },
      ),
    );
    const errors = answer.items.flatMap((item) => Object.values(item)).filter(isError);
    if (errors.length === 0) return true;
    if (errors.some(({ error }) => error?.type === 'index_not_found_exception')) return false;
    if (errors.some(({ status }) => status === 429 || status === 503)) {
      throw engineAway('Elasticsearch', new Error('it has more to write than it can'));
    }
    const shown = errors.slice(0, shownErrors).map(({ _id, error }) => ({ id: _id, reason: error?.reason }));
    log.error({ index: name, shown }, 'products that the search index refuses; they are tried again');
    throw new Error(`${errors.length} products are refused by the index ${name}`);
  }

  return {
    alias: productAlias,
    async create(name) {
      const index = named(name);
      const { settings, mappings } = productIndex;
      const making = client.indices.create({
        index,
        settings: settings as unknown as estypes.IndicesIndexSettings,
        mappings: mappings as unknown as estypes.MappingTypeMapping,
        aliases: { [writing(name)]: {} },
      });
      await ask(making).catch((error: unknown) => {
        if (!String(error).includes('resource_already_exists_exception')) throw error;
      });
    },
    exists: (name) => ask(client.indices.exists({ index: named(name) })),
    async tell(name, changes, signal) {
      let operations: string[] = [];
      let bytes = 0;
      for (const change of changes) {
        const lines = linesOf(change);
        operations.push(...lines);
        bytes += lines.reduce((sum, line) => sum + line.length, 0);
        if (bytes < bulkBytes) continue;
        if (!(await send(name, operations, signal))) return false;
        [operations, bytes] = [[], 0];
      }
      return operations.length === 0 || send(name, operations, signal);
    },
    async isAsked(name) {
      const answer = await ask(client.indices.getAlias({ name: named(productAlias) })).catch(nothingIfMissing);
      const indices = Object.keys(answer ?? {});
      return indices.length === 1 && indices[0] === named(name);
    },
    async point(name) {
      const alias = named(productAlias);
      try {
        await ask(client.indices.refresh({ index: named(name) }));
        await ask(
          client.indices.updateAliases({
            actions: [
              { remove: { index: `${alias}-*`, alias, must_exist: false } },
              { add: { index: named(name), alias } },
            ],
          }),
        );
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
    async remove(name) {
      await ask(client.indices.delete({ index: named(name), ignore_unavailable: true }));
    },
    async count(name) {
      const answer = await ask(client.count({ index: named(name) })).catch(nothingIfMissing);
      return answer?.count ?? 0;
    },
    refresh: async (name) => void (await ask(client.indices.refresh({ index: named(name) }))),
  };
}

function linesOf({ productId, change, document }: SearchChange): string[] {
  const about = { _id: productId, version: Number(change), version_type: 'external' };
  return document === undefined
    ? [JSON.stringify({ delete: about })]
    : [JSON.stringify({ index: about }), JSON.stringify(document)];
}

// 409: it has this state or a later one already. A removed product that it never had is 404, and no error.
function isError({ status, error }: estypes.BulkResponseItem): boolean {
  return error !== undefined && status !== 409;
}

function nothingIfMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
