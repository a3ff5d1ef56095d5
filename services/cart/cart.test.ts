import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addCode,
  addPieces,
  assertEtag,
  clearCart,
  codesOf,
  createCart,
  currencyOf,
  etagOf,
  findItem,
  maxCodes,
  maxItems,
  maxPieces,
  removeCode,
  removeItem,
  setPieces,
  takeOut,
  touch,
  type Cart,
} from './cart.ts';

const now = new Date('2026-03-01T10:00:00Z');
const empty = createCart('crt_1', '', now);
const seenIn = (currency: string) => ({
  unitPrice: { minorUnits: 100n, currency },
  productId: 'prd_1',
  title: 'Shirt',
  variantTitle: 'M',
});
const add = (cart: Cart, variantId: string, quantity: number, currency = 'INR'): Cart =>
  addPieces(cart, { variantId, quantity, seen: seenIn(currency) });
const counts = (cart: Cart) => cart.items.map(({ variantId, quantity }) => [variantId, quantity]);

test('what is there already becomes more, at its place', () => {
  const cart = add(add(add(empty, 'var_a', 1), 'var_b', 2), 'var_a', 3);
  expect(counts(cart)).toEqual([
    ['var_a', 4],
    ['var_b', 2],
  ]);
});

test('a full cart takes more of what it has, and nothing else', () => {
  let cart = empty;
  for (let i = 0; i < maxItems; i++) cart = add(cart, `var_${i}`, 1);
  expect(() => add(cart, 'var_more', 1)).toThrow(expect.objectContaining({ reason: 'CART_FULL' }));
  expect(findItem(add(cart, 'var_0', 1), 'var_0')?.quantity).toBe(2);
});

test('more than a thousand pieces of a variant are refused', () => {
  const cart = add(empty, 'var_a', maxPieces);
  expect(() => add(cart, 'var_a', 1)).toThrow(expect.objectContaining({ reason: 'QUANTITY_TOO_LARGE' }));
  expect(() => setPieces(cart, 'var_a', maxPieces + 1)).toThrow(/1000 of a variant at most/);
});

test('a second currency is refused until the cart is empty', () => {
  const cart = add(empty, 'var_a', 1);
  expect(() => add(cart, 'var_b', 1, 'USD')).toThrow(expect.objectContaining({ reason: 'CURRENCY_MISMATCH' }));
  expect(currencyOf(add(removeItem(cart, 'var_a'), 'var_b', 1, 'USD'))).toBe('USD');
});

test('only what is in the cart can be made more or less', () => {
  const cart = add(empty, 'var_a', 1);
  expect(counts(setPieces(cart, 'var_a', 7))).toEqual([['var_a', 7]]);
  expect(counts(setPieces(cart, 'var_a', 0))).toEqual([]);
  expect(() => setPieces(cart, 'var_b', 1)).toThrow(expect.objectContaining({ reason: 'CART_ITEM_NOT_FOUND' }));
});

test('codes count once, in capitals, five at most', () => {
  let cart = addCode(addCode(empty, 'ten'), 'TEN');
  expect(cart.codes).toEqual([{ code: 'TEN', since: 2 }]);
  for (let i = 1; i < maxCodes; i++) cart = addCode(cart, `c${i}`);
  expect(() => addCode(cart, 'one-more')).toThrow(expect.objectContaining({ reason: 'TOO_MANY_COUPONS' }));
  expect(codesOf(removeCode(cart, 'Ten'))).not.toContain('TEN');
});

test('a guest’s cart lasts a week, a user’s a month, from the last touch', () => {
  expect(empty.expireTime).toEqual(new Date('2026-03-08T10:00:00Z'));
  expect(createCart('crt_2', 'usr_a', now).expireTime).toEqual(new Date('2026-03-31T10:00:00Z'));
  expect(touch(empty, new Date('2026-03-02T10:00:00Z')).expireTime).toEqual(new Date('2026-03-09T10:00:00Z'));
});

