import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OrderConfirmedSchema } from '#gen/only2u/order/v1/events_pb.ts';
import { UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { cartOf, contents, openCartShop, refusal, requestId, type CartShop } from './service.testing.ts';

let shop: CartShop;
beforeAll(async () => {
  shop = await openCartShop();
});
afterAll(() => shop.close());

const confirmed = (order: MessageInitShape<typeof OrderConfirmedSchema>) =>
  create(OrderConfirmedSchema, { orderId: 'ord_1', userId: 'usr_a', ...order });

test('what was bought goes, what was put in since stays, and the used codes go', async () => {
  const asha = shop.user('usr_asha');
  const [a, b, c] = [shop.offer(), shop.offer(), shop.offer()];
  for (const [variantId, quantity] of [
    [a, 2],
    [b, 1],
    [c, 4],
  ] as const) {
    await asha.addCartItem({ requestId: requestId(), variantId, quantity });
  }
  const { id: cartId, etag } = await cartOf(asha.applyCoupon({ requestId: requestId(), code: 'TEN' }));
  const items = [
    { variantId: a, quantity: 2 },
    { variantId: b, quantity: 5 },
    { variantId: c, quantity: 1 },
    { variantId: 'var_x', quantity: 1 },
  ];
  await shop.tell(OrderConfirmedSchema, confirmed({ cartId, items, couponCodes: ['TEN'] }));
  const cart = await cartOf(asha.getCart({}));
  expect(contents(cart)).toEqual({ [c]: 3 });
  expect(cart.coupons).toEqual([]);
  expect(cart.etag).not.toBe(etag);
});

test('a cart that was cleared and filled again before its order was confirmed keeps what is in it', async () => {
  const user = shop.user('usr_late');
  const [a, b] = [shop.offer(), shop.offer()];
  await user.addCartItem({ requestId: requestId(), variantId: a, quantity: 2 });
  await user.addCartItem({ requestId: requestId(), variantId: b, quantity: 2 });
  const { cartId, etag } = await shop.order('usr_late').getCartContents({});
  await user.clearCart({ requestId: requestId() });
  await user.addCartItem({ requestId: requestId(), variantId: a, quantity: 3 });
  const items = [a, b].map((variantId) => ({ variantId, quantity: 2 }));
  await shop.tell(OrderConfirmedSchema, confirmed({ cartId, cartEtag: etag, items }));
  expect(contents(await cartOf(user.getCart({})))).toEqual({ [a]: 3 });
});

test('a code that was applied again before its order was confirmed stays', async () => {
  const user = shop.user('usr_again');
  const variantId = shop.offer();
  const fill = async () => {
    await user.addCartItem({ requestId: requestId(), variantId, quantity: 1 });
    for (const code of ['TEN', 'SHIP']) await user.applyCoupon({ requestId: requestId(), code });
    return shop.order('usr_again').getCartContents({});
  };
  const first = await fill();
  await user.clearCart({ requestId: requestId() });
  const { cartId, etag } = await fill();
  const items = [{ variantId, quantity: 1 }];
  const order = { cartId, items, couponCodes: first.couponCodes };
  await shop.tell(OrderConfirmedSchema, confirmed({ ...order, cartEtag: first.etag }));
  const left = await shop.order('usr_again').getCartContents({});
  expect(left).toMatchObject({ etag, couponCodes: ['TEN', 'SHIP'], contents: items });
  await shop.tell(OrderConfirmedSchema, confirmed({ ...order, cartEtag: etag }));
  expect(await cartOf(user.getCart({}))).toMatchObject({ items: [], coupons: [] });
});

test('an item that was saved before it was kept since when it is there counts as there from the beginning', async () => {
  const user = shop.user('usr_before');
  const variantId = shop.offer();
  const { id: cartId } = await cartOf(user.addCartItem({ requestId: requestId(), variantId, quantity: 5 }));
  await shop.database.query(`UPDATE cart SET content = content #- '{items,0,since}' WHERE id = $1`, [cartId]);
  const items = [{ variantId, quantity: 2 }];
  await shop.tell(OrderConfirmedSchema, confirmed({ cartId, cartEtag: '1', items }));
  expect(contents(await cartOf(user.getCart({})))).toEqual({ [variantId]: 3 });
});

test('a code that was saved before it was kept since when it is there counts as there from the beginning', async () => {
  const user = shop.user('usr_code');
  const variantId = shop.offer();
  await user.addCartItem({ requestId: requestId(), variantId, quantity: 1 });
  const { id: cartId } = await cartOf(user.applyCoupon({ requestId: requestId(), code: 'TEN' }));
  await shop.database.query(
    `UPDATE cart SET content = jsonb_set(content, '{codes}', '["TEN", "SHIP"]') WHERE id = $1`,
    [cartId],
  );
  expect((await cartOf(user.getCart({}))).coupons).toMatchObject([{ code: 'TEN' }, { code: 'SHIP' }]);
  await shop.tell(OrderConfirmedSchema, confirmed({ cartId, cartEtag: '1', couponCodes: ['TEN'] }));
  expect((await cartOf(user.getCart({}))).coupons).toMatchObject([{ code: 'SHIP' }]);
});

test('an event that comes twice counts once', async () => {
  const user = shop.user('usr_twice');
  const variantId = shop.offer();
  const { id: cartId } = await cartOf(user.addCartItem({ requestId: requestId(), variantId, quantity: 5 }));
  const event = confirmed({ cartId, items: [{ variantId, quantity: 2 }] });
  await shop.tell(OrderConfirmedSchema, event, 'evt_twice');
  await shop.tell(OrderConfirmedSchema, event, 'evt_twice');
  expect(contents(await cartOf(user.getCart({})))).toEqual({ [variantId]: 3 });
});

test('an order from a cart that is gone changes nothing', async () => {
  await shop.tell(
    OrderConfirmedSchema,
    confirmed({ cartId: 'crt_gone', items: [{ variantId: 'var_a', quantity: 1 }] }),
  );
});

test('additions and orders at once lose nothing', async () => {
  const user = shop.user('usr_busy');
  const variantId = shop.offer({ maxQuantity: 1_000 });
  const { id: cartId } = await cartOf(user.addCartItem({ requestId: requestId(), variantId, quantity: 100 }));
  const event = confirmed({ cartId, items: [{ variantId, quantity: 3 }] });
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0
        ? shop.tell(OrderConfirmedSchema, event)
        : user.addCartItem({ requestId: requestId(), variantId, quantity: 1 }),
    ),
  );
  expect(contents(await cartOf(user.getCart({})))).toEqual({ [variantId]: 80 });
});

test('a deleted user leaves no cart and no trace of a request', async () => {
  const [user, other] = [shop.user('usr_leaving'), shop.user('usr_staying')];
  const variantId = shop.offer();
  const { id: cartId } = await cartOf(user.addCartItem({ requestId: requestId(), variantId, quantity: 1 }));
  await user.addCartItem({ requestId: requestId(), cartId, variantId, quantity: 1 });
  await other.addCartItem({ requestId: requestId(), variantId, quantity: 1 });
  await shop.tell(UserDeletedSchema, create(UserDeletedSchema, { userId: 'usr_leaving' }));
  expect(await cartOf(user.getCart({}))).toMatchObject({ id: '', items: [] });
  expect(await refusal(user.getCart({ cartId }))).toMatchObject({ reason: 'CART_NOT_FOUND' });
  const left = await shop.database.query('SELECT FROM request_ids WHERE actor IN ($1, $2)', ['usr_leaving', cartId]);
  expect(left).toEqual([]);
  expect(contents(await cartOf(other.getCart({})))).toEqual({ [variantId]: 1 });
});
