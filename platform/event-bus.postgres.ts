import type { Logger } from 'pino';
import type { PostgresTarget } from './connection.postgres.ts';
import { deadEventsOf } from './event-bus-dead.postgres.ts';
import { migrate } from './migrate.postgres.ts';
import { openPool } from './pool.postgres.ts';
import {
  defaultAttempts,
  defaultConcurrency,
  defaultRetryMs,
  errorText,
  type EventBus,
  type EventMessage,
  handleLimitMs,
  neverEnded,
  type Subscribing,
} from './event-bus.ts';

/** The url's role may make the schema "event_bus" or owns it. */
export type PostgresEventBusOptions = PostgresTarget & { readonly log: Logger };

const leaseMs = handleLimitMs + 5_000; // whoever handles an event for longer is taken for dead, and is told so before
const pollMs = 5_000; // a NOTIFY wakes us at once; this finds what is due after a failure, or whose handler died
const clockStepMs = 5; // a timer that comes a moment before the database's clock finds nothing, and the next look is far
const keptDays = 2; // of messages that everybody has: a relay that was cut off won't hand them in later than that
const tidyEveryMs = 60_000;
const tidyBatch = 1_000;

type Row = {
  seq: bigint;
  id: string;
  topic: string;
  key: string;
  body: Buffer;
  traceparent: string;
  time: Date;
  attempts: number;
};

