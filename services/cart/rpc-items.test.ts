import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cartOf, contents, dayMs, inr, openCartShop, refusal, requestId, type CartShop } from './service.testing.ts';

let shop: CartShop;
beforeAll(async () => {
  shop = await openCartShop();
});
afterAll(() => shop.close());

const add = (cartId: string, variantId: string, quantity = 1, carts = shop.guest()) =>
  carts.addCartItem({ requestId: requestId(), cartId, variantId, quantity });
const begin = (variantId: string, quantity = 1) => cartOf(add('', variantId, quantity));

test('a guest’s first addition makes a cart that only its id opens', async () => {
  const [shirt, scarf] = [shop.offer(), shop.offer({ productTitle: 'Scarf', variantTitle: '', price: inr(2_500n) })];
  const { id } = await begin(shirt, 2);
  const cart = await cartOf(add(id, scarf));
  expect(id).toMatch(/^crt_[0-9a-z]{26}$/);
  expect(cart).toMatchObject({
    id,
    userId: '',
    quantity: 3,
    subtotal: inr(22_500n),
    total: inr(22_500n),
    discount: inr(0n),
  });
  expect(cart.items).toMatchObject([
    {
      variantId: shirt,
      title: 'Linen shirt',
      unitPrice: inr(10_000n),
      subtotal: inr(20_000n),
      available: 10,
      changes: [],
    },
    { variantId: scarf, title: 'Scarf', unitPrice: inr(2_500n), quantity: 1 },
  ]);
  expect(cart.readyForCheckout).toBe(true);
  expect(await cartOf(shop.guest('203.0.113.9').getCart({ cartId: id }))).toEqual(cart);
});

test('a user has one cart, named or not, and it is empty at first', async () => {
  const asha = shop.user('usr_asha');
  const variantId = shop.offer();
  expect(await cartOf(asha.getCart({}))).toMatchObject({ id: '', userId: 'usr_asha', items: [], etag: '' });
  const { id } = await cartOf(add('', variantId, 1, asha));
  const cart = await cartOf(add(id, variantId, 2, asha));
  expect(contents(cart)).toEqual({ [variantId]: 3 });
  expect(await cartOf(asha.getCart({}))).toEqual(cart);
});

test('another user’s cart is as good as none, to read and to change', async () => {
  const ravi = shop.user('usr_ravi');
  const variantId = shop.offer();
  const { id: cartId } = await cartOf(add('', variantId, 1, shop.user('usr_owner')));
  for (const who of [ravi, shop.guest()]) {
    const unknown = await refusal(who.getCart({ cartId: 'crt_unknown' }));
    expect(unknown).toMatchObject({ code: 'NotFound', reason: 'CART_NOT_FOUND' });
    const tries = [
      who.getCart({ cartId }),
      add(cartId, variantId, 1, who),
      who.updateCartItem({ requestId: requestId(), cartId, variantId, quantity: 1 }),
      who.removeCartItem({ requestId: requestId(), cartId, variantId }),
      who.applyCoupon({ requestId: requestId(), cartId, code: 'TEN' }),
      who.removeCoupon({ requestId: requestId(), cartId, code: 'TEN' }),
      who.clearCart({ requestId: requestId(), cartId }),
    ];
    for (const one of tries) expect(await refusal(one)).toEqual({ ...unknown, metadata: { cart_id: cartId } });
  }
  expect(await refusal(ravi.mergeCart({ requestId: requestId(), guestCartId: cartId }))).toMatchObject({
    reason: 'CART_NOT_FOUND',
  });
  expect(await refusal(shop.order('usr_ravi').getCartContents({ cartId }))).toMatchObject({ reason: 'CART_NOT_FOUND' });
});

test('a guest’s cart works with a user’s token too', async () => {
  const variantId = shop.offer();
  const { id } = await begin(variantId);
  expect(contents(await cartOf(add(id, variantId, 1, shop.user('usr_in'))))).toEqual({ [variantId]: 2 });
});

