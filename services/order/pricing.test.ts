import { expect, test } from '@jest/globals';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Quote } from '#gen/only2u/order/v1/order_pb.ts';
import { BadRequestSchema } from '#gen/google/rpc/error_details_pb.ts';
import { Fault, invalidField } from '#platform/fault.ts';
import { errorInfo } from '#platform/rpc/status.ts';
import { changesSince } from './quote-changes.ts';
import { asha, noSuch, openQuoting, type Peers, quotedAt, variant } from './pricing.testing.ts';

const rupees = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });
const held = (...contents: readonly (readonly [string, number])[]) => ({
  cartId: 'crt_1',
  contents: contents.map(([variantId, quantity]) => ({ variantId, quantity })),
});

async function quoteOf(peers: Partial<Peers>, shippingOption = ''): Promise<Quote> {
  const shop = await openQuoting(peers);
  try {
    const { quote } = await shop.client.quoteOrder({ addressId: 'adr_1', shippingOption });
    if (quote === undefined) throw new Error('no quote');
    return quote;
  } finally {
    await shop.close();
  }
}

async function refusalOf(peers: Partial<Peers>, shippingOption = '') {
  const error: unknown = await quoteOf(peers, shippingOption).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw new Error('was not refused');
  const fields = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  return { code: error.code, text: error.rawMessage, ...errorInfo(error), fields };
}

test('a shirt costs its price and the shipping, with the tax in both', async () => {
  const quote = await quoteOf({});
  expect(quote).toMatchObject({
    parts: [
      {
        vendorId: 'usr_vendor',
        lines: [
          {
            variantId: 'var_1',
            title: 'Linen shirt',
            quantity: 1,
            unitPrice: rupees(40_000n),
            subtotal: rupees(40_000n),
            discount: rupees(0n),
            total: rupees(40_000n),
            tax: {
              basisPoints: 500,
              taxable: rupees(38_095n),
              cgst: rupees(953n),
              sgst: rupees(952n),
              igst: rupees(0n),
            },
          },
        ],
        shipping: rupees(4_900n),
        shippingTax: { basisPoints: 500, taxable: rupees(4_667n), cgst: rupees(117n), sgst: rupees(116n) },
        total: rupees(44_900n),
      },
    ],
    totals: {
      subtotal: rupees(40_000n),
      shipping: rupees(4_900n),
      discount: rupees(0n),
      total: rupees(44_900n),
      tax: rupees(2_138n),
    },
    address: { recipient: 'Asha Rao', region: 'Karnataka' },
    shippingOption: 'standard',
  });
  expect(quote.shippingOptions.map(({ id, price }) => [id, price?.minorUnits])).toEqual([
    ['standard', 4_900n],
    ['express', 14_900n],
  ]);
});

test('to another state all tax is integrated', async () => {
  const address = () => ({ id: 'adr_1', lines: ['1 Mount Road'], region: 'tamil nadu', countryCode: 'IN' });
  const { parts } = await quoteOf({ address });
  expect(parts[0]?.lines[0]?.tax).toMatchObject({ cgst: rupees(0n), sgst: rupees(0n), igst: rupees(1_905n) });
});

test('what is not taxable bears no tax, nor does its shipping', async () => {
  const { totals } = await quoteOf({ variants: () => [variant('var_1', { taxable: false })] });
  expect(totals).toMatchObject({ total: rupees(44_900n), tax: rupees(0n) });
});

test('each vendor sends a part of its own, and shipping is taxed at the highest rate of what is in it', async () => {
  const { parts, totals } = await quoteOf({
    cart: () => held(['var_1', 1], ['var_2', 1], ['var_3', 2]),
    variants: () => [
      variant('var_1'),
      variant('var_2', { vendorId: 'usr_other', productType: 'Lamp', price: rupees(150_000n) }),
      variant('var_3', { productType: 'Charger', price: rupees(10_000n) }),
    ],
  });
  expect(parts.map(({ vendorId, lines }) => [vendorId, lines.map(({ variantId }) => variantId)])).toEqual([
    ['usr_vendor', ['var_1', 'var_3']],
    ['usr_other', ['var_2']],
  ]);
  expect(parts.map(({ shipping, shippingTax }) => [shipping?.minorUnits, shippingTax?.basisPoints])).toEqual([
    [4_900n, 1800],
    [0n, 1800],
  ]);
  expect(totals?.total).toEqual(expect.objectContaining(rupees(40_000n + 150_000n + 20_000n + 4_900n)));
});

