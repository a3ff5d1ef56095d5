import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { maxMinorUnits } from '#platform/money.ts';
import { addPieces, createCart, type Cart } from './cart.ts';
import type { Offer } from './offer.ts';
import { discountCart, priceCart } from './view.ts';

const now = new Date('2026-03-01T10:00:00Z');
const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });

function cartOf(...items: readonly { quantity: number; price: bigint }[]): Cart {
  const named = { productId: 'prd_1', title: 'Shirt', variantTitle: 'M' };
  return items.reduce(
    (cart: Cart, { quantity, price }, index) =>
      addPieces(cart, { variantId: `var_${index}`, quantity, seen: { unitPrice: inr(price), ...named } }),
    createCart('crt_1', '', now),
  );
}

const offer: Offer = {
  variantId: 'var_0',
  productId: 'prd_1',
  vendorId: 'usr_v',
  title: 'Shirt',
  variantTitle: 'M',
  handle: 'shirt',
  imageUrl: '',
  price: inr(100n),
  categoryIds: [],
  onSale: true,
  maxQuantity: 10,
};

const offered = (...changes: readonly Partial<Offer>[]) =>
  new Map(changes.map((change, index) => [`var_${index}`, { ...offer, ...change, variantId: `var_${index}` }]));
const one = cartOf({ quantity: 3, price: 100n });
const said = (change: Partial<Offer>) =>
  priceCart(one, offered(change)).lines[0]?.changes.map(({ message }) => message);

test('a cart as it was seen has nothing to say, and can be ordered', () => {
  const view = discountCart(priceCart(one, offered({})), { discounts: [], problems: [] });
  expect(view.lines[0]?.changes).toEqual([]);
  expect(view).toMatchObject({ subtotal: inr(300n), discount: inr(0n), total: inr(300n), readyForCheckout: true });
});

test('each thing that changed is said plainly', () => {
  expect(said({ price: inr(15_050n) })).toEqual(['The price rose from 1.00 to 150.50 INR.']);
  expect(said({ price: inr(99n) })).toEqual(['The price fell from 1.00 to 0.99 INR.']);
  expect(said({ maxQuantity: 2 })).toEqual(['Only 2 of 3 are left.']);
  expect(said({ maxQuantity: 0, price: inr(99n) })).toEqual([
    'The price fell from 1.00 to 0.99 INR.',
    'This is sold out.',
  ]);
  expect(said({ onSale: false })).toEqual(['This is no longer for sale.']);
  expect(said({ price: { minorUnits: 1n, currency: 'USD' } })).toEqual([
    'This is sold in USD now; take it out, and order it by itself.',
  ]);
});

test('what can’t be bought counts for nothing, and stands in the way', () => {
  const cart = cartOf({ quantity: 1, price: 100n }, { quantity: 3, price: 100n });
  for (const change of [{ onSale: false }, { maxQuantity: 2 }, { maxQuantity: 0 }]) {
    const view = discountCart(priceCart(cart, offered({}, change)), { discounts: [], problems: [] });
    expect(view).toMatchObject({ subtotal: inr(100n), readyForCheckout: false });
  }
  expect(priceCart(cart, new Map()).subtotal).toEqual(inr(0n));
});

test('an empty cart costs nothing and can’t be ordered', () => {
  const view = discountCart(priceCart(cartOf(), new Map()), { discounts: [], problems: [] });
  expect(view).toMatchObject({ subtotal: undefined, total: undefined, readyForCheckout: false });
});

test('discounts come off the sum', () => {
  const discounts = [
    { code: 'A', amounts: new Map([['var_0', 30n]]), freeShipping: false },
    { code: 'B', amounts: new Map([['var_0', 7n]]), freeShipping: false },
  ];
  expect(discountCart(priceCart(one, offered({})), { discounts, problems: [] })).toMatchObject({
    discount: inr(37n),
    total: inr(263n),
  });
});

test('no price, however absurd, makes a cart that can’t be looked at', () => {
  const item = fc.record({
    quantity: fc.integer({ min: 1, max: 1_000 }),
    price: fc.oneof(fc.bigInt({ min: 0n, max: maxMinorUnits }), fc.bigInt({ min: 0n, max: 100_000n })),
  });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 100 }), (items) => {
      const offers = offered(...items.map(({ price }) => ({ price: inr(price), maxQuantity: 1_000 })));
      const { lines, subtotal } = priceCart(cartOf(...items), offers);
      const sum = lines.reduce((total, line) => total + (line.buyable ? (line.subtotal?.minorUnits ?? 0n) : 0n), 0n);
      expect(subtotal?.minorUnits ?? 0n).toBe(sum);
      expect(sum <= maxMinorUnits).toBe(true);
      if (items.reduce((total, { quantity, price }) => total + BigInt(quantity) * price, 0n) <= maxMinorUnits) {
        expect(lines.every(({ buyable }) => buyable)).toBe(true);
      }
    }),
  );
});
