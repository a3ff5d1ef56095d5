import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addCode, addPieces, codesOf, createCart, findItem, maxCodes, maxItems, type Cart } from './cart.ts';
import { mergeCarts } from './merge.ts';

const now = new Date('2026-03-01T10:00:00Z');

function cartOf(
  userId: string,
  pieces: Readonly<Record<string, number>>,
  codes: readonly string[] = [],
  currency = 'INR',
) {
  const seen = { unitPrice: { minorUnits: 100n, currency }, productId: '', title: '', variantTitle: '' };
  let cart: Cart = createCart('crt_1', userId, now);
  for (const [variantId, quantity] of Object.entries(pieces)) cart = addPieces(cart, { variantId, quantity, seen });
  return codes.reduce(addCode, cart);
}

const counts = ({ items }: Pick<Cart, 'items'>) => items.map(({ variantId, quantity }) => [variantId, quantity]);

test('of what both have the larger number counts, and the user’s own comes first', () => {
  const own = cartOf('usr_a', { var_a: 3, var_b: 1 }, ['TEN']);
  const { cart, leftOut } = mergeCarts(own, cartOf('', { var_c: 2, var_b: 5, var_a: 1 }, ['TEN', 'SHIP']));
  expect(counts(cart)).toEqual([
    ['var_a', 3],
    ['var_b', 5],
    ['var_c', 2],
  ]);
  expect(cart).toMatchObject({ userId: 'usr_a', version: own.version + 1 });
  expect(codesOf(cart)).toEqual(['TEN', 'SHIP']);
  expect(leftOut).toEqual([]);
  expect(cart.items.map(({ since }) => since)).toEqual([2, 3, cart.version]);
  expect(cart.codes.map(({ since }) => since)).toEqual([4, cart.version]);
});

test('what is sold in another currency is left out', () => {
  const { cart, leftOut } = mergeCarts(cartOf('usr_a', { var_a: 1 }), cartOf('', { var_b: 2 }, [], 'USD'));
  expect(counts(cart)).toEqual([['var_a', 1]]);
  expect(leftOut).toEqual([{ variantId: 'var_b', quantity: 2 }]);
});

test('an empty cart takes all of the guest’s, in whatever currency', () => {
  const guest = cartOf('', { var_b: 2, var_a: 1 }, ['TEN'], 'USD');
  const { cart, leftOut } = mergeCarts(cartOf('usr_a', {}), guest);
  expect(cart.items).toEqual(guest.items.map((item) => ({ ...item, since: cart.version })));
  expect(leftOut).toEqual([]);
});

test('nothing is lost without being said, and nothing of the user’s own is', () => {
  const variantId = fc.integer({ min: 0, max: 149 }).map((index) => `var_${index}`);
  const pieces = fc.dictionary(variantId, fc.integer({ min: 1, max: 1_000 }), { maxKeys: maxItems, size: 'max' });
  const codes = fc.uniqueArray(fc.constantFrom('A', 'B', 'C', 'D', 'E', 'F', 'G'), { maxLength: maxCodes });
  fc.assert(
    fc.property(pieces, codes, pieces, codes, (mine, myCodes, theirs, theirCodes) => {
      const [own, guest] = [cartOf('usr_a', mine, myCodes), cartOf('', theirs, theirCodes)];
      const { cart, leftOut } = mergeCarts(own, guest);
      expect(cart.items.length).toBeLessThanOrEqual(maxItems);
      expect(cart.codes.length).toBeLessThanOrEqual(maxCodes);
      expect(cart.codes.slice(0, myCodes.length)).toEqual(own.codes);
      for (const { variantId: id, quantity } of [...own.items, ...guest.items]) {
        const left = leftOut.find((content) => content.variantId === id);
        const larger = Math.max(mine[id] ?? 0, theirs[id] ?? 0);
        if (left === undefined) expect(findItem(cart, id)?.quantity).toBe(larger);
        else expect([id in mine, left.quantity, findItem(cart, id)]).toEqual([false, quantity, undefined]);
      }
      if (leftOut.length > 0) expect(cart.items).toHaveLength(maxItems);
    }),
  );
});
