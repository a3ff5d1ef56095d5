import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Fault } from '#platform/fault.ts';
import type { Coupon } from './coupon.ts';
import { coupon, fixed, freeShipping, inr, line, percent, purchase, time } from './coupon.testing.ts';
import { discountTotal, reckon } from './discount.ts';
import { decide, type OrderRedemption } from './redemption.ts';
import { add, remove, type StoreUnderTest } from './store.testing.ts';
import type { CouponStore } from './store.ts';

type Ask = {
  readonly orderId: string;
  readonly userId?: string;
  readonly coupons: readonly Coupon[];
  /** Of the one line. */
  readonly price?: number;
  readonly shipping?: bigint;
};

let orders = 0;
const newOrder = (): string => `ord_${++orders}`;

/** Redeems as the rpc does, expecting what there is to expect. */
function redeem(store: CouponStore, { orderId, userId = 'usr_c', coupons, price = 1_000, shipping = 5_000n }: Ask) {
  const codes = coupons.map(({ code }) => code);
  const of = purchase({ codes, userId, lines: [line(price)], shipping });
  return store.redeem({ orderId, userId, codes, now: time }, (known) => {
    const expected = inr(discountTotal(reckon(known, of, time).discounts));
    return decide(known, { purchase: of, expected }, time);
  });
}

/** "redeemed", "closed", or the reason of the refusal. */
async function outcome(work: Promise<OrderRedemption>): Promise<string> {
  try {
    return (await work).state;
  } catch (error) {
    if (error instanceof Fault) return error.reason;
    throw error;
  }
}

async function tally(all: readonly Promise<OrderRedemption>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const each of await Promise.all(all.map(outcome))) counts[each] = (counts[each] ?? 0) + 1;
  return counts;
}

