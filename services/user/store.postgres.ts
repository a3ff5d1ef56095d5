import type { Database, Sql } from '#platform/database.postgres.ts';
import { publish } from '#platform/outbox.postgres.ts';
import { once } from '#platform/request-id.postgres.ts';
import { createAccountTable } from './accounts.postgres.ts';
import { createAddressTable } from './addresses.postgres.ts';
import { createAttemptTable } from './attempts.postgres.ts';
import { encodeEvent } from './events.postgres.ts';
import { createSessionTable } from './sessions.postgres.ts';
import { createSigningKeyTable } from './signing-keys.postgres.ts';
import type { Tables, UserStore } from './store.ts';

/** The user service's data in PostgreSQL. Closing it closes the database. */
export function createPostgresStore(database: Database): UserStore {
  return {
    ...createTables(database),
    change(work) {
      return database.transaction((sql) =>
        work({
          ...createTables(sql),
          once: (what, inner) => once(sql, what, inner),
          publish: (event) => publish(sql, encodeEvent(event)),
          async forgetReplays(actor, exceptRequestId) {
            await sql.query(`DELETE FROM request_ids WHERE actor = $1 AND request_id <> $2`, [actor, exceptRequestId]);
          },
        }),
      );
    },
    async sweep(now) {
      const before = (days: number): Date => new Date(now.getTime() - days * 86_400_000);
      // An ended session stays for two days, as long as the answers to repeated requests.
      await deleteInBatches(database, 'session', 'LEAST(end_time, expire_time) < $1', before(2));
      // A count melts away within a day.
      await deleteInBatches(database, 'attempt', 'last_time < $1', before(1));
    },
    close: () => database.close(),
  };
}

function createTables(sql: Sql): Tables {
  return {
    accounts: createAccountTable(sql),
    sessions: createSessionTable(sql),
    addresses: createAddressTable(sql),
    signingKeys: createSigningKeyTable(sql),
    attempts: createAttemptTable(sql),
  };
}

const batch = 1_000; // rows that a statement deletes in a few milliseconds: nobody waits long for their locks

async function deleteInBatches(sql: Sql, table: string, condition: string, time: Date): Promise<void> {
  let deleted: number;
  do {
    const rows = await sql.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM ${table} WHERE ${condition} LIMIT ${batch} FOR UPDATE SKIP LOCKED)) RETURNING 1`,
      [time],
    );
    deleted = rows.length;
  } while (deleted === batch);
}
