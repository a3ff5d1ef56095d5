import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AddCartItemRequestSchema } from '#gen/only2u/cart/v1/cart_pb.ts';
import { OrderConfirmedSchema } from '#gen/only2u/order/v1/events_pb.ts';
import { UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import type { EventHandler } from '#platform/outbox.postgres.ts';
import { writeCarts } from './behind.postgres.ts';
import { addPieces, createCart, setPieces, type Cart } from './cart.ts';
import { encodeContent } from './content.ts';
import { createKeeper } from './keeper.redis.ts';
import type { RedisPrimary } from './primary.redis.ts';
import { openRedisCarts, until, type RedisCarts } from './redis.testing.ts';

let carts: RedisCarts;
let here: Awaited<ReturnType<RedisCarts['open']>>;
beforeAll(async () => {
  carts = await openRedisCarts();
  here = await carts.open();
});
afterAll(() => carts.close());

const now = (): Date => new Date();
const seen = { unitPrice: { minorUnits: 10_000n, currency: 'INR' }, productId: 'prd_1', title: 'A', variantTitle: '' };
const filled = (userId = '', quantity = 5): Cart =>
  addPieces(createCart(`crt_${randomUUID()}`, userId, now()), { variantId: 'var_1', quantity, seen });

function save(cart: Cart, from?: number, ends?: Cart, requestId = '') {
  const request = create(AddCartItemRequestSchema, { variantId: 'var_1', quantity: 1 });
  const about = { actor: cart.id, method: 'test', requestId, request, now: now() };
  return here.store.save({ cart, from, ends, request: about, outcome: { cartId: cart.id, leftOut: [] } });
}

async function saved(cart: Cart): Promise<Cart> {
  expect(await save(cart)).toBe('saved');
  return cart;
}

async function found(id: string): Promise<Cart> {
  const cart = await here.store.find(id, now());
  if (cart === undefined) throw new Error('a cart was expected');
  return cart;
}

const pieces = (cart: Cart | undefined): number => cart?.items[0]?.quantity ?? 0;
const rows = (id: string) =>
  carts.database.query<{ version: number; ended: boolean }>('SELECT version, ended FROM cart WHERE id = $1', [id]);

type Told = Readonly<Record<string, unknown>>;

async function tell(primary: Pick<RedisPrimary, 'handlers'>, schema: EventHandler['schema'], event: Told, id: string) {
  const handler = primary.handlers.find((one) => one.schema === schema);
  const about = { id, topic: schema.typeName, key: '', traceparent: '', time: now(), body: new Uint8Array() };
  const coming = { message: about, group: 'cart', database: carts.database, signal: new AbortController().signal };
  await handler?.handle(create(schema, event), coming);
}

test('what was saved is in PostgreSQL soon, and stays found when Redis is emptied, by its id and by its user', async () => {
  const cart = await saved(filled(`usr_${randomUUID()}`));
  await here.drain();
  await here.redis.client.flushall();
  const restored = await here.store.findOf(cart.userId, now());
  expect(restored).toMatchObject({ id: cart.id, items: cart.items });
  expect(await here.store.find(cart.id, now())).toEqual(restored);
  expect(await save(filled(cart.userId))).toBe('lost'); // they have one
});

test('who has no cart is known to have none, until they have', async () => {
  const userId = `usr_${randomUUID()}`;
  expect(await here.store.findOf(userId, now())).toBeUndefined();
  const cart = await saved(filled(userId));
  expect(await here.store.findOf(userId, now())).toEqual(cart);
  await here.drain();
  await here.redis.client.flushall();
  expect(await save(filled(userId))).toBe('lost');
  expect(await here.store.findOf(userId, now())).toMatchObject({ id: cart.id });
});

test('a version that was lost never comes back with other content', async () => {
  const cart = await saved(filled());
  await here.drain();
  const versions = new Set<number>();
  for (let loss = 0; loss < 5; loss++) {
    const before = await found(cart.id);
    const lost = setPieces(before, 'var_1', 10 + loss);
    versions.add(lost.version);
    // Not written behind: the script alone, without anybody waiting for it.
    await Promise.all([save(lost, before.version), here.redis.client.flushall()]);
    const after = await found(cart.id);
    const next = setPieces(after, 'var_1', 100 + loss);
    expect(versions.has(next.version)).toBe(false);
    versions.add(next.version);
  }
});

test('an older copy that is written late undoes nothing newer', async () => {
  const cart = await saved(filled());
  await here.drain();
  const next = setPieces(cart, 'var_1', 7);
  expect(await save(next, cart.version)).toBe('saved');
  await here.drain();
  const stale = { ...cart, content: '{"items":[],"codes":[]}', ended: false, events: [] };
  await writeCarts(carts.database, 'cart', [stale]);
  await here.redis.client.flushall();
  expect(pieces(await found(cart.id))).toBe(7);
});

test('a cart that ended does not come back, whatever is lost after it was written', async () => {
  const [own, guests] = [await saved(filled(`usr_${randomUUID()}`)), await saved(filled())];
  await here.drain();
  expect(await save(setPieces(own, 'var_1', 9), own.version, guests)).toBe('saved');
  expect(await here.store.find(guests.id, now())).toBeUndefined();
  await here.drain();
  expect(await rows(guests.id)).toMatchObject([{ ended: true }]);
  await here.redis.client.flushall();
  expect(await here.store.find(guests.id, now())).toBeUndefined();
  expect(pieces(await found(own.id))).toBe(9);
});

test('an order that is told twice takes out once, also when Redis was emptied in between', async () => {
  const cart = await saved(filled());
  const event = { cartId: cart.id, items: [{ variantId: 'var_1', quantity: 2 }] };
  const id = `evt_${randomUUID()}`;
  await Promise.all([1, 2, 3].map(() => tell(here, OrderConfirmedSchema, event, id)));
  expect(pieces(await found(cart.id))).toBe(3);
  await here.redis.client.flushall();
  await tell(here, OrderConfirmedSchema, event, id);
  expect(pieces(await found(cart.id))).toBe(3);
});

test('a deleted user leaves nothing in Redis or PostgreSQL, not even after a late write', async () => {
  const userId = `usr_${randomUUID()}`;
  const cart = filled(userId);
  expect(await save(cart, undefined, undefined, randomUUID())).toBe('saved');
  await tell(here, UserDeletedSchema, { userId }, `evt_${randomUUID()}`);
  await here.drain();
  expect(await here.store.findOf(userId, now())).toBeUndefined();
  expect(await here.store.find(cart.id, now())).toBeUndefined();
  expect(await carts.database.query('SELECT FROM cart WHERE user_id = $1', [userId])).toEqual([]);
  const keys = await here.redis.client.keys(`*q:${cart.id}`);
  expect(keys).toEqual([]);
  await here.redis.client.flushall();
  expect(await here.store.find(cart.id, now())).toBeUndefined();
});

test('while Redis is away carts are read from PostgreSQL, changes and events are refused, and all is there when it is back', async () => {
  const cart = await saved(filled());
  await here.drain();
  await carts.server.kill();
  const away = { kind: 'unavailable', reason: 'REDIS_UNAVAILABLE', retryAfterMs: 1_000 };
  expect(await here.store.find(cart.id, now())).toEqual(cart);
  await expect(save(setPieces(cart, 'var_1', 6), cart.version)).rejects.toMatchObject(away);
  const event = { cartId: cart.id, items: [{ variantId: 'var_1', quantity: 2 }] };
  const id = `evt_${randomUUID()}`;
  await expect(tell(here, OrderConfirmedSchema, event, id)).rejects.toMatchObject(away);
  await carts.server.start();
  await until(() => here.redis.state(true).check());
  expect(pieces(await found(cart.id))).toBe(5);
  await tell(here, OrderConfirmedSchema, event, id);
  expect(pieces(await found(cart.id))).toBe(3);
});

test('what a process that was killed has not written, another writes', async () => {
  const cart = filled();
  const dying = createKeeper(here.redis); // saves, and nobody is woken
  const about = { from: undefined, ends: undefined, request: undefined, event: '', now: now() };
  expect(await dying.save({ cart, content: encodeContent(cart), ...about })).toBe('saved');
  await until(async () => expect(await rows(cart.id)).toMatchObject([{ version: cart.version }]));
  await until(async () => (await dying.unwritten()).carts === 0);
});