const stacked: Partial<Peers> = {
  cart: () => ({ ...held(['var_1', 1], ['var_2', 1]), couponCodes: ['TEN', 'SHIPFREE'] }),
  variants: () => [variant('var_1'), variant('var_2', { vendorId: 'usr_other' })],
  coupons: () => ({
    discounts: [
      { code: 'TEN', amount: rupees(7_000n), lineAmounts: [rupees(4_000n), rupees(3_000n)] },
      {
        code: 'SHIPFREE',
        amount: rupees(9_801n),
        lineAmounts: [rupees(1n), rupees(1n)],
        shippingAmount: rupees(9_799n),
        freeShipping: true,
      },
    ],
  }),
};

test('discounts of all coupons come off each line and off each shipping, to the paisa', async () => {
  const { parts, totals, coupons } = await quoteOf(stacked);
  expect(parts.map(({ lines }) => lines[0]?.discount?.minorUnits)).toEqual([4_001n, 3_001n]);
  expect(parts.map(({ shippingDiscount }) => shippingDiscount?.minorUnits)).toEqual([4_900n, 4_899n]);
  expect(coupons.map(({ code, amount }) => [code, amount?.minorUnits])).toEqual([
    ['TEN', 7_000n],
    ['SHIPFREE', 9_801n],
  ]);
  expect(totals).toMatchObject({ discount: rupees(16_801n), total: rupees(80_000n + 9_800n - 16_801n) });
});

test('coupons are asked with the whole purchase, and so is their use later', async () => {
  const purchases: unknown[] = [];
  const coupons: Peers['coupons'] = (purchase) => {
    purchases.push(purchase);
    return { discounts: [] };
  };
  const cart = () => ({ ...held(['var_1', 2]), couponCodes: ['TEN'] });
  const shop = await openQuoting({ cart, coupons }, { firstOrder: true });
  await shop.client.quoteOrder({ addressId: 'adr_1' });
  const purchase = {
    lines: [
      {
        variantId: 'var_1',
        productId: 'prd_of_var_1',
        vendorId: 'usr_vendor',
        quantity: 2,
        unitPrice: rupees(40_000n),
      },
    ],
    shipping: rupees(4_900n),
    userId: 'usr_asha',
    firstOrder: true,
    codes: ['TEN'],
  };
  expect(purchases).toMatchObject([purchase]);
  expect(shop.last().purchase).toMatchObject(purchase);
  expect(shop.asked).toHaveLength(4);
  await shop.close();
});

test('a quote without coupons takes three calls, and the first two are made at once', async () => {
  const seen: string[] = [];
  let both: () => void = () => undefined;
  const met = new Promise<void>((resolve) => (both = resolve));
  const meet = async (name: string): Promise<void> => {
    if (seen.push(name) === 2) both();
    await met;
  };
  const shop = await openQuoting({
    address: async () => {
      await meet('address');
      return { id: 'adr_1', region: 'KA', countryCode: 'IN' };
    },
    cart: async () => {
      await meet('cart');
      return held(['var_1', 1]);
    },
  });
  await shop.client.quoteOrder({ addressId: 'adr_1' });
  expect([...shop.asked].sort()).toEqual(['address', 'cart', 'variants']);
  await shop.close();
});

test('what is sealed is what was priced', async () => {
  const shop = await openQuoting(stacked);
  const { quote } = await shop.client.quoteOrder({ addressId: 'adr_1' });
  const sealed = shop.tokens.open(quote?.quoteToken ?? '', asha.id, quotedAt);
  expect(sealed.total).toBe(quote?.totals?.total?.minorUnits);
  expect(changesSince(sealed, shop.last().quote)).toEqual([]);
  await shop.close();
});

