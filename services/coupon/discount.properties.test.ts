import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { allocate } from '#platform/money.ts';
import type { Coupon } from './coupon.ts';
import { buyXGetY, coupon, fixed, freeShipping, inr, percent, purchase, time } from './coupon.testing.ts';
import { discountTotal, reckon, type Reckoning } from './discount.ts';
import { lineSubtotal, sum, type Purchase } from './purchase.ts';
import type { Discount } from './terms.ts';

const cap = fc.option(fc.bigInt({ min: 1n, max: 50_000n }), { nil: undefined });
const basisPoints = fc.integer({ min: 1, max: 10_000 });
const few = fc.integer({ min: 1, max: 4 });

const discounts: fc.Arbitrary<Discount> = fc.oneof(
  fc.tuple(basisPoints, cap).map(([points, most]) => percent(points, most)),
  fc.bigInt({ min: 1n, max: 50_000n }).map(fixed),
  cap.map(freeShipping),
  fc.tuple(few, few, basisPoints, fc.nat(3)).map((given) => buyXGetY(...given)),
);

const coupons: fc.Arbitrary<readonly Coupon[]> = fc
  .array(
    fc.record({
      discount: discounts,
      stackable: fc.boolean(),
      vendorId: fc.constantFrom('', '', 'usr_v'),
      productIds: fc.constantFrom([], [], ['prd_1'], ['prd_0', 'prd_2']),
      minimumSubtotal: fc.option(fc.bigInt({ min: 1n, max: 20_000n }).map(inr), { nil: undefined }),
      budget: fc.option(fc.bigInt({ min: 1n, max: 100_000n }).map(inr), { nil: undefined }),
    }),
    { maxLength: 5 },
  )
  .map((all) => all.map((each) => coupon(each)));

const lines = fc.array(
  fc.record({
    productId: fc.constantFrom('prd_0', 'prd_1', 'prd_2'),
    vendorId: fc.constantFrom('usr_v', 'usr_w'),
    categoryIds: fc.constant<string[]>([]),
    quantity: fc.integer({ min: 1, max: 12 }),
    unitPrice: fc.oneof(fc.bigInt({ min: 0n, max: 20n }), fc.bigInt({ min: 0n, max: 1_000_000n })),
  }),
  { minLength: 1, maxLength: 8 },
);

const shipping = fc.option(fc.bigInt({ min: 0n, max: 20_000n }), { nil: undefined });

const cases = fc.record({ all: coupons, lines, shipping }).map(({ all, ...rest }) => {
  return { all, of: purchase({ ...rest, codes: all.map(({ code }) => code) }) };
});

function quote(all: readonly Coupon[], of: Purchase): Reckoning {
  return reckon(
    all.map((each) => ({ coupon: each, usesByUser: 0, firstOrderTaken: false })),
    of,
    time,
  );
}

test('what a code takes off is the sum of what it takes off each line and the shipping', () => {
  fc.assert(
    fc.property(cases, ({ all, of }) => {
      for (const { amount, lineAmounts, shippingAmount } of quote(all, of).discounts) {
        expect(lineAmounts).toHaveLength(of.lines.length);
        expect(sum(lineAmounts) + shippingAmount).toBe(amount);
      }
    }),
  );
});

test('nothing falls below zero: no line, no shipping, no single discount', () => {
  fc.assert(
    fc.property(cases, ({ all, of }) => {
      const found = quote(all, of).discounts;
      of.lines.forEach((line, index) => {
        const off = found.map(({ lineAmounts }) => lineAmounts[index] ?? -1n);
        expect(off.every((amount) => amount >= 0n)).toBe(true);
        expect(sum(off)).toBeLessThanOrEqual(lineSubtotal(line));
      });
      const ship = found.map(({ shippingAmount }) => shippingAmount);
      expect(ship.every((amount) => amount >= 0n)).toBe(true);
      expect(sum(ship)).toBeLessThanOrEqual(of.shipping ?? 0n);
    }),
  );
});

test('caps, fixed amounts and budgets are kept', () => {
  fc.assert(
    fc.property(cases, ({ all, of }) => {
      for (const { couponId, amount } of quote(all, of).discounts) {
        const used = all.find(({ id }) => id === couponId);
        const discount = used?.discount;
        const most =
          discount?.kind === 'fixed'
            ? discount.amount
            : discount?.kind === 'buy-x-get-y'
              ? undefined
              : discount?.maxDiscount;
        for (const limit of [most, used?.budget]) {
          if (limit !== undefined) expect(amount).toBeLessThanOrEqual(limit.minorUnits);
        }
      }
    }),
  );
});

test('every code either counts or has a problem, and they agree whatever the order of the codes', () => {
  const shuffled = cases.chain(({ all, of }) =>
    fc
      .shuffledSubarray([...of.codes], { minLength: of.codes.length })
      .map((codes) => ({ all, of, again: { ...of, codes } })),
  );
  fc.assert(
    fc.property(shuffled, ({ all, of, again }) => {
      const [first, second] = [quote(all, of), quote(all.toReversed(), again)];
      expect(first.discounts.length + first.problems.length).toBe(all.length);
      expect(second.discounts).toEqual(first.discounts);
      const sorted = ({ problems }: Reckoning) => problems.toSorted((a, b) => (a.code < b.code ? -1 : 1));
      expect(sorted(second)).toEqual(sorted(first));
    }),
  );
});

test('more pieces never make a percentage smaller', () => {
  fc.assert(
    fc.property(basisPoints, cap, lines, fc.nat(7), few, (points, most, some, at, extra) => {
      const one = coupon({ discount: percent(points, most) });
      const of = purchase({ lines: some, codes: [one.code] });
      const grown = some.map((line, index) =>
        index === at % some.length ? { ...line, quantity: line.quantity + extra } : line,
      );
      const before = discountTotal(quote([one], of).discounts);
      expect(discountTotal(quote([one], { ...of, lines: grown }).discounts)).toBeGreaterThanOrEqual(before);
    }),
  );
});

test('what a line gets can be split over its pieces to the last minor unit, and no piece falls below zero', () => {
  fc.assert(
    fc.property(cases, ({ all, of }) => {
      const found = quote(all, of).discounts;
      of.lines.forEach((line, index) => {
        const off = sum(found.map(({ lineAmounts }) => lineAmounts[index] ?? 0n));
        const pieces = allocate(inr(off), Array<number>(line.quantity).fill(1)).map(({ minorUnits }) => minorUnits);
        expect(sum(pieces)).toBe(off);
        expect(pieces.every((piece) => piece >= 0n && piece <= line.unitPrice)).toBe(true);
      });
    }),
  );
});
