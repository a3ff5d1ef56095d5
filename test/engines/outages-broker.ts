import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { rabbitNames } from '#platform/event-bus-names.ts';

export type BrokerSettings = {
  /** RabbitMQ's management, with user and password. */
  readonly managementUrl: string;
  readonly ca: string;
  /** Where groups put what they gave up. */
  readonly eventBusUrl: string;
  /** What services have yet to do before RabbitMQ has all that it will get. */
  unsettled(): Promise<readonly string[]>;
};

const lengthsAgeMs = 6_000; // a quorum queue says every five seconds how long it is

const queues = z.array(z.object({ name: z.string(), messages: z.number().optional() }));

/**
 * Waits until nothing is left to be told and all queues are empty, those of what the broker gave up too. Answers what still waits when the
 * time is over, and the events that groups gave up.
 */
export async function leftUnheard(settings: BrokerSettings, withinMs: number): Promise<string[]> {
  const giveUpMs = performance.now() + withinMs;
  for (let emptyFromMs = Infinity; ;) {
    const waiting = [...(await settings.unsettled()), ...(await waitingIn(settings))];
    const nowMs = performance.now();
    emptyFromMs = waiting.length > 0 ? Infinity : Math.min(emptyFromMs, nowMs);
    if (nowMs - emptyFromMs >= lengthsAgeMs || nowMs > giveUpMs) return [...waiting, ...(await deadIn(settings))];
    await pause(200);
  }
}

async function waitingIn({ managementUrl, ca }: BrokerSettings): Promise<string[]> {
  const { username, password, host } = new URL(managementUrl);
  // Without the statistics, which are older still.
  const path = `/api/queues/${rabbitNames.vhost}?disable_stats=true&enable_queue_totals=true`;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  request(`https://${host}${path}`, { auth, ca, timeout: 5_000 }, (answer) => void text(answer).then(resolve, reject))
    .on('error', reject)
    .end();
  const found = queues.parse(JSON.parse(await promise));
  if (found.length === 0) throw new Error('RabbitMQ has no queues');
  return found.flatMap(({ name, messages }) =>
    messages === 0 ? [] : [`${messages ?? 'unknown'} messages in the queue ${name}`],
  );
}

async function deadIn({ eventBusUrl, ca }: BrokerSettings): Promise<string[]> {
  const url = new URL(eventBusUrl);
  url.search = '';
  const client = new pg.Client({ connectionString: url.href, ssl: { ca } });
  await client.connect();
  try {
    // Made with the first failure that is noted.
    const made = await client.query("select 1 where to_regclass('event_bus.dead_letter') is not null");
    if (made.rowCount === 0) return [];
    const { rows } = await client.query<{ group_name: string; topic: string; id: string; error: string }>(
      'select group_name, topic, id, error from event_bus.dead_letter order by dead_time limit 20',
    );
    return rows.map((row) => `dead event ${row.topic} ${row.id} of ${row.group_name}: ${row.error}`);
  } finally {
    await client.end();
  }
}
