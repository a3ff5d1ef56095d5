import { z } from 'zod';
import { type ElasticConnection, openElastic } from '#platform/connection.elastic.ts';
import { openRedis, type RedisConnection } from '#platform/connection.redis.ts';
import type { Variables } from '#platform/config.ts';
import { newId } from '#platform/ids.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { engineVariable, engineVariables } from '#platform/testing/engines.ts';
import { shopVariables } from '../engines/variables.ts';
import { openShopVhost } from './rabbitmq/shop-vhost.ts';
import { manage } from './rabbitmq/vhost.ts';

/** A shop's own corner of the engines that run: a virtual host, and prefixes of keys and indices that nobody else has. */
export type ShopEngines = {
  /** What its processes set; where their databases are they know from elsewhere. */
  readonly variables: Variables;
  /** What is on its way in the engines, in words: events that no group has handled, carts that PostgreSQL was not told of. */
  unsettled(): Promise<string[]>;
  close(): Promise<void>;
};

/** RabbitMQ counts what a quorum queue holds every 5 s: when two looks so far apart find nothing, there is nothing. */
export const engineQuietMs = 6_000;

const queues = z.array(z.object({ name: z.string(), messages: z.number().default(0) }));

export async function openShopEngines(): Promise<ShopEngines> {
  const own = newId('shop').toLowerCase().replace('_', '-').slice(0, 24);
  const prefixes = { REDIS_PREFIX: `${own}:`, ELASTICSEARCH_PREFIX: `${own}-` };
  const opened: { close(): Promise<void> }[] = [];
  async function close(): Promise<void> {
    for (const each of opened.splice(0).reverse()) await each.close();
  }
  try {
    const vhost = await openShopVhost();
    opened.push(vhost);
    const redisUrl = { REDIS_URL: engineVariable('REDIS_ADMIN_URL'), REDIS_CA: engineVariable('REDIS_CA') };
    const redis = await openRedis({ ...redisUrl, ...prefixes }, silentLog());
    opened.push({ close: () => forgetKeys(redis).finally(() => redis.close()) });
    const elasticUrl = {
      ELASTICSEARCH_URL: engineVariable('ELASTICSEARCH_URL'),
      ELASTICSEARCH_CA: engineVariable('ELASTICSEARCH_CA'),
    };
    const elastic = await openElastic({ ...elasticUrl, ...prefixes }, silentLog());
    opened.push({ close: () => removeIndices(elastic).finally(() => elastic.close()) });
    const shared = Object.entries(shopVariables(engineVariables())).filter(
      ([name]) => !/DATABASE|EVENT_BUS|RABBITMQ_URL/.test(name),
    );
    return {
      variables: { ...Object.fromEntries(shared), ...prefixes, ...vhost.variables },
      async unsettled() {
        // Without the statistics, which are older still.
        const path = `/api/queues/${vhost.name}?disable_stats=true&enable_queue_totals=true`;
        const filled = queues.parse(await manage('GET', path)).filter(({ messages }) => messages > 0);
        const carts = await redis.ask(redis.client.zcard(redis.key('{cart}', 'dirty')));
        return [
          ...filled.map(({ name, messages }) => `${messages} events for ${name} in RabbitMQ`),
          ...(carts === 0 ? [] : [`${carts} carts in Redis that PostgreSQL was not told of`]),
        ];
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function forgetKeys({ client, key, ask }: RedisConnection): Promise<void> {
  for await (const keys of client.scanStream({ match: `${key('')}*`, count: 1_000 })) {
    const found = z.array(z.string()).parse(keys);
    if (found.length > 0) await ask(client.unlink(...found));
  }
}

async function removeIndices({ client, index }: ElasticConnection): Promise<void> {
  await client.indices.delete({ index: index('*'), allow_no_indices: true });
}
