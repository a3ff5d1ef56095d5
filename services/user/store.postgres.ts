import type { Database, Sql } from '#platform/database.postgres.ts';
import { publish } from '#platform/outbox.postgres.ts';
import { forgetAnswers, once } from '#platform/request-id.postgres.ts';
import { createAccountTable } from './accounts.postgres.ts';
import { createAddressTable } from './addresses.postgres.ts';
import { createAttemptTable } from './attempts.postgres.ts';
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
          publish: (event) => publish(sql, event),
          async forgetReplays(actor, exceptRequestId) {
            await sql.query(`DELETE FROM request_ids WHERE actor = $1 AND request_id <> $2`, [actor, exceptRequestId]);
          },
        }),
      );
    },
    async sweep(now) {
      const before = (days: number): Date => new Date(now.getTime() - days * 86_400_000);
      // An ended session stays for two days, as long as the answers to repeated requests.
      await database.query(`DELETE FROM session WHERE LEAST(end_time, expire_time) < $1`, [before(2)]);
      // A count has melted away in a day, except that somebody is known there; the quiet of a season makes them a stranger.
      await database.query(`DELETE FROM attempt WHERE last_time < $1 AND (NOT known OR last_time < $2)`, [
        before(1),
        before(90),
      ]);
      await forgetAnswers(database, now);
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
