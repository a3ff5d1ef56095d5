import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { AddCartItemRequestSchema } from '#gen/only2u/cart/v1/cart_pb.ts';
import { addPieces, changed, createCart, type Cart } from './cart.ts';
import type { CartStore } from './store.ts';

const now = (): Date => new Date();
const request = create(AddCartItemRequestSchema);
const seen = { unitPrice: { minorUnits: 10_000n, currency: 'INR' }, productId: 'prd_1', title: '0', variantTitle: '' };

/** A cart in which one item's title counts its changes. Answers its id. */
export async function startCounting(store: CartStore): Promise<string> {
  const empty = createCart(`crt_${randomUUID()}`, '', now());
  const cart = addPieces(empty, { variantId: 'var_1', quantity: 1, seen });
  await save(store, cart, undefined);
  return cart.id;
}

export function countOf(cart: Cart | undefined): number {
  return Number(cart?.items[0]?.seen.title);
}

/** One change more. Answers it when it was acknowledged. */
export async function countUp(store: CartStore, id: string): Promise<{ count: number; version: number } | undefined> {
  const cart = await store.find(id, now());
  if (cart === undefined) return undefined;
  const count = countOf(cart) + 1;
  const items = cart.items.map((item) => ({ ...item, seen: { ...item.seen, title: String(count) } }));
  const next = changed(cart, { items });
  return (await save(store, next, cart.version)) === 'saved' ? { count, version: next.version } : undefined;
}

function save(store: CartStore, cart: Cart, from: number | undefined) {
  const about = { actor: cart.id, method: 'test', requestId: '', request, now: now() };
  return store.save({ cart, from, ends: undefined, request: about, outcome: { cartId: cart.id, leftOut: [] } });
}
