import { createLocks, type Leases, type Locks } from './lock.ts';
import type { Sql } from './statement.postgres.ts';

/** Locks in the service's own schema, by the database's clock. A row and not an advisory lock: that would need a connection for each. */
export function createPostgresLocks(sql: Sql): Locks {
  return createLocks(createPostgresLeases(sql));
}

// The token is at least the time, so that it goes on growing when the table was restored from an older copy, or another engine was
// used in between.
const nextToken = (before: string): string =>
  `greatest(${before} + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8)`;

export function createPostgresLeases(sql: Sql): Leases {
  return {
    async take(name, ttlMs) {
      const [taken] = await sql.query<{ token: bigint }>(
        `INSERT INTO lease (name, token, expire_time)
         VALUES ($1, ${nextToken('0')}, clock_timestamp() + $2 * interval '1 millisecond')
         ON CONFLICT (name) DO UPDATE
         SET token = ${nextToken('lease.token')}, expire_time = clock_timestamp() + $2 * interval '1 millisecond'
         WHERE lease.expire_time <= clock_timestamp()
         RETURNING token`,
        [name, ttlMs],
      );
      if (taken !== undefined) return taken;
      const [other] = await sql.query<{ left_ms: number }>(
        `SELECT greatest(0, extract(epoch FROM expire_time - clock_timestamp()) * 1000)::float8 AS left_ms
         FROM lease WHERE name = $1`,
        [name],
      );
      return { leftMs: other?.left_ms ?? 0 };
    },
    async renew(name, token, ttlMs) {
      const renewed = await sql.query(
        `UPDATE lease SET expire_time = clock_timestamp() + $3 * interval '1 millisecond'
         WHERE name = $1 AND token = $2 AND expire_time > clock_timestamp() RETURNING 1`,
        [name, token, ttlMs],
      );
      return renewed.length > 0;
    },
    async release(name, token, restMs) {
      await sql.query(
        `UPDATE lease SET expire_time = clock_timestamp() + $3 * interval '1 millisecond' WHERE name = $1 AND token = $2`,
        [name, token, restMs],
      );
    },
  };
}
