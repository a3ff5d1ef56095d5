import { openRedis } from '#platform/connection.redis.ts';
import { newId } from '#platform/ids.ts';
import { openPool } from '#platform/pool.postgres.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { countUp, startCounting } from './counting.testing.ts';
import { openRedisPrimary } from './primary.redis.ts';

/*
 * A process that changes carts until it is killed, and says of each change that it was acknowledged: `cart count`. Its arguments are the variables of
 * Redis and the database's url, in JSON.
 */
const { variables, url } = JSON.parse(process.argv[2] ?? '{}') as { variables: never; url: string };
const log = silentLog();
const database = openPool({ url, schema: 'cart' });
const redis = await openRedis(variables, log);
const { store } = openRedisPrimary({ redis, database, group: 'cart', now: () => new Date(), newId, log });

async function work(): Promise<never> {
  const id = await startCounting(store);
  for (;;) {
    const count = await countUp(store, id);
    if (count !== undefined) process.stdout.write(`${id} ${count.count}\n`);
  }
}
await Promise.all(Array.from({ length: 8 }, work));
