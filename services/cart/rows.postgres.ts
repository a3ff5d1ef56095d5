import type { Sql } from '#platform/database.postgres.ts';
import type { Cart } from './cart.ts';
import { decodeContent, encodeContent, type StoredContent } from './content.ts';

type CartRow = Pick<Cart, 'id' | 'version' | 'expireTime'> & {
  readonly userId: string | null;
  readonly content: StoredContent;
};

/** A change of one row, for a statement of its own or a part of one. Returns a row when it took place. */
export type RowChange = { readonly text: string; readonly values: readonly unknown[] };

export async function findCart(sql: Sql, id: string, now: Date): Promise<Cart | undefined> {
  const [row] = await sql.query<CartRow>(
    `SELECT id, user_id AS "userId", content, version, expire_time AS "expireTime"
     FROM cart WHERE id = $1 AND expire_time > $2 AND NOT ended`,
    [id, now],
  );
  return row && decode(row);
}

export async function findCartOf(sql: Sql, userId: string, now: Date): Promise<Cart | undefined> {
  const [row] = await sql.query<CartRow>(
    `SELECT id, user_id AS "userId", content, version, expire_time AS "expireTime"
     FROM cart WHERE user_id = $1 AND expire_time > $2 AND NOT ended`,
    [userId, now],
  );
  return row && decode(row);
}

/** Adds a cart; in the place of the user's own only when that is over. */
export function insertion(cart: Cart, now: Date): RowChange {
  return {
    text: `INSERT INTO cart (id, user_id, content, version, expire_time) VALUES ($1, $2, $3::jsonb, $4, $5)
      ON CONFLICT (user_id) WHERE user_id IS NOT NULL DO UPDATE
        SET id = excluded.id, content = excluded.content, version = excluded.version, expire_time = excluded.expire_time
        WHERE cart.expire_time <= $6
      RETURNING 1`,
    values: [
      cart.id,
      cart.userId === '' ? null : cart.userId,
      JSON.stringify(encodeContent(cart)),
      cart.version,
      cart.expireTime,
      now,
    ],
  };
}

/** Puts a cart in the place of the version that it was made from. */
export function replacement(cart: Cart, from: number): RowChange {
  return {
    text: `UPDATE cart SET content = $3::jsonb, version = $4, expire_time = $5 WHERE id = $1 AND version = $2 RETURNING 1`,
    values: [cart.id, from, JSON.stringify(encodeContent(cart)), cart.version, cart.expireTime],
  };
}

export async function removeCart(sql: Sql, { id, version }: Pick<Cart, 'id' | 'version'>): Promise<boolean> {
  const gone = await sql.query('DELETE FROM cart WHERE id = $1 AND version = $2 RETURNING 1', [id, version]);
  return gone.length > 0;
}

/** Forgets all of a user: the cart, and what its requests were answered. */
export async function removeUser(tx: Sql, userId: string): Promise<void> {
  await tx.query(
    `WITH gone AS (DELETE FROM cart WHERE user_id = $1 RETURNING id)
     DELETE FROM request_ids WHERE actor = $1 OR actor IN (SELECT id FROM gone)`,
    [userId],
  );
}

function decode({ id, userId, content, version, expireTime }: CartRow): Cart {
  return { id, userId: userId ?? '', ...decodeContent(content), version, expireTime };
}
