import { describe, expect, test } from '@jest/globals';
import type { Coupon } from './coupon.ts';
import { buyXGetY, coupon, fixed, freeShipping, line, percent, purchase } from './coupon.testing.ts';
import { leftOf, takeOff } from './take-off.ts';
import type { Purchase } from './purchase.ts';

function taken(changes: Partial<Coupon>, of: Partial<Purchase>) {
  const whole = purchase(of);
  const { lines, shipping } = takeOff(coupon(changes), whole, leftOf(whole));
  return { lines: lines.map(Number), shipping: Number(shipping) };
}

describe('a percentage', () => {
  test('is rounded once for the whole, and shared to the last paisa', () => {
    const lines = [line(333), line(333), line(335)];
    expect(taken({ discount: percent(1_000) }, { lines }).lines).toEqual([33, 33, 34]);
  });

  test('stops at its cap, which is shared by what the lines cost', () => {
    const lines = [line(10_000, 3), line(10_000)];
    expect(taken({ discount: percent(5_000, 1_001n) }, { lines }).lines).toEqual([751, 250]);
  });

  test('holds for the lines in scope alone', () => {
    const lines = [
      line(10_000, 1, { productId: 'prd_x' }),
      line(10_000, 1, { productId: 'prd_y', categoryIds: ['cat_1', 'cat_2'] }),
      line(10_000, 1, { productId: 'prd_z', vendorId: 'usr_w' }),
    ];
    expect(taken({ discount: percent(1_000), productIds: ['prd_x'] }, { lines }).lines).toEqual([1_000, 0, 0]);
    expect(taken({ discount: percent(1_000), categoryIds: ['cat_2'] }, { lines }).lines).toEqual([0, 1_000, 0]);
    const either = { productIds: ['prd_x'], categoryIds: ['cat_2'] };
    expect(taken({ discount: percent(1_000), ...either }, { lines }).lines).toEqual([1_000, 1_000, 0]);
    expect(taken({ discount: percent(1_000), vendorId: 'usr_w' }, { lines }).lines).toEqual([0, 0, 1_000]);
    expect(taken({ discount: percent(1_000), vendorId: 'usr_w', ...either }, { lines }).lines).toEqual([0, 0, 0]);
  });
});

describe('a fixed amount', () => {
  test('is shared by what the lines cost, the largest remainder first', () => {
    expect(taken({ discount: fixed(100) }, { lines: [line(100), line(100), line(100)] }).lines).toEqual([34, 33, 33]);
  });

  test('takes no more than there is', () => {
    expect(taken({ discount: fixed(10_000) }, { lines: [line(100), line(50, 2)] }).lines).toEqual([100, 100]);
  });
});

describe('free shipping', () => {
  test('takes off the shipping, up to its cap, and nothing else', () => {
    expect(taken({ discount: freeShipping() }, { shipping: 4_900n })).toEqual({ lines: [0], shipping: 4_900 });
    expect(taken({ discount: freeShipping(3_000n) }, { shipping: 4_900n })).toEqual({ lines: [0], shipping: 3_000 });
  });

  test('takes nothing while the shipping is not known', () => {
    expect(taken({ discount: freeShipping() }, { shipping: undefined })).toEqual({ lines: [0], shipping: 0 });
  });
});

describe('buy X get Y', () => {
  const lines = [line(500, 2), line(200, 3), line(300)];

  test('takes the cheapest pieces, whichever line they are in', () => {
    expect(taken({ discount: buyXGetY(2, 1) }, { lines }).lines).toEqual([0, 400, 0]);
    expect(taken({ discount: buyXGetY(1, 2) }, { lines }).lines).toEqual([0, 600, 300]);
  });

  test('counts full sets only, and no more of them than it says', () => {
    expect(taken({ discount: buyXGetY(3, 1) }, { lines }).lines).toEqual([0, 200, 0]);
    expect(taken({ discount: buyXGetY(4, 3) }, { lines }).lines).toEqual([0, 0, 0]);
    expect(taken({ discount: buyXGetY(1, 1, 10_000, 2) }, { lines }).lines).toEqual([0, 400, 0]);
  });

  test('may take a share of their price', () => {
    expect(taken({ discount: buyXGetY(1, 1, 3_333) }, { lines }).lines).toEqual([0, 200, 0]);
  });

  test('leaves pieces out of scope alone', () => {
    const mixed = [line(100, 2, { productId: 'prd_x' }), line(500, 2)];
    expect(taken({ discount: buyXGetY(1, 1), productIds: ['prd_a'] }, { lines: mixed }).lines).toEqual([0, 500]);
  });

  test('reckons a piece at what its line has left', () => {
    const whole = purchase({ lines: [line(1_000, 2)] });
    const second = takeOff(coupon({ discount: buyXGetY(1, 1) }), whole, { lines: [1_000n], shipping: 0n });
    expect(second.lines).toEqual([500n]);
  });
});