/** How orders use coupons: part of what every CouponStore keeps. */
export function describeRedemptions(opened: () => StoreUnderTest): void {
  async function stored(...changes: readonly Partial<Coupon>[]): Promise<{ store: CouponStore; coupons: Coupon[] }> {
    const { store } = opened();
    const coupons = changes.map((each) => coupon(each));
    await add(store, ...coupons);
    return { store, coupons };
  }

  async function counters(id: string): Promise<readonly [uses: number, spent: bigint]> {
    const found = await opened().store.find(id);
    const live = (await opened().counted()).find((each) => each.id === id);
    expect([live?.uses ?? 0, live?.spent ?? 0n]).toEqual([found?.uses, found?.spent]);
    return [found?.uses ?? Number.NaN, found?.spent ?? -1n];
  }

  /** Two processes take turns. */
  const either = (index: number): CouponStore => (index % 2 === 0 ? opened().store : opened().another);

  const idOf = (coupons: readonly Coupon[], index = 0): string => coupons[index]?.id ?? '';

  describe('redemptions', () => {
    test('all codes of an order are counted, and given back once', async () => {
      const { store, coupons } = await stored({}, { discount: fixed(50) }, { discount: freeShipping() });
      const orderId = newOrder();
      const redeemed = await redeem(store, { orderId, coupons });
      expect(redeemed).toMatchObject({ state: 'redeemed', discounts: [{ amount: 100n }, { amount: 50n }, {}] });
      expect(await counters(idOf(coupons))).toEqual([1, 100n]);
      expect(await counters(idOf(coupons, 1))).toEqual([1, 50n]);
      expect(await store.release(orderId, time)).toBe(true);
      expect(await store.release(orderId, time)).toBe(false);
      for (const { id } of coupons) expect(await counters(id)).toEqual([0, 0n]);
    });

    test('an order that asks again gets the same answer, and nothing more is counted', async () => {
      const { store, coupons } = await stored({ maxUses: 1 });
      const ask = { orderId: newOrder(), coupons };
      const first = await redeem(store, ask);
      const again = await Promise.all(Array.from({ length: 10 }, () => redeem(store, ask)));
      for (const each of again) expect(each).toEqual(first);
      expect(await redeem(store, { ...ask, coupons: [coupon()] })).toEqual(first);
      expect(await counters(idOf(coupons))).toEqual([1, 100n]);
    });

    test('the same order fifty times at once counts once', async () => {
      const { store, coupons } = await stored({ maxUses: 7, maxUsesPerUser: 1, firstOrderOnly: true });
      const orderId = newOrder();
      expect(
        await tally(Array.from({ length: 50 }, (_, index) => redeem(either(index), { orderId, coupons }))),
      ).toEqual({
        redeemed: 50,
      });
      expect(await counters(idOf(coupons))).toEqual([1, 100n]);
      await store.release(orderId, time);
    });

    test('an order that was closed redeems nothing, whether it had used anything or not', async () => {
      const { store, coupons } = await stored({});
      const [used, unused] = [newOrder(), newOrder()];
      await redeem(store, { orderId: used, coupons });
      expect([await store.release(used, time), await store.release(unused, time)]).toEqual([true, false]);
      for (const orderId of [used, unused])
        expect(await redeem(store, { orderId, coupons })).toEqual({ state: 'closed' });
      expect(await store.release(unused, time)).toBe(false);
      expect(await counters(idOf(coupons))).toEqual([0, 0n]);
    });

    test('an order without codes uses nothing, and can be closed', async () => {
      const { store } = opened();
      const orderId = newOrder();
      expect(await redeem(store, { orderId, coupons: [] })).toEqual({ state: 'redeemed', discounts: [] });
      expect(await store.release(orderId, time)).toBe(false);
      expect(await redeem(store, { orderId, coupons: [] })).toEqual({ state: 'closed' });
    });

    test('free shipping that had nothing to take off is answered, and not used up', async () => {
      const { store, coupons } = await stored({}, { discount: freeShipping(), maxUses: 1, firstOrderOnly: true });
      const orderId = newOrder();
      const ask = { orderId, userId: 'usr_free', coupons };
      expect(await redeem(store, { ...ask, shipping: 0n })).toMatchObject({
        discounts: [{ amount: 100n }, { amount: 0n }],
      });
      expect(await counters(idOf(coupons, 1))).toEqual([0, 0n]);
      expect(await store.release(orderId, time)).toBe(true);
      expect(await outcome(redeem(store, { ...ask, orderId: newOrder() }))).toBe('redeemed');
      expect(await counters(idOf(coupons, 1))).toEqual([1, 5_000n]);
    });

    test('when one code is refused none is counted', async () => {
      const { store, coupons } = await stored({}, { paused: true });
      expect(await outcome(redeem(store, { orderId: newOrder(), coupons }))).toBe('COUPON_PAUSED');
      expect(await counters(idOf(coupons))).toEqual([0, 0n]);
    });

    test('ten uses and two hundred orders at once: exactly ten', async () => {
      const { coupons } = await stored({ maxUses: 10 });
      const asks = Array.from({ length: 200 }, (_, index) =>
        redeem(either(index), { orderId: newOrder(), userId: `usr_${index}`, coupons }),
      );
      expect(await tally(asks)).toEqual({ redeemed: 10, COUPON_USED_UP: 190 });
      expect(await counters(idOf(coupons))).toEqual([10, 1_000n]);
    }, 30_000);

    test('a budget is never exceeded by orders at once, and what is left is not given in part', async () => {
      const { coupons } = await stored({ budget: inr(1_050) });
      const asks = Array.from({ length: 60 }, (_, index) =>
        redeem(either(index), { orderId: newOrder(), userId: `usr_${index}`, coupons }),
      );
      expect(await tally(asks)).toEqual({ redeemed: 10, COUPON_BUDGET_SPENT: 50 });
      expect(await counters(idOf(coupons))).toEqual([10, 1_000n]);
    });

    test('one user’s orders at once stay within the user’s limit, and a use given back can be used again', async () => {
      const { store, coupons } = await stored({ maxUsesPerUser: 1 });
      const ids = Array.from({ length: 12 }, newOrder);
      const asks = ids.map((orderId, index) => redeem(either(index), { orderId, coupons }));
      expect(await tally(asks)).toEqual({ redeemed: 1, COUPON_USED_UP_BY_USER: 11 });
      expect(await outcome(redeem(store, { orderId: newOrder(), userId: 'usr_other', coupons }))).toBe('redeemed');
      await Promise.all(ids.map((orderId) => store.release(orderId, time)));
      expect(await outcome(redeem(store, { orderId: newOrder(), coupons }))).toBe('redeemed');
      expect(await counters(idOf(coupons))).toEqual([2, 200n]);
    });

    test('of one user’s orders at once, one is the first, whichever coupons they use', async () => {
      const { store, coupons } = await stored(...Array.from({ length: 6 }, () => ({ firstOrderOnly: true })));
      const ids = coupons.map(newOrder);
      const ask = (index: number, orderId: string) =>
        redeem(either(index), { orderId, userId: 'usr_first', coupons: coupons.slice(index, index + 1) });
      expect(await tally(ids.map((orderId, index) => ask(index, orderId)))).toEqual({
        redeemed: 1,
        COUPON_FIRST_ORDER_ONLY: 5,
      });
      await Promise.all(ids.map((orderId) => store.release(orderId, time)));
      expect(await outcome(ask(0, newOrder()))).toBe('redeemed');
    });

    test('orders that name coupons in opposite orders don’t block each other', async () => {
      const { coupons } = await stored({}, { discount: fixed(10) });
      const asks = Array.from({ length: 40 }, (_, index) => {
        const named = index % 2 === 0 ? coupons : coupons.toReversed();
        return redeem(either(index), { orderId: newOrder(), userId: `usr_${index}`, coupons: named });
      });
      expect(await tally(asks)).toEqual({ redeemed: 40 });
      expect(await counters(idOf(coupons, 1))).toEqual([40, 400n]);
    });

    test('a redemption and a release of one order at once leave nothing used', async () => {
      const { store, coupons } = await stored({ firstOrderOnly: true, discount: percent(5_000) });
      for (let round = 0; round < 20; round++) {
        const orderId = newOrder();
        const ask = { orderId, userId: 'usr_race', coupons };
        await Promise.all([redeem(either(0), ask), either(1).release(orderId, time), redeem(either(1), ask)]);
        await store.release(orderId, time);
        expect(await redeem(store, ask)).toEqual({ state: 'closed' });
      }
      expect(await counters(idOf(coupons))).toEqual([0, 0n]);
    });

    test('what was used of a deleted coupon can be given back', async () => {
      const { store, coupons } = await stored({});
      const orderId = newOrder();
      await redeem(store, { orderId, coupons });
      const deleted = coupons[0]?.id ?? '';
      await remove(store, deleted);
      expect(await store.release(orderId, time)).toBe(true);
      expect(await outcome(redeem(store, { orderId: newOrder(), coupons }))).toBe('COUPON_NOT_FOUND');
      expect((await opened().counted()).find(({ id }) => id === deleted)).toBeUndefined();
    });

    test('any orders and releases at once: counters equal the live redemptions, and no limit is passed', async () => {
      const step = fc.record({
        order: fc.nat(7),
        user: fc.constantFrom('usr_1', 'usr_2', 'usr_3'),
        which: fc.subarray([0, 1, 2]),
        release: fc.boolean(),
        price: fc.integer({ min: 1, max: 2_000 }),
      });
      const limits: readonly Partial<Coupon>[] = [
        { maxUses: 3 },
        { discount: fixed(300), budget: inr(700), maxUsesPerUser: 1 },
        { discount: percent(2_000), firstOrderOnly: true },
      ];
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
          const { store, coupons } = await stored(...limits);
          const run = newOrder();
          await Promise.all(
            steps.map(async ({ order, user, which, release, price }, index) => {
              const orderId = `${run} ${order}`;
              if (release) return either(index).release(orderId, time);
              const named = coupons.filter((_, index) => which.includes(index));
              return outcome(redeem(either(index), { orderId, userId: `${run} ${user}`, coupons: named, price }));
            }),
          );
          const [[uses], [, spent]] = [await counters(idOf(coupons)), await counters(idOf(coupons, 1))];
          await counters(idOf(coupons, 2));
          expect(uses).toBeLessThanOrEqual(3);
          expect(spent).toBeLessThanOrEqual(700n);
          for (const order of Array.from({ length: 8 }, (_, index) => `${run} ${index}`)) {
            await store.release(order, time);
          }
          for (const { id } of coupons) expect(await counters(id)).toEqual([0, 0n]);
        }),
        { numRuns: 25 },
      );
    }, 60_000);
  });
}
