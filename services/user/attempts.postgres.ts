import type { Sql } from '#platform/database.postgres.ts';
import type { AttemptCounts } from './store.ts';

type AttemptRow = { key: Buffer; failures: number; last_time: Date; blocked_until: Date };

export function createAttemptTable(sql: Sql): AttemptCounts {
  return {
    async lock(keys) {
      // A row that isn't there can't be locked, so it is made, with a time that says so. In the order of the keys: two that
      // lock the same ones never wait for each other.
      const rows = await sql.query<AttemptRow>(
        `INSERT INTO attempt AS a (key, failures, last_time, blocked_until)
        SELECT key, 0, '-infinity', '-infinity' FROM unnest($1::bytea[]) AS key ORDER BY key
        ON CONFLICT (key) DO UPDATE SET key = a.key
        RETURNING key, failures, last_time, blocked_until`,
        [keys],
      );
      return keys.map((key) => {
        const row = rows.find((candidate) => candidate.key.equals(key));
        if (row === undefined || !Number.isFinite(Number(row.last_time))) return undefined;
        return { failures: row.failures, lastTime: row.last_time, blockedUntil: row.blocked_until };
      });
    },
    async save(counts) {
      await sql.query(
        `UPDATE attempt a SET failures = c.failures, last_time = c.last_time, blocked_until = c.blocked_until
        FROM unnest($1::bytea[], $2::float8[], $3::timestamptz[], $4::timestamptz[])
          AS c (key, failures, last_time, blocked_until)
        WHERE a.key = c.key`,
        [
          counts.map(({ key }) => key),
          counts.map(({ attempts }) => attempts.failures),
          counts.map(({ attempts }) => attempts.lastTime),
          counts.map(({ attempts }) => attempts.blockedUntil),
        ],
      );
    },
  };
}