test('a guest without a cart is told to name one or to sign in', async () => {
  expect(await refusal(shop.guest().getCart({}))).toMatchObject({ reason: 'CART_ID_REQUIRED', fields: ['cart_id'] });
  const clearing = shop.guest().clearCart({ requestId: requestId() });
  expect(await refusal(clearing)).toMatchObject({ code: 'InvalidArgument', reason: 'CART_ID_REQUIRED' });
});

test('what can’t be bought is refused with what there is', async () => {
  const [none, hidden, gone, few] = [
    'var_none',
    shop.offer({ onSale: false }),
    shop.offer({ maxQuantity: 0 }),
    shop.offer({ maxQuantity: 2 }),
  ];
  expect(await refusal(add('', 'var_\u0000'))).toMatchObject({ code: 'NotFound', reason: 'VARIANT_NOT_FOUND' });
  expect(await refusal(add('', none))).toMatchObject({ code: 'NotFound', reason: 'VARIANT_NOT_FOUND' });
  expect(await refusal(add('', hidden))).toMatchObject({ code: 'FailedPrecondition', reason: 'NOT_ON_SALE' });
  expect(await refusal(add('', gone))).toMatchObject({ reason: 'OUT_OF_STOCK', message: 'This is sold out.' });
  const { id } = await begin(few, 2);
  expect(await refusal(add(id, few))).toMatchObject({
    reason: 'OUT_OF_STOCK',
    metadata: { available: '2', quantity: '3' },
  });
});

test('no piece, less than none and too many are refused', async () => {
  const variantId = shop.offer({ maxQuantity: 1_000 });
  for (const quantity of [0, -1, 1_001, 2 ** 31 - 1]) {
    expect(await refusal(add('', variantId, quantity))).toMatchObject({
      code: 'InvalidArgument',
      fields: ['quantity'],
    });
  }
  const { id } = await begin(variantId, 1_000);
  expect(await refusal(add(id, variantId))).toMatchObject({ reason: 'QUANTITY_TOO_LARGE' });
});

test('a cart takes a hundred variants, of one currency', async () => {
  const foreign = shop.offer({ price: { minorUnits: 100n, currency: 'USD' } });
  const { id } = await begin(shop.offer());
  expect(await refusal(add(id, foreign))).toMatchObject({ reason: 'CURRENCY_MISMATCH', metadata: { currency: 'INR' } });
  for (let i = 1; i < 100; i++) await add(id, shop.offer());
  expect(await refusal(add(id, shop.offer()))).toMatchObject({ reason: 'CART_FULL', metadata: { max_items: '100' } });
  expect((await cartOf(shop.guest().getCart({ cartId: id }))).items).toHaveLength(100);
});

test('more than one order can be charged for is refused, and a price that rose beyond it can still be looked at', async () => {
  const variantId = shop.offer({ price: inr(9_000_000_000_000n) });
  const { id } = await begin(variantId);
  expect(await refusal(add(id, variantId))).toMatchObject({ code: 'OutOfRange', reason: 'AMOUNT_TOO_LARGE' });
  const rising = shop.offer({ price: inr(1n) });
  const cart = await begin(rising, 2);
  shop.offer({ variantId: rising, price: inr(9_000_000_000_000n) });
  expect(await cartOf(shop.guest().getCart({ cartId: cart.id }))).toMatchObject({
    subtotal: inr(0n),
    readyForCheckout: false,
  });
});

test('a number of pieces is set at the price of now, and the etag keeps others’ changes', async () => {
  const variantId = shop.offer();
  const cart = await begin(variantId, 2);
  shop.offer({ variantId, price: inr(12_000n) });
  const seen = await cartOf(shop.guest().getCart({ cartId: cart.id }));
  expect(seen.items).toMatchObject([
    {
      seenUnitPrice: inr(10_000n),
      unitPrice: inr(12_000n),
      changes: [{ message: 'The price rose from 100.00 to 120.00 INR.' }],
    },
  ]);
  const set = (quantity: number, etag = '', paths: string[] = []) =>
    shop
      .guest()
      .updateCartItem({ requestId: requestId(), cartId: cart.id, variantId, quantity, etag, updateMask: { paths } });
  const after = await cartOf(set(3, cart.etag, ['quantity']));
  expect(after.items).toMatchObject([{ quantity: 3, seenUnitPrice: inr(12_000n), changes: [] }]);
  expect(await refusal(set(4, cart.etag))).toMatchObject({
    code: 'Aborted',
    reason: 'ETAG_MISMATCH',
    metadata: { etag: after.etag },
  });
  expect(await refusal(set(4, '', ['variant_id']))).toMatchObject({ reason: 'PATH_UNKNOWN' });
  expect(contents(await cartOf(set(0)))).toEqual({});
  expect(await refusal(set(1))).toMatchObject({ code: 'NotFound', reason: 'CART_ITEM_NOT_FOUND' });
});

