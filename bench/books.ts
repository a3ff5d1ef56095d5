import { setTimeout } from 'node:timers/promises';
import { Client } from 'pg';
import { openDataFolder } from '#platform/data-folder.ts';

export const schemas = ['user_service', 'product', 'cart', 'coupon', 'order_service', 'payment', 'event_bus'] as const;

/** The bench's own way into the shop's database: as its owner, who sees everybody's tables. */
export type Books = {
  query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** Resolves when no event is on its way and no task is due. */
  settled(): Promise<void>;
  close(): Promise<void>;
};

/** The URL of a database of the embedded PostgreSQL, as its owner. */
export async function ownerUrl(dataDir: string, port: string, database = 'only2u'): Promise<string> {
  const data = await openDataFolder(dataDir);
  return `postgres://postgres:${data.secretFor('postgres role postgres')}@127.0.0.1:${port}/${database}`;
}

const services = schemas.filter((schema) => schema !== 'event_bus');
const waiting = `select exists (select from event_bus.delivery)
  ${services.map((schema) => `or exists (select from ${schema}.outbox)`).join(' ')}
  ${services.map((schema) => `or exists (select from ${schema}.task where dead_time is null and due_time <= now() and kind <> 'payment.check')`).join(' ')}
  as waiting`;

export async function openBooks(url: string): Promise<Books> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const books: Books = {
    query: async <R extends object>(text: string, values: readonly unknown[] = []) =>
      (await client.query<R>(text, [...values])).rows,
    async settled() {
      for (;;) {
        const [row] = await books.query<{ waiting: boolean }>(waiting);
        if (row?.waiting !== true) return;
        await setTimeout(20);
      }
    },
    close: () => client.end(),
  };
  return books;
}
