import { hash } from 'node:crypto';
import { Fault, requestIdReused } from '#platform/fault.ts';
import type { Database } from '#platform/database.postgres.ts';
import { fingerprintOf } from '#platform/request-id.postgres.ts';
import { findStored, type StoredCart } from './behind.postgres.ts';
import type { WriteBehind } from './behind.redis.ts';
import type { Cart } from './cart.ts';
import { encodeContent } from './content.ts';
import { isRedisAway, type Answer, type Keeper, type Saving } from './keeper.redis.ts';
import { findCart, findCartOf } from './rows.postgres.ts';
import type { CartRequest, CartStore, Outcome, SaveResult } from './store.ts';

export type RedisStoreOptions = {
  readonly keeper: Keeper;
  readonly database: Database;
  readonly behind: Pick<WriteBehind, 'wake' | 'drain'>;
  /** Deletes what is over in PostgreSQL; Redis forgets it by itself. */
  readonly sweep: CartStore['sweep'];
};

export type RedisStore = CartStore & {
  /** As `find`, but never from PostgreSQL alone. Throws unavailable while Redis is away. */
  findHere(id: string, now: Date): Promise<Cart | undefined>;
  /** Saves what an event has made of a cart, once for each event. */
  saveEvent(change: Pick<Saving, 'cart' | 'from' | 'now' | 'event'>): Promise<SaveResult>;
};

const keptMs = 48 * 3_600_000; // as long as PostgreSQL remembers requests
const looks = 5; // Redis is seldom another between two of them

/**
 * Carts in Redis, written to PostgreSQL behind it. A change is acknowledged when Redis has it. What Redis doesn't have, or had in a life before its last
 * restart, is held against PostgreSQL once, and the newer one stands. While Redis is away carts are read from PostgreSQL, up to the last that was written, and
 * changes are refused: two primaries would be worse than none.
 */
export function createRedisStore({ keeper, database, behind, sweep }: RedisStoreOptions): RedisStore {
  async function look(by: 'cart' | 'user', id: string, now: Date): Promise<Cart | undefined> {
    for (let count = 0; count < looks; count++) {
      const found = await keeper.find(by, id);
      const answer = found.kind === 'unknown' ? await restore(found, by, id, now) : found;
      if (answer.kind === 'known') return answer.cart.expireTime > now ? answer.cart : undefined;
      if (answer.kind === 'none') return undefined;
    }
    throw new Fault('aborted', 'CONCURRENT_CHANGE', 'Others change this cart at the same time; try again.');
  }

  async function restore(found: Unknown, by: 'cart' | 'user', id: string, now: Date): Promise<Answer> {
    const [cartId, userId] = by === 'cart' ? [id, ''] : [found.cartId, id];
    const rows = await findStored(database, cartId, userId);
    return keeper.restore({ life: found.life, userId, cartId, now }, latest(rows, now));
  }

  function orFromBehind<T>(here: Promise<T>, there: () => Promise<T>): Promise<T> {
    return here.catch((error: unknown) => {
      if (!isRedisAway(error)) throw error;
      return there();
    });
  }

  async function save(change: Saving): Promise<SaveResult> {
    for (let count = 0; count < looks; count++) {
      const result = await keeper.save(change);
      if (result === 'saved') behind.wake();
      if (result !== 'unknown') return result;
      await look('user', change.cart.userId, change.now);
    }
    return 'lost';
  }

  return {
    find: (id, now) => orFromBehind(look('cart', id, now), () => findCart(database, id, now)),
    findHere: (id, now) => look('cart', id, now),
    async findOf(userId, now) {
      if (userId === '') return undefined;
      return orFromBehind(look('user', userId, now), () => findCartOf(database, userId, now));
    },

    save({ cart, from, ends, request, outcome }) {
      const { actor, requestId, now } = request;
      const about = { actor, field: fieldOf(request), kept: encodeKept(request, outcome), keepMs: keptMs };
      const kept = requestId === '' ? undefined : about;
      return save({ cart, content: encodeContent(cart), from, ends, request: kept, event: '', now });
    },

    saveEvent({ cart, from, now, event }) {
      const request = { actor: cart.id, field: hashOf('event', event), kept: `${expiry(now)}.`, keepMs: keptMs };
      return save({ cart, content: encodeContent(cart), from, ends: undefined, request, event, now });
    },

    async outcomeOf(request) {
      const kept = await keeper.kept(request.actor, fieldOf(request));
      return kept === undefined ? undefined : decodeKept(kept, request);
    },

    async sweep(batch) {
      await behind.drain(); // what is over and not written yet would be written after it
      return sweep(batch);
    },
  };
}

type Unknown = Extract<Answer, { readonly kind: 'unknown' }>;

/** Of a user's row and that of the cart which Redis says is theirs, the one to restore: two differ only after Redis has lost something. */
function latest(rows: readonly StoredCart[], now: Date): StoredCart | undefined {
  const lasting = rows.filter(({ ended, expireTime }) => !ended && expireTime > now);
  const [first, second] = lasting;
  if (first === undefined || second === undefined) return first ?? rows.find(({ ended }) => ended);
  return first.expireTime >= second.expireTime ? first : second;
}

// Short, since there are more of them than carts: hashes of some fields with short values take a fourth of the memory.
function fieldOf({ method, requestId }: CartRequest): string {
  return hashOf(method, requestId);
}

function hashOf(...parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 22);
}

function expiry(now: Date): string {
  return Math.ceil((now.getTime() + keptMs) / 1_000).toString(36);
}

function encodeKept(request: CartRequest, { cartId, leftOut }: Outcome): string {
  const print = fingerprintOf(request.request).toString('base64url').slice(0, 22);
  const rest =
    leftOut.length === 0 ? '' : JSON.stringify(leftOut.map(({ variantId, quantity }) => [variantId, quantity]));
  return [expiry(request.now), print, cartId, rest].join('.');
}

function decodeKept(kept: string, request: CartRequest): Outcome | undefined {
  const [ends = '', print, cartId = '', ...rest] = kept.split('.');
  if (Number.parseInt(ends, 36) * 1_000 <= request.now.getTime()) return undefined;
  const asked = fingerprintOf(request.request).toString('base64url').slice(0, 22);
  if (print !== asked) throw requestIdReused(request.requestId);
  const leftOut = rest.join('.') === '' ? [] : (JSON.parse(rest.join('.')) as [string, number][]);
  return { cartId, leftOut: leftOut.map(([variantId, quantity]) => ({ variantId, quantity })) };
}