test('an etag holds for what was seen', () => {
  const cart = add(empty, 'var_a', 1);
  assertEtag(cart, etagOf(cart));
  assertEtag(cart, '');
  expect(() => assertEtag(add(cart, 'var_a', 1), etagOf(cart))).toThrow(
    expect.objectContaining({ reason: 'ETAG_MISMATCH' }),
  );
});

test('a late order takes only from what has been in the cart since it was ordered', () => {
  const ordered = add(add(add(empty, 'var_a', 2), 'var_b', 2), 'var_c', 2);
  const bought = {
    items: ['var_a', 'var_b', 'var_c'].map((variantId) => ({ variantId, quantity: 2 })),
    codes: [],
    etag: etagOf(ordered),
  };
  const changes: readonly (readonly [string, (cart: Cart) => Cart, Readonly<Record<string, number>>])[] = [
    ['nothing', (cart) => cart, {}],
    ['more of it', (cart) => add(cart, 'var_a', 3), { var_a: 3 }],
    ['fewer of it', (cart) => setPieces(cart, 'var_a', 1), {}],
    ['another number', (cart) => setPieces(cart, 'var_b', 5), { var_b: 3 }],
    ['out and in again', (cart) => add(removeItem(cart, 'var_b'), 'var_b', 2), { var_b: 2 }],
    ['to none and in again', (cart) => add(setPieces(cart, 'var_b', 0), 'var_b', 1), { var_b: 1 }],
    ['cleared and filled', (cart) => add(add(clearCart(cart), 'var_a', 2), 'var_x', 1), { var_a: 2, var_x: 1 }],
    ['bought before', (cart) => add(takeOut(cart, { ...bought, etag: etagOf(cart) }), 'var_c', 2), { var_c: 2 }],
  ];
  for (const [what, change, left] of changes) {
    const after = takeOut(change(ordered), bought);
    expect([what, Object.fromEntries(counts(after))]).toEqual([what, left]);
  }
  expect(takeOut(clearCart(ordered), bought)).toEqual(clearCart(ordered));
  expect(counts(takeOut(add(clearCart(ordered), 'var_a', 2), { ...bought, etag: '' }))).toEqual([]);
});

test('a late order takes only the codes that have been in the cart since it was ordered', () => {
  const ordered = addCode(addCode(addCode(empty, 'TEN'), 'SHIP'), 'KEPT');
  const bought = { items: [], codes: ['ten', 'SHIP'], etag: etagOf(ordered) };
  const changes: readonly (readonly [string, (cart: Cart) => Cart, readonly string[]])[] = [
    ['nothing', (cart) => cart, ['KEPT']],
    ['applied while it is there', (cart) => addCode(cart, 'ten'), ['KEPT']],
    ['out and in again', (cart) => addCode(removeCode(cart, 'TEN'), 'TEN'), ['KEPT', 'TEN']],
    ['out', (cart) => removeCode(cart, 'TEN'), ['KEPT']],
    ['cleared and applied', (cart) => addCode(addCode(clearCart(cart), 'SHIP'), 'NEW'), ['SHIP', 'NEW']],
    ['bought before', (cart) => addCode(takeOut(cart, { ...bought, etag: etagOf(cart) }), 'TEN'), ['KEPT', 'TEN']],
  ];
  for (const [what, change, left] of changes) {
    expect([what, codesOf(takeOut(change(ordered), bought))]).toEqual([what, left]);
  }
  const again = addCode(clearCart(ordered), 'TEN');
  expect(takeOut(again, bought)).toBe(again);
  expect(takeOut(again, { ...bought, etag: '' }).codes).toEqual([]);
});

