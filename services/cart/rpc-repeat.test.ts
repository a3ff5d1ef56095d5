import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cartOf, contents, openCartShop, refusal, requestId, type CartShop } from './service.testing.ts';

let shop: CartShop;
beforeAll(async () => {
  shop = await openCartShop();
});
afterAll(() => shop.close());

const cartsKept = async () => (await shop.database.query('SELECT FROM cart')).length;

test('of fifty additions to one cart at once none is lost', async () => {
  const variants = Array.from({ length: 5 }, () => shop.offer({ maxQuantity: 1_000 }));
  const { id: cartId } = await cartOf(
    shop.guest().addCartItem({ requestId: requestId(), variantId: shop.offer(), quantity: 1 }),
  );
  const all = Array.from({ length: 50 }, (_, i) => {
    const variantId = variants[i % 5] ?? '';
    return shop.guest().addCartItem({ requestId: requestId(), cartId, variantId, quantity: 1 });
  });
  await Promise.all(all);
  const cart = await cartOf(shop.guest().getCart({ cartId }));
  expect(variants.map((id) => contents(cart)[id])).toEqual([10, 10, 10, 10, 10]);
});

test('of fifty first additions of a user at once none is lost, and there is one cart', async () => {
  const variantId = shop.offer({ maxQuantity: 1_000 });
  const asha = shop.user('usr_asha');
  await Promise.all(
    Array.from({ length: 50 }, () => asha.addCartItem({ requestId: requestId(), variantId, quantity: 1 })),
  );
  expect(contents(await cartOf(asha.getCart({})))).toEqual({ [variantId]: 50 });
});

test('the same addition sent many times counts once', async () => {
  const variantId = shop.offer();
  const asha = shop.user('usr_repeat');
  const request = { requestId: requestId(), variantId, quantity: 2 };
  const answers = await Promise.all(Array.from({ length: 20 }, () => cartOf(asha.addCartItem(request))));
  expect(answers.map(contents)).toEqual(answers.map(() => ({ [variantId]: 2 })));
});

test('a guest’s same first addition sent many times makes one cart', async () => {
  const variantId = shop.offer();
  const before = await cartsKept();
  const request = { requestId: requestId(), variantId, quantity: 2 };
  const answers = await Promise.all(Array.from({ length: 20 }, () => cartOf(shop.guest().addCartItem(request))));
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
  expect(await cartsKept()).toBe(before + 1);
});

test('who guesses a guest’s request_id gets a cart of their own, not the guest’s', async () => {
  const variantId = shop.offer();
  const addAs = (id: string, address?: string) =>
    cartOf(shop.guest(address).addCartItem({ requestId: id, variantId, quantity: 1 }));
  for (const guessed of ['add-item-1', '00000000-0000-0000-0000-000000000001', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaa']) {
    const [guests, thiefs] = [await addAs(guessed), await addAs(guessed)];
    expect(thiefs.id).not.toBe(guests.id);
    expect(contents(thiefs)).toEqual({ [variantId]: 1 });
  }
  const seen = requestId();
  expect((await addAs(seen, '198.51.100.7')).id).not.toBe((await addAs(seen, '192.0.2.1')).id);
});

test('a repeated request is shown the cart as it stands now', async () => {
  const [a, b] = [shop.offer(), shop.offer()];
  const first = { requestId: requestId(), variantId: a, quantity: 1 };
  const { id: cartId } = await cartOf(shop.guest().addCartItem(first));
  const second = await cartOf(shop.guest().addCartItem({ requestId: requestId(), cartId, variantId: b, quantity: 1 }));
  expect(await cartOf(shop.guest().addCartItem(first))).toEqual(second);
});

test('a repetition is answered even where it could not be done any more', async () => {
  const variantId = shop.offer({ maxQuantity: 3 });
  const guest = shop.guest();
  const add = { requestId: requestId(), variantId, quantity: 3 };
  const cart = await cartOf(guest.addCartItem(add));
  const update = { requestId: requestId(), cartId: cart.id, variantId, quantity: 1, etag: cart.etag };
  await guest.updateCartItem(update);
  shop.offer({ variantId, maxQuantity: 0 });
  expect(contents(await cartOf(guest.updateCartItem(update)))).toEqual({ [variantId]: 1 });
  expect(contents(await cartOf(guest.addCartItem(add)))).toEqual({ [variantId]: 1 });
});

test('a late repetition undoes nothing that came after', async () => {
  const variantId = shop.offer();
  const guest = shop.guest();
  const { id: cartId } = await cartOf(guest.addCartItem({ requestId: requestId(), variantId, quantity: 1 }));
  const clear = { requestId: requestId(), cartId };
  await guest.clearCart(clear);
  const removeNothing = { requestId: requestId(), cartId, variantId };
  await guest.removeCartItem(removeNothing);
  await guest.addCartItem({ requestId: requestId(), cartId, variantId, quantity: 4 });
  expect(contents(await cartOf(guest.clearCart(clear)))).toEqual({ [variantId]: 4 });
  expect(contents(await cartOf(guest.removeCartItem(removeNothing)))).toEqual({ [variantId]: 4 });
});

test('a guest who signs in between two tries is not taken for two', async () => {
  const variantId = shop.offer();
  const { id: cartId } = await cartOf(shop.guest().addCartItem({ requestId: requestId(), variantId, quantity: 1 }));
  const again = { requestId: requestId(), cartId, variantId, quantity: 1 };
  await shop.guest().addCartItem(again);
  expect(contents(await cartOf(shop.user('usr_signed').addCartItem(again)))).toEqual({ [variantId]: 2 });
});

test('a reused request_id with other content is refused', async () => {
  const variantId = shop.offer();
  const reused = { code: 'AlreadyExists', reason: 'REQUEST_ID_REUSED' };
  const id = requestId();
  const { id: cartId } = await cartOf(shop.guest().addCartItem({ requestId: id, variantId, quantity: 1 }));
  expect(await refusal(shop.guest().addCartItem({ requestId: id, variantId, quantity: 2 }))).toMatchObject(reused);
  const clear = { requestId: id, cartId };
  await shop.guest().clearCart(clear); // of another method
  const set = { requestId: id, cartId, variantId, quantity: 1 };
  await shop.guest().addCartItem(set);
  expect(await refusal(shop.guest().addCartItem({ ...set, quantity: 2 }))).toMatchObject(reused);
});

test('who was refused may try again with the same request_id', async () => {
  const variantId = shop.offer({ maxQuantity: 0 });
  const request = { requestId: requestId(), variantId, quantity: 1 };
  expect(await refusal(shop.guest().addCartItem(request))).toMatchObject({ reason: 'OUT_OF_STOCK' });
  shop.offer({ variantId, maxQuantity: 1 });
  expect(contents(await cartOf(shop.guest().addCartItem(request)))).toEqual({ [variantId]: 1 });
});

test('a repeated request needs the cart’s own user', async () => {
  const variantId = shop.offer();
  const { id: cartId } = await cartOf(
    shop.user('usr_o').addCartItem({ requestId: requestId(), variantId, quantity: 1 }),
  );
  const request = { requestId: requestId(), cartId, variantId, quantity: 1 };
  await shop.user('usr_o').addCartItem(request);
  expect(await refusal(shop.user('usr_p').addCartItem(request))).toMatchObject({ reason: 'CART_NOT_FOUND' });
});
