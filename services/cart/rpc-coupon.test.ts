import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { cartOf, inr, openCartShop, refusal, requestId, type CartShop } from './service.testing.ts';

let shop: CartShop;
beforeAll(async () => {
  shop = await openCartShop();
});
afterAll(() => shop.close());
afterEach(() => {
  Object.assign(shop.away, { product: false, coupon: false });
});

async function begin(...variantIds: readonly string[]): Promise<string> {
  let cartId = '';
  for (const variantId of variantIds) {
    ({ id: cartId } = await cartOf(
      shop.guest().addCartItem({ requestId: requestId(), cartId, variantId, quantity: 2 }),
    ));
  }
  return cartId;
}
const apply = (cartId: string, code: string) => shop.guest().applyCoupon({ requestId: requestId(), cartId, code });
const look = (cartId: string) => cartOf(shop.guest().getCart({ cartId }));

test('a coupon’s discount is shown with the cart and with its items', async () => {
  const cartId = await begin(shop.offer(), shop.offer({ price: inr(500n) }));
  const cart = await cartOf(apply(cartId, 'ten'));
  expect(cart).toMatchObject({ subtotal: inr(21_000n), discount: inr(2_100n), total: inr(18_900n) });
  expect(cart.items.map(({ discount }) => discount)).toMatchObject([inr(2_000n), inr(100n)]);
  expect(cart.coupons).toMatchObject([{ code: 'TEN', discount: inr(2_100n), problemReason: '' }]);
  expect((await cartOf(apply(cartId, 'Ship'))).coupons).toMatchObject([
    { code: 'TEN' },
    { code: 'SHIP', freeShipping: true },
  ]);
  const without = await cartOf(shop.guest().removeCoupon({ requestId: requestId(), cartId, code: 'Ten' }));
  expect(without).toMatchObject({ discount: inr(0n), coupons: [{ code: 'SHIP' }] });
});

test('coupon is told what product said, of what can be bought alone', async () => {
  const [sold, over] = [shop.offer(), shop.offer()];
  const cartId = await begin(sold, over);
  shop.offer({ variantId: over, maxQuantity: 1 });
  shop.asked.purchases.length = 0;
  await apply(cartId, 'TEN');
  expect(shop.asked.purchases).toHaveLength(1);
  expect(shop.asked.purchases[0]).toMatchObject({
    lines: [
      { variantId: sold, vendorId: 'usr_vendor', categoryIds: ['cat_shirts'], quantity: 2, unitPrice: inr(10_000n) },
    ],
    codes: ['TEN'],
    userId: '',
  });
});

test('a coupon that gives nothing is refused for its own reason', async () => {
  const cartId = await begin(shop.offer());
  expect(await refusal(apply(cartId, 'none'))).toMatchObject({
    code: 'FailedPrecondition',
    reason: 'COUPON_NOT_FOUND',
  });
  expect(await refusal(apply(cartId, 'USERS'))).toMatchObject({
    reason: 'SIGN_IN_REQUIRED',
    metadata: { code: 'USERS' },
  });
  expect(await refusal(apply(cartId, 'TEN\u0000'))).toMatchObject({ reason: 'COUPON_NOT_FOUND' });
  expect((await look(cartId)).coupons).toEqual([]);
  const named = { requestId: requestId(), cartId, code: 'USERS' };
  expect((await cartOf(shop.user('usr_a').applyCoupon(named))).coupons).toMatchObject([
    { code: 'USERS', problemReason: '' },
  ]);
  expect((await look(cartId)).coupons).toMatchObject([{ code: 'USERS', problemReason: 'SIGN_IN_REQUIRED' }]);
});

test('a cart with nothing to buy takes no coupon', async () => {
  const variantId = shop.offer();
  const cartId = await begin(variantId);
  shop.offer({ variantId, onSale: false });
  expect(await refusal(apply(cartId, 'TEN'))).toMatchObject({ reason: 'NOTHING_TO_BUY' });
  expect(await refusal(shop.user('usr_none').applyCoupon({ requestId: requestId(), code: 'TEN' }))).toMatchObject({
    reason: 'NOTHING_TO_BUY',
  });
});

test('while coupon does not answer the cart is shown, and says so', async () => {
  const cartId = await begin(shop.offer());
  await apply(cartId, 'TEN');
  shop.away.coupon = true;
  expect(await look(cartId)).toMatchObject({
    total: inr(20_000n),
    coupons: [{ code: 'TEN', problemReason: 'COUPON_SERVICE_AWAY' }],
  });
  expect(await refusal(apply(cartId, 'SHIP'))).toMatchObject({
    code: 'Unavailable',
    reason: 'COUPON_SERVICE_AWAY',
    retries: true,
  });
  shop.away.coupon = false;
  expect(await look(cartId)).toMatchObject({ total: inr(18_000n), coupons: [{ problemReason: '' }] });
});

test('while product does not answer nothing is shown or changed, and the caller may come again', async () => {
  const variantId = shop.offer();
  const cartId = await begin(variantId);
  const before = await look(cartId);
  shop.away.product = true;
  const calls = [
    shop.guest().getCart({ cartId }),
    shop.guest().addCartItem({ requestId: requestId(), cartId, variantId, quantity: 1 }),
    shop.guest().updateCartItem({ requestId: requestId(), cartId, variantId, quantity: 1 }),
    shop.user('usr_merging').mergeCart({ requestId: requestId(), guestCartId: cartId }),
  ];
  for (const call of calls) {
    expect(await refusal(call)).toMatchObject({ code: 'Unavailable', reason: 'OFFERS_UNAVAILABLE', retries: true });
  }
  shop.away.product = false;
  expect(await look(cartId)).toEqual(before);
});

test('product is asked once for a whole cart, and coupon only for codes', async () => {
  const variantIds = [shop.offer(), shop.offer(), shop.offer()];
  const cartId = await begin(...variantIds);
  shop.asked.variants.length = 0;
  shop.asked.purchases.length = 0;
  await look(cartId);
  expect(shop.asked).toMatchObject({ variants: [variantIds], purchases: [] });
  const another = shop.offer();
  await shop.guest().addCartItem({ requestId: requestId(), cartId, variantId: another, quantity: 1 });
  expect(shop.asked.variants).toEqual([variantIds, [...variantIds, another]]);
});