test.each<[string, Partial<Peers>, Code, string, Record<string, string>]>([
  ['an empty cart', { cart: () => ({}) }, Code.FailedPrecondition, 'CART_EMPTY', {}],
  [
    'an address that the user has not',
    { address: () => Promise.reject(noSuch('ADDRESS_NOT_FOUND')) },
    Code.NotFound,
    'ADDRESS_NOT_FOUND',
    { address_id: 'adr_1' },
  ],
  [
    'an address id that nobody could read',
    { address: () => Promise.reject(invalidField('address_id', 'TEXT_INVALID', 'can’t be read.')) },
    Code.NotFound,
    'ADDRESS_NOT_FOUND',
    { address_id: 'adr_1' },
  ],
  [
    "another's cart",
    { cart: () => Promise.reject(noSuch('CART_NOT_FOUND')) },
    Code.NotFound,
    'CART_NOT_FOUND',
    { cart_id: '' },
  ],
  [
    'what is hidden now',
    { variants: () => [variant('var_1', { onSale: false })] },
    Code.FailedPrecondition,
    'ITEM_NOT_ON_SALE',
    { variant_id: 'var_1' },
  ],
  ['what is gone', { variants: () => [] }, Code.FailedPrecondition, 'ITEM_NOT_ON_SALE', { variant_id: 'var_1' }],
  [
    'more than there is',
    { cart: () => held(['var_1', 21]) },
    Code.FailedPrecondition,
    'INSUFFICIENT_STOCK',
    { variant_id: 'var_1', available: '20' },
  ],
  [
    'two currencies',
    {
      cart: () => held(['var_1', 1], ['var_2', 1]),
      variants: () => [variant('var_1'), variant('var_2', { price: { minorUnits: 1n, currency: 'USD' } })],
    },
    Code.FailedPrecondition,
    'CURRENCY_MISMATCH',
    { currency: 'INR', other_currency: 'USD' },
  ],
  [
    'another country',
    { address: () => ({ id: 'adr_1', region: 'Bayern', countryCode: 'DE' }) },
    Code.FailedPrecondition,
    'SHIPPING_NOT_AVAILABLE',
    {},
  ],
  [
    'a state that is none',
    { address: () => ({ id: 'adr_1', region: 'Bayern', countryCode: 'IN' }) },
    Code.FailedPrecondition,
    'ADDRESS_REGION_UNKNOWN',
    {},
  ],
  [
    'more money than the contract can say',
    {
      cart: () => held(['var_1', 2]),
      variants: () => [variant('var_1', { price: rupees(9_000_000_000_000n) })],
    },
    Code.OutOfRange,
    'AMOUNT_TOO_LARGE',
    {},
  ],
  [
    "a coupon that doesn't hold",
    {
      cart: () => ({ ...held(['var_1', 1]), couponCodes: ['OLD'] }),
      coupons: () => ({ problems: [{ code: 'OLD', reason: 'COUPON_ENDED', message: 'OLD ended yesterday.' }] }),
    },
    Code.FailedPrecondition,
    'COUPON_ENDED',
    { code: 'OLD' },
  ],
])('%s is refused', async (_, peers, code, reason, metadata) => {
  const refusal = await refusalOf(peers);
  expect(refusal).toMatchObject({ code, reason, metadata });
  expect(refusal.text).not.toContain('service inside');
});

test('a way of sending that is none is refused, with those that are', async () => {
  expect(await refusalOf({}, 'drone')).toMatchObject({
    reason: 'SHIPPING_NOT_AVAILABLE',
    metadata: { shipping_option: 'drone', shipping_options: 'standard, express' },
  });
});

test('everything that stands in the way is said at once', async () => {
  const refusal = await refusalOf({
    cart: () => held(['var_1', 21], ['var_2', 1], ['var_3', 1]),
    variants: () => [variant('var_1'), variant('var_3', { maxQuantity: 0 })],
  });
  expect(refusal.text).toBe(
    "Of “Linen shirt, M” only 20 can be bought now, not 21. Take fewer. 2 more of the cart can't be bought either.",
  );
  expect(refusal.fields.map(({ field, reason }) => [field, reason])).toEqual([
    ['cart.items.var_1', 'INSUFFICIENT_STOCK'],
    ['cart.items.var_2', 'ITEM_NOT_ON_SALE'],
    ['cart.items.var_3', 'INSUFFICIENT_STOCK'],
  ]);
});

test.each<[string, keyof Peers]>([
  ['addresses', 'address'],
  ['the cart', 'cart'],
  ['products', 'variants'],
])('that %s failed inside is not told to the customer', async (_, peer) => {
  const failing = async () => {
    throw new Fault('failed-precondition', 'SECRET_REASON', 'The user service says no.');
  };
  expect(await refusalOf({ [peer]: failing })).toMatchObject({
    code: Code.Internal,
    text: 'internal error',
    fields: [],
  });
});

test.each<[string, Partial<Peers>]>([
  ['for other lines', { coupons: () => ({ discounts: [{ code: 'TEN', lineAmounts: [] }] }) }],
  ['more than a line costs', { coupons: () => ({ discounts: [{ code: 'TEN', lineAmounts: [rupees(40_001n)] }] }) }],
  [
    'more than the shipping costs',
    { coupons: () => ({ discounts: [{ code: 'X', lineAmounts: [rupees(0n)], shippingAmount: rupees(4_901n) }] }) },
  ],
])('a discount %s is a bug, never a price', async (_, peers) => {
  const cart = () => ({ ...held(['var_1', 1]), couponCodes: ['TEN'] });
  expect(await refusalOf({ cart, ...peers })).toMatchObject({ code: Code.Internal });
});
