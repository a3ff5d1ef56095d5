import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { boardOf, scoresOf, soldAtLeast } from './best-seller.ts';

test('a sale counts for its product, in all of the shop and in each category above', () => {
  const places = new Map([['var_a', { productId: 'prd_a', categoryIds: ['cat_men', 'cat_shirts'] }]]);
  const items = [
    { variantId: 'var_a', quantity: 3 },
    { variantId: 'var_gone', quantity: 1 },
  ];
  expect(scoresOf(items, places)).toEqual(
    [boardOf(''), 'cat_men', 'cat_shirts'].map((board) => ({ board, member: 'prd_a', score: 3 })),
  );
});

test('what is told of a number of pieces is coarse, and never more than there were', () => {
  expect([0, 9, 10, 49, 50, 99, 100, 999, 1_000, 4_999, 5_000].map(soldAtLeast)).toEqual([
    0, 0, 10, 10, 50, 50, 100, 500, 1_000, 1_000, 5_000,
  ]);
  fc.assert(
    fc.property(fc.nat(2_000_000_000), (pieces) => {
      const told = soldAtLeast(pieces);
      expect(told).toBeLessThanOrEqual(pieces);
      expect(told * 5).toBeGreaterThanOrEqual(pieces < 10 ? 0 : pieces);
    }),
  );
});
