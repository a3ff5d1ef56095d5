import { create, type Message } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { restock, type Hold } from './inventory-order.ts';
import type { InventoryStore, InventoryTx } from './inventory-store.ts';
import { adjust, commit, release, reserve, type Reservation, type Wanted } from './inventory.ts';

export type NewVariant = {
  readonly onHand?: number;
  readonly tracked?: boolean;
  readonly backorderAllowed?: boolean;
};

/** A store with a published product of vendor usr_v, and what a test must see of it. */
export type InventoryUnderTest = {
  readonly store: InventoryStore;
  /** Adds a product and answers its variants' ids. */
  addProduct(...variants: NewVariant[]): Promise<string[]>;
  /** Deletes the product of a variant. */
  deleteProductOf(variantId: string): Promise<void>;
  /** What the ledger adds up to. */
  ledgerOf(variantId: string): Promise<number>;
  /** Whether the search shows the variant's product as in stock. */
  searchSays(variantId: string): Promise<boolean>;
  close(): Promise<void>;
};

// What the suites do with a store: its methods with the domain's rules around them, as the service uses both.

export const time = new Date('2026-05-01T10:00:00Z');
export const later = (seconds: number): Date => new Date(time.getTime() + seconds * 1_000);

let requests = 0;
let reservations = 0;

/** Asks the inventory inside of a transaction. */
export async function change<T>(store: InventoryStore, work: (tx: InventoryTx) => Promise<T>): Promise<T> {
  // The answer does not matter here: what `work` found out is handed over beside it.
  let found: { readonly value: T } | undefined;
  const request: Message = create(EmptySchema);
  const requestId = `request ${requests++}`;
  await store.change(
    { actor: 'usr_v', method: 'test', requestId, request, schema: EmptySchema, now: time },
    async (tx) => {
      found = { value: await work(tx) };
      return create(EmptySchema);
    },
  );
  if (found === undefined) throw new Error('the work was not done');
  return found.value;
}

/** A hold of 15 minutes under a request of its own, for no order. */
export function ask(items: readonly Wanted[], more: Partial<Hold> = {}): Hold {
  const id = `rsv_${String(reservations++).padStart(6, '0')}`;
  const from = { actor: 'workload order', requestId: `hold ${id}`, orderId: '' };
  return { id, ...from, items, expireTime: later(900), createTime: time, ...more };
}

export async function reserveIn(
  store: InventoryStore,
  items: readonly Wanted[],
  expireTime = later(900),
): Promise<Reservation> {
  const outcome = await store.hold(ask(items, { expireTime }));
  if (outcome.kind === 'held') return outcome.reservation;
  if (outcome.kind === 'refused') reserve(outcome.stocks, items);
  throw new Error('the store refused what the rule allows');
}

export async function end(
  store: InventoryStore,
  id: string,
  how: 'commit' | 'release',
  now = time,
): Promise<Reservation> {
  if (how === 'commit') {
    const before = await store.commit(id, now);
    if (before === undefined) throw new Error(`no reservation ${id}`);
    return commit(before, now);
  }
  return change(store, async (tx) => {
    const before = await tx.lockReservation(id);
    if (before === undefined) throw new Error(`no reservation ${id}`);
    const after = release(before);
    if (after !== before) await tx.release(before, { now, closing: false });
    return after;
  });
}

export function closeOrder(store: InventoryStore, orderId: string, now = time): Promise<void> {
  const id = `rsv_${String(reservations++).padStart(6, '0')}`;
  return change(store, async (tx) => {
    const before = await tx.lockOrder(orderId);
    if (before === undefined) return tx.closeOrder({ id, orderId, now });
    if (release(before) !== before) await tx.release(before, { now, closing: true });
  });
}

export function restockIn(store: InventoryStore, id: string, items: readonly Wanted[]): Promise<string[]> {
  return change(store, async (tx) => {
    const reservation = await tx.lockReservation(id);
    if (reservation === undefined) throw new Error(`no reservation ${id}`);
    restock(reservation, items);
    return tx.restock(reservation, items, time);
  });
}

export function move(store: InventoryStore, variantId: string, delta: number): Promise<void> {
  return change(store, async (tx) => {
    const [stock] = await tx.lockStocks([variantId]);
    if (stock === undefined) throw new Error(`no variant ${variantId}`);
    adjust(stock, delta);
    await tx.move({ variantId, delta, kind: 'adjusted', reference: 'r', reason: 'recount', actor: 'usr_v', time });
  });
}

/** What is on hand and what is reserved. */
export async function counts(store: InventoryStore, variantId: string): Promise<[number, number]> {
  const [stock] = await store.findStocks([variantId]);
  return [stock?.onHand ?? Number.NaN, stock?.reserved ?? Number.NaN];
}
