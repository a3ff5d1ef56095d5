import type { Database } from './pool.postgres.ts';
import { assertCarriable, type PubSub } from './pubsub.ts';

/** Tells by NOTIFY, to all processes of the database. A subscription is a connection of its own, so few channels with many messages. */
export function createPostgresPubSub(database: Pick<Database, 'query' | 'listen'>): PubSub {
  const stops = new Set<() => Promise<void>>();
  return {
    async publish(channel, messages) {
      assertCarriable(channel, messages);
      if (messages.length === 0) return;
      // By itself and not in the transaction that changes something: commits that notify wait for each other.
      await database.query('select pg_notify($1, message) from unnest($2::text[]) as told (message)', [
        channel,
        messages,
      ]);
    },
    async subscribe(channel, { heard, lost }) {
      assertCarriable(channel, []);
      const end = await database.listen(channel, (message) => (message === '' ? lost() : heard(message)));
      const stop = async (): Promise<void> => {
        if (stops.delete(stop)) await end();
      };
      stops.add(stop);
      return stop;
    },
    async close() {
      await Promise.all([...stops].map((stop) => stop()));
    },
  };
}