/** The event bus in PostgreSQL: a queue of rows for each group, woken by NOTIFY. */
export async function openPostgresEventBus({ log, ...target }: PostgresEventBusOptions): Promise<EventBus> {
  await migrate({
    ...target,
    schema: 'event_bus',
    migrations: new URL('./event-bus-migrations/', import.meta.url),
    log,
  });
  const database = openPool({ ...target, schema: 'event_bus', connections: 4, log, plansOnce: true });
  const subscriptions = new Set<{ close(): Promise<void> }>();

  async function publish(messages: readonly EventMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const columns = (['id', 'topic', 'key', 'traceparent', 'time'] as const).map((name) =>
      messages.map((message) => message[name]),
    );
    await database.query(
      `WITH given AS (
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[])
           WITH ORDINALITY AS given (id, topic, key, traceparent, time, body, position)
       ), wanted AS (
         INSERT INTO message (id, topic, key, traceparent, time, body)
         SELECT id, topic, key, traceparent, time, body FROM given
         WHERE EXISTS (SELECT 1 FROM subscription WHERE subscription.topic = given.topic)
         ORDER BY position
         ON CONFLICT (id) DO NOTHING
         RETURNING seq, topic, key
       ), delivered AS (
         INSERT INTO delivery (group_name, seq, key)
         SELECT group_name, seq, key FROM wanted JOIN subscription USING (topic)
         RETURNING group_name
       )
       SELECT pg_notify('event_bus', group_name) FROM (SELECT DISTINCT group_name FROM delivered) AS woken`,
      [...columns, messages.map(({ body }) => Buffer.from(body))],
    );
  }

  // One statement says what was handled and takes what is next, which may have waited for just that.
  function claim(group: string, handled: readonly Row[], limit: number): Promise<Row[]> {
    return database.query<Row>(
      `WITH gone AS (
         -- With the number of attempts, so that one who was too late does not speak for the next.
         DELETE FROM delivery USING unnest($4::int8[], $5::int[]) AS handled (seq, attempts)
         WHERE group_name = $1 AND delivery.seq = handled.seq AND delivery.attempts = handled.attempts
         RETURNING delivery.seq
       ), head AS (
         SELECT seq FROM delivery AS candidate
         WHERE group_name = $1 AND due_time <= now() AND seq <> ALL (ARRAY(SELECT seq FROM gone))
           AND (key = '' OR NOT EXISTS (
             SELECT 1 FROM delivery AS earlier
             WHERE earlier.group_name = $1 AND earlier.key = candidate.key AND earlier.seq < candidate.seq
               AND earlier.seq <> ALL (ARRAY(SELECT seq FROM gone))))
         ORDER BY seq LIMIT $2
         FOR UPDATE SKIP LOCKED
       )
       UPDATE delivery SET attempts = attempts + 1, due_time = now() + $3::int8 * interval '1 ms'
       FROM head JOIN message USING (seq)
       WHERE delivery.group_name = $1 AND delivery.seq = head.seq
       RETURNING message.*, delivery.attempts`,
      [group, limit, leaseMs, handled.map(({ seq }) => seq), handled.map(({ attempts }) => attempts)],
    );
  }

  async function subscribe(subscribing: Subscribing): Promise<{ close(): Promise<void> }> {
    const { group, topics, concurrency = defaultConcurrency } = subscribing;
    await database.query(
      `INSERT INTO subscription (group_name, topic) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING`,
      [group, topics],
    );
    const closing = new AbortController();
    let wake: () => void = () => undefined;
    let woken = false;
    const nudge = (): void => {
      woken = true;
      wake();
    };
    const running = new Set<Promise<void>>();
    let handled: readonly Row[] = []; // and the database does not know yet
    const unlisten = await database.listen('event_bus', (name) => {
      if (name === group || name === '') nudge();
    });

    async function work(): Promise<void> {
      let tidiedMs = 0;
      while (!closing.signal.aborted) {
        woken = false;
        const free = concurrency - running.size;
        const rows = free === 0 ? [] : await next(free).catch(report('events can’t be fetched'));
        for (const row of rows) {
          const handling = handle(row).then((isHandled) => {
            running.delete(handling);
            if (isHandled) handled = [...handled, row];
            nudge(); // there is room, and the next event of its key may come
          });
          running.add(handling);
        }
        if (rows.length === 0 && Date.now() - tidiedMs > tidyEveryMs) {
          tidiedMs = Date.now();
          await tidy().catch(report('old events can’t be cleared'));
        }
        if (rows.length < free || free === 0) await idle();
      }
      await Promise.all(running);
      if (handled.length > 0) await next(0).catch(report('that events were handled can’t be said; they come again'));
    }

    async function next(free: number): Promise<Row[]> {
      const said = handled;
      const rows = await claim(group, said, free);
      handled = handled.filter((row) => !said.includes(row));
      return rows;
    }

    function idle(): Promise<void> {
      if (woken || closing.signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(done, pollMs);
        function done(): void {
          clearTimeout(timer);
          resolve();
        }
        wake = done;
      });
    }

    /** Answers whether it was handled. */
    async function handle(row: Row): Promise<boolean> {
      if (row.attempts > (subscribing.attempts ?? defaultAttempts)) {
        await fail(row, new Error(neverEnded)).catch(report('a dead event can’t be put away; it comes again'));
        return false;
      }
      const late = AbortSignal.timeout(handleLimitMs);
      try {
        await Promise.race([subscribing.handle(row, AbortSignal.any([late, closing.signal])), rejected(late)]);
        return true;
      } catch (error) {
        const cutShort = closing.signal.aborted && !late.aborted;
        await (cutShort ? putBack(row) : fail(row, error)).catch(
          report('a failed event can’t be put back; it comes again when its time is over'),
        );
        return false;
      }
    }

    // What a close cuts short is no failure, and another may have it at once.
    async function putBack(row: Row): Promise<void> {
      await database.query(
        `UPDATE delivery SET due_time = now(), attempts = attempts - 1 WHERE group_name = $1 AND seq = $2 AND attempts = $3
         RETURNING pg_notify('event_bus', group_name)`,
        [group, row.seq, row.attempts],
      );
    }

    async function fail(row: Row, error: unknown): Promise<void> {
      const { attempts = defaultAttempts, retryMs = defaultRetryMs } = subscribing;
      const about = { group, topic: row.topic, eventId: row.id, attempts: row.attempts };
      if (row.attempts < attempts) {
        log.warn({ ...about, err: error }, 'an event failed; it will come again');
        const waitMs = Math.round(retryMs(row.attempts));
        await database.query(
          `UPDATE delivery SET due_time = now() + $4::int8 * interval '1 ms' WHERE group_name = $1 AND seq = $2 AND attempts = $3`,
          [group, row.seq, row.attempts, waitMs],
        );
        if (waitMs < pollMs) setTimeout(nudge, waitMs + clockStepMs).unref();
        return;
      }
      log.error({ ...about, err: error }, 'an event failed for the last time; it is a dead letter now');
      await database.query(
        `WITH gone AS (
           DELETE FROM delivery WHERE group_name = $1 AND seq = $2 AND attempts = $3 RETURNING group_name, seq, attempts
         )
         INSERT INTO dead_letter (group_name, id, topic, key, body, traceparent, time, attempts, error)
         SELECT group_name, id, topic, message.key, body, traceparent, time, attempts, $4 FROM gone JOIN message USING (seq)
         ON CONFLICT DO NOTHING`,
        [group, row.seq, row.attempts, errorText(error)],
      );
    }

    function report(text: string): (error: unknown) => never[] {
      return (error) => {
        log.warn({ group, err: error }, text);
        return [];
      };
    }

    const worker = work();
    const subscription = {
      async close(): Promise<void> {
        subscriptions.delete(subscription);
        closing.abort();
        nudge();
        await unlisten();
        await worker;
      },
    };
    subscriptions.add(subscription);
    return subscription;
  }

  async function tidy(): Promise<never[]> {
    await database.query(
      `DELETE FROM message WHERE seq = ANY (ARRAY(
         SELECT seq FROM message
         WHERE arrive_time < now() - $1 * interval '1 day' AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.seq = message.seq)
         ORDER BY arrive_time LIMIT $2))`,
      [keptDays, tidyBatch],
    );
    return [];
  }

  let closed: Promise<void> | undefined;
  return {
    publish,
    subscribe,
    ...deadEventsOf(database),
    close() {
      closed ??= (async () => {
        await Promise.all([...subscriptions].map((subscription) => subscription.close()));
        await database.close();
      })();
      return closed;
    },
  };
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`not handled within ${handleLimitMs / 1_000} s`)), {
      once: true,
    });
  });
}
