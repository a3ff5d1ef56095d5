import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AddCartItemRequestSchema } from '#gen/only2u/cart/v1/cart_pb.ts';
import { addCode, addPieces, clearCart, createCart, touch, type Cart } from './cart.ts';
import type { CartRequest, CartStore, SaveCart } from './store.ts';

const now = new Date('2026-03-01T10:00:00.123Z');
const after = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
const newId = (prefix: string): string => `${prefix}_${randomUUID()}`;
const seen = {
  unitPrice: { minorUnits: 8_999_999_999_999n, currency: 'INR' },
  productId: 'prd_1',
  title: 'Śärī',
  variantTitle: '',
};

/** What every store of carts does. */
export function testCartStore(open: () => Promise<{ readonly store: CartStore; close(): Promise<void> }>): void {
  let opened: Awaited<ReturnType<typeof open>>;
  let store: CartStore;
  beforeAll(async () => {
    opened = await open();
    ({ store } = opened);
  });
  afterAll(() => opened.close());

  const filled = (userId = '', more: Partial<Cart> = {}): Cart => {
    const cart = createCart(newId('crt'), userId, now);
    return { ...addCode(addPieces(cart, { variantId: 'var_1', quantity: 2, seen }), 'TEN'), ...more };
  };

  const asked = (more: Partial<CartRequest> & { quantity?: number } = {}): CartRequest => {
    const { quantity = 1, ...rest } = more;
    const request = create(AddCartItemRequestSchema, { variantId: 'var_1', quantity });
    return { actor: 'usr_a', method: 'test', requestId: randomUUID(), request, now, ...rest };
  };

  const save = (cart: Cart, from?: number, more: Partial<SaveCart> = {}) =>
    store.save({ cart, from, request: asked(), outcome: { cartId: cart.id, leftOut: [] }, ...more });

  async function saved(cart: Cart): Promise<Cart> {
    expect(await save(cart)).toBe('saved');
    return cart;
  }

  test('a cart comes back as it was saved, by its id and by its user', async () => {
    const [guests, users] = [await saved(filled()), await saved(filled(newId('usr')))];
    expect(await store.find(guests.id, now)).toEqual(guests);
    expect(await store.find(users.id, now)).toEqual(users);
    expect(await store.findOf(users.userId, now)).toEqual(users);
  });

  test('what there is not is not found', async () => {
    await saved(filled());
    expect(await store.find('crt_none', now)).toBeUndefined();
    expect(await store.findOf('usr_none', now)).toBeUndefined();
    expect(await store.findOf('', now)).toBeUndefined();
  });

  test('of many changes of one version exactly one is saved', async () => {
    const cart = await saved(filled());
    const changes = Array.from({ length: 20 }, (_, index) => addCode(cart, `C${index}`));
    const results = await Promise.all(changes.map((change) => save(change, cart.version)));
    expect(results.filter((result) => result === 'saved')).toHaveLength(1);
    expect(results.filter((result) => result === 'lost')).toHaveLength(19);
    expect(await store.find(cart.id, now)).toEqual(changes[results.indexOf('saved')]);
  });

  test('of many first carts of a user exactly one is saved', async () => {
    const userId = newId('usr');
    const results = await Promise.all(Array.from({ length: 10 }, () => save(filled(userId))));
    expect(results.filter((result) => result === 'saved')).toHaveLength(1);
  });

  test('a cart that is over is gone at once, and makes room for a new one', async () => {
    const [guests, users] = [await saved(filled()), await saved(filled(newId('usr')))];
    expect(await store.find(guests.id, after(6.9))).toEqual(guests);
    expect(await store.find(guests.id, guests.expireTime)).toBeUndefined();
    expect(await store.findOf(users.userId, users.expireTime)).toBeUndefined();
    const next = touch(filled(users.userId), users.expireTime);
    expect(await save(next, undefined, { request: asked({ now: users.expireTime }) })).toBe('saved');
    expect(await store.findOf(users.userId, users.expireTime)).toEqual(next);
    expect(await store.find(users.id, now)).toBeUndefined();
  });

  test('a request changes something once, and what came of it is known', async () => {
    const cart = await saved(filled());
    const request = asked();
    const outcome = { cartId: cart.id, leftOut: [{ variantId: 'var_9', quantity: 3 }] };
    expect(await store.outcomeOf(request)).toBeUndefined();
    const once = clearCart(cart);
    expect(await store.save({ cart: once, from: cart.version, request, outcome })).toBe('saved');
    const twice = addCode(once, 'TEN');
    expect(await store.save({ cart: twice, from: once.version, request, outcome })).toBe('answered');
    expect(await store.find(cart.id, now)).toEqual(once);
    expect(await store.outcomeOf(request)).toEqual(outcome);
  });

  test('a change that was lost is not remembered', async () => {
    const cart = await saved(filled());
    const request = asked();
    expect(await save(clearCart(cart), cart.version + 7, { request })).toBe('lost');
    expect(await store.outcomeOf(request)).toBeUndefined();
  });

  test('the same request of many at once adds one cart', async () => {
    const request = asked();
    const carts = Array.from({ length: 20 }, () => filled());
    const results = await Promise.all(carts.map((cart) => save(cart, undefined, { request })));
    expect(results.filter((result) => result === 'saved')).toHaveLength(1);
    expect(results.filter((result) => result === 'answered')).toHaveLength(19);
    const found = await Promise.all(carts.map(({ id }) => store.find(id, now)));
    expect(found.filter((cart) => cart !== undefined)).toHaveLength(1);
  });

  test('a reused request_id with other content is refused, and changes nothing', async () => {
    const request = asked();
    await save(filled(), undefined, { request });
    const other = { ...asked({ quantity: 2 }), requestId: request.requestId };
    expect(await save(filled(), undefined, { request: other })).toBe('answered');
    await expect(store.outcomeOf(other)).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' });
  });

  test('a request without an id is done each time', async () => {
    const request = asked({ requestId: '' });
    expect(await save(filled(), undefined, { request })).toBe('saved');
    expect(await save(filled(), undefined, { request })).toBe('saved');
  });

  test('a cart that ends with a change ends if and only if the change is saved', async () => {
    const [own, guests] = [await saved(filled(newId('usr'))), await saved(filled())];
    const request = asked();
    const change = clearCart(own);
    expect(await save(change, own.version + 1, { ends: guests, request })).toBe('lost');
    expect(await save(change, own.version, { ends: { ...guests, version: 1 }, request })).toBe('lost');
    expect(await store.find(guests.id, now)).toEqual(guests);
    expect(await store.find(own.id, now)).toEqual(own);
    expect(await save(change, own.version, { ends: guests, request })).toBe('saved');
    expect(await store.find(guests.id, now)).toBeUndefined();
    expect(await save(addCode(change, 'A'), change.version, { ends: guests, request })).toBe('lost');
    const another = await saved(filled());
    expect(await save(addCode(change, 'A'), change.version, { ends: another, request })).toBe('answered');
    expect(await store.find(another.id, now)).toEqual(another);
  });

  test('sweeping deletes what is over, so many at a time, and keeps what is not', async () => {
    while ((await store.sweep({ now: after(400), limit: 100 })) > 0);
    for (let i = 0; i < 5; i++) await saved(filled());
    const kept = await saved(filled(newId('usr')));
    expect(await store.sweep({ now: after(6.9), limit: 3 })).toBe(0);
    expect(await store.sweep({ now: after(7), limit: 3 })).toBe(3);
    expect(await store.sweep({ now: after(7), limit: 3 })).toBe(2);
    expect(await store.find(kept.id, after(7))).toEqual(kept);
  });
}
