import type { Database, Sql } from '#platform/database.postgres.ts';
import type { Cart } from './cart.ts';
import { emptyContent, type StoredContent } from './content.ts';

/** A cart as PostgreSQL keeps it behind Redis. */
export type StoredCart = Pick<Cart, 'id' | 'userId' | 'version' | 'expireTime'> & {
  readonly content: StoredContent;
  /** It ended by a merge, a successor or its user's deletion, and doesn't come back. */
  readonly ended: boolean;
};

/** A cart to be written, with the events whose effect is in it. The content is JSON; "" of one that has ended. */
export type WrittenCart = Omit<StoredCart, 'content'> & {
  readonly content: string;
  readonly events: readonly string[];
};

type StoredRow = Omit<StoredCart, 'userId'> & { readonly userId: string | null };

const columns = `id, user_id AS "userId", content, version, expire_time AS "expireTime", ended`;
const nothing = JSON.stringify(emptyContent);

/** The rows that a cart may be restored from: its own, and its user's. "" for what isn't known. */
export async function findStored(sql: Sql, cartId: string, userId: string): Promise<StoredCart[]> {
  const rows = await sql.query<StoredRow>(`SELECT ${columns} FROM cart WHERE id = $1 OR user_id = $2`, [
    cartId,
    userId,
  ]);
  return rows.map((row) => ({ ...row, userId: row.userId ?? '' }));
}

/**
 * Writes many carts in a statement each for carts, rivals and events, in one transaction. A newer version that is there stays; of two carts of a user, which can only
 * come of a Redis that has lost something, the one that was changed last counts: its expiry is later.
 */
export async function writeCarts(database: Database, group: string, taken: readonly WrittenCart[]): Promise<void> {
  const carts = withoutRivals(taken);
  const running = carts.filter(({ ended, userId }) => !ended && userId !== '');
  const events = taken.flatMap((cart) => cart.events);
  await database.transaction(async (tx) => {
    if (running.length > 0) {
      await tx.query(
        `UPDATE cart SET user_id = NULL, content = $3::jsonb, ended = true
         FROM unnest($1::text[], $2::text[], $4::timestamptz[]) AS mine (id, user_id, expire_time)
         WHERE cart.user_id = mine.user_id AND cart.id <> mine.id
           AND (cart.expire_time, cart.id) < (mine.expire_time, mine.id)`,
        [
          running.map(({ id }) => id),
          running.map(({ userId }) => userId),
          nothing,
          running.map(({ expireTime }) => expireTime),
        ],
      );
    }
    await tx.query(
      `INSERT INTO cart (id, user_id, content, version, expire_time, ended)
       SELECT id, nullif(user_id, ''), content, version, expire_time, ended
       FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::float8[], $5::timestamptz[], $6::boolean[])
         AS taken (id, user_id, content, version, expire_time, ended)
       WHERE NOT EXISTS (
         SELECT FROM cart AS later
         WHERE later.user_id = taken.user_id AND later.id <> taken.id AND later.id <> ALL ($7::text[]))
       ORDER BY ended DESC, id
       ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, content = excluded.content, version = excluded.version,
         expire_time = excluded.expire_time, ended = excluded.ended
       WHERE (cart.version, cart.expire_time) < (excluded.version, excluded.expire_time)`,
      [
        carts.map(({ id }) => id),
        carts.map(({ userId, ended }) => (ended ? '' : userId)),
        carts.map(({ content, ended }) => (ended ? nothing : content)),
        carts.map(({ version }) => version),
        carts.map(({ expireTime }) => expireTime),
        carts.map(({ ended }) => ended),
        carts.filter(({ ended }) => ended).map(({ id }) => id),
      ],
    );
    if (events.length > 0) {
      await tx.query(
        `INSERT INTO inbox (group_name, event_id) SELECT DISTINCT $1::text, unnest($2::text[]) ON CONFLICT DO NOTHING`,
        [group, events],
      );
    }
  });
}

function withoutRivals(carts: readonly WrittenCart[]): WrittenCart[] {
  const latest = new Map<string, WrittenCart>();
  for (const cart of carts) {
    const rival = latest.get(cart.userId);
    if (!cart.ended && cart.userId !== '' && (rival === undefined || rival.expireTime < cart.expireTime)) {
      latest.set(cart.userId, cart);
    }
  }
  return carts.filter((cart) => cart.ended || cart.userId === '' || latest.get(cart.userId) === cart);
}

/** Ends these carts and all of the user's, and forgets what their requests were answered. */
export async function endCarts(tx: Sql, userId: string, cartIds: readonly string[], now: Date): Promise<void> {
  await tx.query(
    `WITH gone AS (
       UPDATE cart SET user_id = NULL, content = $3::jsonb, ended = true, version = greatest(version + 1, $4::float8),
         expire_time = greatest(expire_time, $5::timestamptz + interval '1 day')
       WHERE user_id = $1 OR id = ANY ($2) RETURNING id)
     DELETE FROM request_ids WHERE actor = $1 OR actor = ANY ($2) OR actor IN (SELECT id FROM gone)`,
    [userId, cartIds, nothing, now.getTime() * 1_000, now],
  );
}
