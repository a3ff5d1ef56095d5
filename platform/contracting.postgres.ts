import { applicationName } from './pool.postgres.ts';
import type { Sql } from './statement.postgres.ts';

/**
 * Which versions of a service are connected to its database, so that what an older one still reads is not taken away from it (expand and
 * contract, docs/migrations.md). Each process says what it knows in the name of its connections, one of which is always open.
 */

/** Whether a process is connected that knows less of the set than this migration. */
export async function olderConnected(sql: Sql, schema: string, set: string, number: number): Promise<boolean> {
  const names = await sql.query<{ application_name: string }>(
    `SELECT DISTINCT application_name FROM pg_stat_activity
     WHERE datname = current_database() AND (application_name = $1 OR starts_with(application_name, $1 || ' '))`,
    [applicationName(schema)],
  );
  return names.some(({ application_name }) => numberIn(application_name, set) < number);
}

// A version from before processes said so knows none.
function numberIn(name: string, set: string): number {
  return Number(new RegExp(` ${set}=(\\d+)`).exec(name)?.[1] ?? 0);
}

/**
 * Whether a migration takes away what versions that don't know it still use: its first line is "-- contract". It waits until none of
 * those is connected, and none of them starts afterwards.
 */
export function isContract(text: string): boolean {
  return /^-- contract\b/.test(text);
}