describe('whatever is done to a cart', () => {
  const variantId = fc.constantFrom('var_a', 'var_b', 'var_c', 'var_d');
  const code = fc.constantFrom('ten', 'TEN', 'ship', 'a', 'b', 'c', 'd', 'e');
  const quantity = fc.integer({ min: 1, max: 600 });
  const currency = fc.constantFrom('INR', 'INR', 'INR', 'USD');
  const step: fc.Arbitrary<(cart: Cart) => Cart> = fc.oneof(
    fc.tuple(variantId, quantity, currency).map(
      ([id, count, money]) =>
        (cart: Cart) =>
          add(cart, id, count, money),
    ),
    fc.tuple(variantId, fc.integer({ min: 0, max: 1_100 })).map(
      ([id, count]) =>
        (cart: Cart) =>
          setPieces(cart, id, count),
    ),
    variantId.map((id) => (cart: Cart) => removeItem(cart, id)),
    code.map((name) => (cart: Cart) => addCode(cart, name)),
    code.map((name) => (cart: Cart) => removeCode(cart, name)),
    fc.tuple(variantId, quantity, code).map(
      ([id, count, name]) =>
        (cart: Cart) =>
          takeOut(cart, { items: [{ variantId: id, quantity: count }], codes: [name], etag: '' }),
    ),
    fc.constant(clearCart),
  );

  const tryIt = (cart: Cart, change: (cart: Cart) => Cart): Cart => {
    try {
      return change(cart);
    } catch (error) {
      expect(error).toHaveProperty('reason');
      return cart;
    }
  };

  test('it stays within its limits, and its version tells every change', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let cart = empty;
        for (const change of steps) {
          const after = tryIt(cart, change);
          const same = JSON.stringify([counts(after), after.codes]) === JSON.stringify([counts(cart), cart.codes]);
          if (!same) expect(after.version).toBeGreaterThan(cart.version);
          cart = after;
          expect(new Set(cart.items.map((item) => item.variantId)).size).toBe(cart.items.length);
          expect(cart.items.every((item) => item.quantity >= 1 && item.quantity <= maxPieces)).toBe(true);
          expect(new Set(cart.items.map((item) => item.seen.unitPrice.currency)).size).toBeLessThanOrEqual(1);
          expect(new Set(codesOf(cart).map((name) => name.toUpperCase())).size).toBe(cart.codes.length);
          expect(cart.codes.length).toBeLessThanOrEqual(maxCodes);
        }
      }),
    );
  });

  test('an order takes out what it bought, never below zero, and leaves what came since', () => {
    const pieces = fc.dictionary(variantId, quantity);
    fc.assert(
      fc.property(pieces, pieces, (there, bought) => {
        const cart = Object.entries(there).reduce(
          (before, [id, count]) => add(before, id, count),
          addCode(empty, 'TEN'),
        );
        const items = Object.entries(bought).map(([id, count]) => ({ variantId: id, quantity: count }));
        const after = takeOut(cart, { items, codes: ['ten'], etag: etagOf(cart) });
        for (const id of Object.keys(there)) {
          expect(findItem(after, id)?.quantity ?? 0).toBe(Math.max(0, (there[id] ?? 0) - (bought[id] ?? 0)));
        }
        expect(after.codes).toEqual([]);
      }),
    );
  });

  test('a late order takes no more than what has been in the cart since it was ordered', () => {
    const steps = fc.array(step, { maxLength: 20 });
    fc.assert(
      fc.property(steps, steps, (before, since) => {
        const ordered = before.reduce(tryIt, empty);
        const items = ordered.items.map(({ variantId: id }) => ({ variantId: id, quantity: maxPieces }));
        const cart = since.reduce(tryIt, ordered);
        const after = takeOut(cart, { items, codes: codesOf(ordered), etag: etagOf(ordered) });
        const isNew = (kept: { readonly since: number }) => kept.since > ordered.version;
        expect(after.items).toEqual(cart.items.filter(isNew));
        expect(after.codes).toEqual(cart.codes.filter(isNew));
      }),
    );
  });
});
