import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cartOf, contents, openCartShop, refusal, requestId, type CartShop } from './service.testing.ts';

let shop: CartShop;
beforeAll(async () => {
  shop = await openCartShop();
});
afterAll(() => shop.close());

async function fill(carts: ReturnType<CartShop['guest']>, pieces: Readonly<Record<string, number>>): Promise<string> {
  let cartId = '';
  for (const [variantId, quantity] of Object.entries(pieces)) {
    ({ id: cartId } = await cartOf(carts.addCartItem({ requestId: requestId(), cartId, variantId, quantity })));
  }
  return cartId;
}

test('a guest’s cart goes into the user’s own and ends', async () => {
  const [a, b, c] = [shop.offer(), shop.offer(), shop.offer()];
  const asha = shop.user('usr_asha');
  const own = await fill(asha, { [a]: 3, [b]: 1 });
  const guestCartId = await fill(shop.guest(), { [c]: 2, [b]: 5, [a]: 1 });
  await shop.guest().applyCoupon({ requestId: requestId(), cartId: guestCartId, code: 'TEN' });
  const { cart, leftOut } = await asha.mergeCart({ requestId: requestId(), guestCartId });
  expect(cart).toMatchObject({ id: own, userId: 'usr_asha', coupons: [{ code: 'TEN' }] });
  expect(cart?.items.map(({ variantId, quantity }) => [variantId, quantity])).toEqual([
    [a, 3],
    [b, 5],
    [c, 2],
  ]);
  expect(leftOut).toEqual([]);
  expect(await refusal(shop.guest().getCart({ cartId: guestCartId }))).toMatchObject({ reason: 'CART_NOT_FOUND' });
});

test('a user without a cart gets one with a new id', async () => {
  const a = shop.offer();
  const ravi = shop.user('usr_ravi');
  const guestCartId = await fill(shop.guest(), { [a]: 2 });
  const cart = await cartOf(ravi.mergeCart({ requestId: requestId(), guestCartId }));
  expect(cart.id).not.toBe(guestCartId);
  expect(contents(await cartOf(ravi.getCart({})))).toEqual({ [a]: 2 });
});

test('merging the same guest’s cart again is answered once more as a repetition, else not found', async () => {
  const [a, foreign] = [shop.offer(), shop.offer({ price: { minorUnits: 1n, currency: 'USD' } })];
  const user = shop.user('usr_twice');
  await fill(user, { [a]: 1 });
  const guestCartId = await fill(shop.guest(), { [foreign]: 2 });
  const request = { requestId: requestId(), guestCartId };
  const first = await user.mergeCart(request);
  expect(first.leftOut).toMatchObject([{ variantId: foreign, quantity: 2 }]);
  expect(await user.mergeCart(request)).toEqual(first);
  expect(await refusal(user.mergeCart({ ...request, requestId: requestId() }))).toMatchObject({
    reason: 'CART_NOT_FOUND',
  });
  expect(await refusal(user.mergeCart({ ...request, guestCartId: 'crt_other' }))).toMatchObject({
    reason: 'REQUEST_ID_REUSED',
  });
});

test('nobody merges a user’s cart, not even their own', async () => {
  const a = shop.offer();
  const user = shop.user('usr_own');
  const own = await fill(user, { [a]: 1 });
  for (const who of [user, shop.user('usr_thief')]) {
    expect(await refusal(who.mergeCart({ requestId: requestId(), guestCartId: own }))).toMatchObject({
      reason: 'CART_NOT_FOUND',
    });
  }
  expect(contents(await cartOf(user.getCart({})))).toEqual({ [a]: 1 });
});

test('a guest merges nothing', async () => {
  const merging = shop.guest().mergeCart({ requestId: requestId(), guestCartId: 'crt_1' });
  expect(await refusal(merging)).toMatchObject({ code: 'Unauthenticated' });
});

test('of users who merge the same guest’s cart at once exactly one gets it', async () => {
  const a = shop.offer();
  const guestCartId = await fill(shop.guest(), { [a]: 1 });
  const users = Array.from({ length: 8 }, (_, i) => shop.user(`usr_race${i}`));
  await Promise.allSettled(users.map((user) => user.mergeCart({ requestId: requestId(), guestCartId })));
  const carts = await Promise.all(users.map((user) => cartOf(user.getCart({}))));
  expect(carts.filter(({ items }) => items.length > 0)).toHaveLength(1);
});

test('what is added to a guest’s cart while it is merged is in the user’s cart or refused, never lost', async () => {
  for (let round = 0; round < 10; round++) {
    const [a, b] = [shop.offer(), shop.offer()];
    const user = shop.user(`usr_mid${round}`);
    const guestCartId = await fill(shop.guest(), { [a]: 1 });
    const [added] = await Promise.allSettled([
      shop.guest().addCartItem({ requestId: requestId(), cartId: guestCartId, variantId: b, quantity: 1 }),
      user.mergeCart({ requestId: requestId(), guestCartId }),
    ]);
    const merged = contents(await cartOf(user.getCart({})));
    expect(merged).toEqual(added.status === 'fulfilled' ? { [a]: 1, [b]: 1 } : { [a]: 1 });
  }
});