test('of what ran short less can be kept, not more', async () => {
  const variantId = shop.offer();
  const cart = await begin(variantId, 8);
  shop.offer({ variantId, maxQuantity: 3 });
  const set = (quantity: number) =>
    shop.guest().updateCartItem({ requestId: requestId(), cartId: cart.id, variantId, quantity });
  expect(await refusal(set(9))).toMatchObject({ reason: 'OUT_OF_STOCK' });
  expect((await cartOf(set(5))).items[0]?.changes).toMatchObject([{ message: 'Only 3 of 5 are left.' }]);
  expect((await cartOf(set(3))).readyForCheckout).toBe(true);
  shop.variants.delete(variantId);
  expect((await cartOf(set(2))).items).toMatchObject([
    { title: 'Linen shirt', changes: [{ message: 'This is no longer for sale.' }] },
  ]);
  expect(await refusal(set(3))).toMatchObject({ reason: 'VARIANT_NOT_FOUND' });
});

test('taking out and clearing leave a cart that goes on, and what is not there is out already', async () => {
  const [a, b] = [shop.offer(), shop.offer()];
  const { id: cartId } = await begin(a);
  await add(cartId, b);
  const remove = (variantId: string) =>
    cartOf(shop.guest().removeCartItem({ requestId: requestId(), cartId, variantId }));
  const after = await remove(a);
  expect(contents(after)).toEqual({ [b]: 1 });
  expect(await remove(a)).toMatchObject({ etag: after.etag });
  const empty = await cartOf(shop.guest().clearCart({ requestId: requestId(), cartId }));
  expect(empty).toMatchObject({ id: cartId, items: [], readyForCheckout: false });
  expect(contents(await cartOf(add(cartId, a)))).toEqual({ [a]: 1 });
});

test('checkout reads what is in the user’s cart', async () => {
  const asha = shop.user('usr_checkout');
  expect(await shop.order('usr_checkout').getCartContents({})).toMatchObject({ cartId: '', contents: [] });
  const variantId = shop.offer();
  const { id } = await cartOf(add('', variantId, 2, asha));
  const { etag } = await cartOf(asha.applyCoupon({ requestId: requestId(), code: 'ten' }));
  const read = await shop.order('usr_checkout').getCartContents({});
  expect(read).toMatchObject({ cartId: id, contents: [{ variantId, quantity: 2 }], couponCodes: ['TEN'], etag });
});

test('a cart that nobody touches is gone, a guest’s after a week and a user’s after a month', async () => {
  const variantId = shop.offer();
  const { id } = await begin(variantId);
  const asha = shop.user('usr_away');
  await add('', variantId, 1, asha);
  shop.wait(6 * dayMs);
  await add(id, variantId);
  shop.wait(6 * dayMs);
  expect(contents(await cartOf(shop.guest().getCart({ cartId: id })))).toEqual({ [variantId]: 2 });
  shop.wait(dayMs);
  expect(await refusal(shop.guest().getCart({ cartId: id }))).toMatchObject({ reason: 'CART_NOT_FOUND' });
  expect(await refusal(add(id, variantId))).toMatchObject({ reason: 'CART_NOT_FOUND' });
  expect((await cartOf(asha.getCart({}))).items).toHaveLength(1);
  shop.wait(17 * dayMs);
  expect((await cartOf(asha.getCart({}))).items).toEqual([]);
  expect(contents(await cartOf(add('', variantId, 3, asha)))).toEqual({ [variantId]: 3 });
});
