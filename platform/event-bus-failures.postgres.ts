import type { Logger } from 'pino';
import type { PostgresTarget } from './connection.postgres.ts';
import { deadEventsOf } from './event-bus-dead.postgres.ts';
import type { DeadEvent, DeadEventId, EventBus } from './event-bus.ts';
import { migrate } from './migrate.postgres.ts';
import { openPool } from './pool.postgres.ts';

/** How often an event was begun, and when it is to be tried again. */
export type Attempts = { readonly count: number; readonly dueTime: Date };

/**
 * What groups failed at, for a bus on an engine that can't keep it: attempts that outlive a process, and dead events that are found one
 * by one, with what went wrong. It stands beside the bus in PostgreSQL, so that dead events stay where they are when a shop moves on.
 */
export type EventFailures = Pick<EventBus, 'deadEvents' | 'countDeadEvents' | 'deadEvent' | 'drop'> & {
  attempts(id: DeadEventId): Promise<Attempts | undefined>;
  keepAttempts(id: DeadEventId, attempts: Attempts): Promise<void>;
  forgetAttempts(id: DeadEventId): Promise<void>;
  /** Gives an event up. One that is there already, from a process that ended before it could say so to the engine, is kept once. */
  bury(event: Omit<DeadEvent, 'deadTime'>): Promise<void>;
  /** Forgets a dead event that is on its way again, unless it has died once more meanwhile. */
  replayed(letter: DeadEvent): Promise<void>;
  close(): Promise<void>;
};

/**
 * The part of a bus that is about dead events, for one that keeps them here. `tellAgain` hands one to its group's engine: first that, then it is forgotten
 * here, so whoever is killed in between leaves it in both, and the inbox knows a repeat.
 */
export function deadEventsBy(
  { deadEvents, countDeadEvents, deadEvent, drop, replayed }: EventFailures,
  tellAgain: (letter: DeadEvent) => Promise<void>,
): Pick<EventBus, 'deadEvents' | 'countDeadEvents' | 'deadEvent' | 'drop' | 'replay'> {
  return {
    ...{ deadEvents, countDeadEvents, deadEvent, drop },
    async replay(id) {
      const letter = await deadEvent(id);
      if (letter === undefined) return false;
      await tellAgain(letter);
      await replayed(letter);
      return true;
    },
  };
}

const forgottenDays = 14; // as the inbox forgets
const tidyBatch = 1_000;

export async function openEventFailures({
  log,
  ...target
}: PostgresTarget & { readonly log: Logger }): Promise<EventFailures> {
  await migrate({
    ...target,
    schema: 'event_bus',
    migrations: new URL('./event-bus-migrations/', import.meta.url),
    log,
  });
  const database = openPool({ ...target, schema: 'event_bus', connections: 2, log, plansOnce: true });
  const { deadEvents, countDeadEvents, deadEvent, drop } = deadEventsOf(database);
  return {
    ...{ deadEvents, countDeadEvents, deadEvent, drop },

    async attempts({ group, id }) {
      const [found] = await database.query<Attempts>(
        'SELECT count, due_time AS "dueTime" FROM attempt WHERE group_name = $1 AND id = $2',
        [group, id],
      );
      return found;
    },

    async keepAttempts({ group, id }, { count, dueTime }) {
      await database.query(
        `INSERT INTO attempt (group_name, id, count, due_time) VALUES ($1, $2, $3, $4)
         ON CONFLICT (group_name, id) DO UPDATE SET count = EXCLUDED.count, due_time = EXCLUDED.due_time`,
        [group, id, count, dueTime],
      );
    },

    async forgetAttempts({ group, id }) {
      await database.query('DELETE FROM attempt WHERE group_name = $1 AND id = $2', [group, id]);
    },

    async bury({ group, id, topic, key, body, traceparent, time, attempts, error }) {
      await database.query(
        `WITH gone AS (DELETE FROM attempt WHERE group_name = $1 AND id = $2), old AS (
           DELETE FROM attempt WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM attempt WHERE due_time < now() - $10 * interval '1 day' AND (group_name, id) <> ($1, $2)
             ORDER BY due_time LIMIT $11))
         )
         INSERT INTO dead_letter (group_name, id, topic, key, body, traceparent, time, attempts, error)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (group_name, id) DO UPDATE SET attempts = EXCLUDED.attempts, error = EXCLUDED.error, dead_time = now()`,
        [group, id, topic, key, Buffer.from(body), traceparent, time, attempts, error, forgottenDays, tidyBatch],
      );
    },

    async replayed({ group, id, deadTime }) {
      await database.query(
        `DELETE FROM dead_letter WHERE group_name = $1 AND id = $2 AND date_trunc('milliseconds', dead_time) = $3`,
        [group, id, deadTime],
      );
    },

    close: () => database.close(),
  };
}

/** Opens them when they are first needed: most processes never fail at an event. */
export function lazyEventFailures(open: () => Promise<EventFailures>): EventFailures {
  let opening: Promise<EventFailures> | undefined;
  function failures(): Promise<EventFailures> {
    const current = (opening ??= open());
    current.catch(() => {
      if (opening === current) opening = undefined; // the next one tries again
    });
    return current;
  }
  return {
    deadEvents: async (page) => (await failures()).deadEvents(page),
    countDeadEvents: async (service, limit) => (await failures()).countDeadEvents(service, limit),
    deadEvent: async (id) => (await failures()).deadEvent(id),
    drop: async (id) => (await failures()).drop(id),
    attempts: async (id) => (await failures()).attempts(id),
    keepAttempts: async (id, attempts) => (await failures()).keepAttempts(id, attempts),
    forgetAttempts: async (id) => (await failures()).forgetAttempts(id),
    bury: async (event) => (await failures()).bury(event),
    replayed: async (letter) => (await failures()).replayed(letter),
    close: async () => (await opening?.catch(() => undefined))?.close(),
  };
}
