import { create } from '@bufbuild/protobuf';
import { MergeCartResponseSchema, type MergeCartResponse } from '#gen/only2u/cart/v1/cart_pb.ts';
import type { Database, Sql } from '#platform/database.postgres.ts';
import { AnsweredBefore, changeOnce, firstAnswer, type OnceOptions } from '#platform/request-id.postgres.ts';
import { findCart, findCartOf, insertion, removeCart, replacement } from './rows.postgres.ts';
import type { CartRequest, CartStore, Outcome, SaveCart, SaveResult } from './store.ts';

/** Carts in PostgreSQL, a row each. A change is one statement, its remembered request included. */
export function createPostgresStore(database: Database): CartStore {
  return {
    find: (id, now) => findCart(database, id, now),
    findOf: (userId, now) => findCartOf(database, userId, now),

    async save(change): Promise<SaveResult> {
      const { ends } = change;
      try {
        if (ends === undefined) return (await saveCart(database, change)) ? 'saved' : 'lost';
        return await database.transaction<SaveResult>(async (tx) => {
          if (!(await removeCart(tx, ends)) || !(await saveCart(tx, change))) throw new Lost();
          return 'saved';
        });
      } catch (error) {
        if (error instanceof Lost) return 'lost';
        if (error instanceof AnsweredBefore) return 'answered';
        throw error;
      }
    },

    async outcomeOf(request) {
      const answer = await firstAnswer(database, remembered(request));
      return answer && decodeOutcome(answer);
    },

    async sweep({ now, limit }) {
      const gone = await database.query(
        `DELETE FROM cart WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM cart WHERE expire_time <= $1 ORDER BY expire_time LIMIT $2 FOR UPDATE SKIP LOCKED))
         RETURNING 1`,
        [now, limit],
      );
      return gone.length;
    },
  };
}

/** Undoes what came before it in the transaction. */
class Lost extends Error {}

function saveCart(sql: Sql, { cart, from, request, outcome }: SaveCart): Promise<boolean> {
  const change = from === undefined ? insertion(cart, request.now) : replacement(cart, from);
  return changeOnce(sql, remembered(request), { ...change, answer: encodeOutcome(outcome) });
}

// One message holds what any of the methods has to remember.
function remembered(request: CartRequest): OnceOptions<typeof MergeCartResponseSchema> {
  return { ...request, schema: MergeCartResponseSchema };
}

function encodeOutcome({ cartId, leftOut }: Outcome): MergeCartResponse {
  const contents = leftOut.map(({ variantId, quantity }) => ({ variantId, quantity }));
  return create(MergeCartResponseSchema, { cart: { id: cartId }, leftOut: contents });
}

function decodeOutcome({ cart, leftOut }: MergeCartResponse): Outcome {
  return {
    cartId: cart?.id ?? '',
    leftOut: leftOut.map(({ variantId, quantity }) => ({ variantId, quantity })),
  };
}
