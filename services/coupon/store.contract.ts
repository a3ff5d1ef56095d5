import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { updateCoupon } from './coupon.ts';
import { buyXGetY, coupon, fixed, freeShipping, inr, percent, time } from './coupon.testing.ts';
import { describeRedemptions } from './redemption.contract.ts';
import { add, change, flat, remove, type StoreUnderTest } from './store.testing.ts';
import type { CouponFilter, CouponStore } from './store.ts';

/** What every CouponStore keeps, whatever it stands on. */
export function describeCouponStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let opened: StoreUnderTest;
    let store: CouponStore;
    const later = new Date('2026-06-01T00:00:00.123Z');

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    }, 30_000);
    afterAll(() => opened.close());

    const list = async (filter: Partial<CouponFilter>): Promise<string[]> =>
      (await store.list({ vendorId: '', before: '', limit: 100, ...filter })).map(({ id }) => id);

    test('the first coupons are added once, and not again when they were deleted', async () => {
      const codes = ['FIRST-1', 'FIRST-2'];
      const add = (each: CouponStore) => each.addFirst(codes.map((code) => coupon({ code })));
      const added = await Promise.all([add(store), add(opened.another), add(store)]);
      expect(added.filter(Boolean)).toEqual([true]);
      expect(await add(store)).toBe(false);
      const found = await store.findByCodes(codes, '');
      expect(found).toHaveLength(2);
      for (const each of found) await remove(store, each.coupon.id);
      expect(await add(store)).toBe(false);
    });

    test('coupons come back as they were stored', async () => {
      const all = [
        coupon({ discount: percent(1_250, 9_000_000_000_000n), minimumSubtotal: inr(1), budget: inr(5) }),
        coupon({ discount: percent(1), startTime: time, endTime: later, title: 'Ein „Titel" \\ 10%' }),
        coupon({ discount: fixed(9_000_000_000_000n), productIds: ['prd_1', 'prd,"2'], categoryIds: ['cat_1'] }),
        coupon({ discount: freeShipping(3n), maxUses: 1_000_000_000, maxUsesPerUser: 7, firstOrderOnly: true }),
        coupon({ discount: buyXGetY(3, 2, 5_000, 4), paused: true, stackable: false, vendorId: 'usr_v' }),
      ];
      await add(store, ...all);
      for (const each of all) expect(await store.find(each.id)).toEqual(each);
    });

    test('lists are the latest first, a vendor’s own or all, page by page', async () => {
      const mine = [coupon({ vendorId: 'usr_lists' }), coupon({ vendorId: 'usr_lists' })];
      const other = coupon({ vendorId: 'usr_other' });
      await add(store, ...mine, other);
      const ids = mine.map(({ id }) => id).toReversed();
      expect(await list({ vendorId: 'usr_lists' })).toEqual(ids);
      expect(await list({ limit: 3 })).toEqual([other.id, ...ids]);
      expect(await list({ limit: 2, before: other.id })).toEqual(ids);
      expect(await list({ vendorId: 'usr_lists', before: ids[0] })).toEqual(ids.slice(1));
    });

    test('a code is one coupon’s, until that is deleted', async () => {
      const [first, second] = [coupon({ code: 'SAME' }), coupon({ code: 'SAME' })];
      await add(store, first);
      await expect(add(store, second)).rejects.toMatchObject({ reason: 'COUPON_CODE_TAKEN', kind: 'already-exists' });
      await remove(store, first.id);
      await add(store, second);
      expect((await store.findByCodes(['SAME'], '')).map((each) => each.coupon.id)).toEqual([second.id]);
    });

    test('two that take a code at once: one gets it', async () => {
      const both = [coupon({ code: 'RACE' }), coupon({ code: 'RACE' })];
      const ends = await Promise.allSettled(both.map((each) => add(store, each)));
      expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    });

    test('a change writes what its maker says and leaves the counters', async () => {
      const before = coupon();
      await add(store, before);
      await store.redeem({ orderId: 'ord_change', userId: 'usr_c', codes: [before.code], now: time }, ([found]) => ({
        discounts: [flat(found?.coupon.id ?? '', before.code, 10n)],
      }));
      const changes = { title: 'Other', minimumSubtotal: inr(3), endTime: later, maxUses: 9, budget: inr(10) };
      const after = updateCoupon(before, { ...changes, productIds: ['prd_1'], paused: true }, later);
      await change(store, async (tx) => tx.update(after).then(() => undefined));
      expect(await store.find(before.id)).toEqual({ ...after, uses: 1, spent: 10n });
    });

    test('a deleted coupon is found by nothing', async () => {
      const gone = coupon({ vendorId: 'usr_gone' });
      await add(store, gone);
      await remove(store, gone.id);
      expect(await store.find(gone.id)).toBeUndefined();
      expect(await store.findByCodes([gone.code], '')).toEqual([]);
      expect(await list({ vendorId: 'usr_gone' })).toEqual([]);
      expect(await change(store, async (tx) => String(await tx.lock(gone.id)))).toBe('undefined');
    });

    test('a request is done once, and one that throws not at all', async () => {
      const [kept, undone] = [coupon(), coupon()];
      const once = () => change(store, async (tx) => tx.insert(kept).then(() => 'done'), 'request 1');
      expect([await once(), await once()]).toEqual(['done', 'done']);
      const broken = change(store, async (tx) => {
        await tx.insert(undone);
        throw new Error('broken');
      });
      await expect(broken).rejects.toThrow('broken');
      expect(await store.find(undone.id)).toBeUndefined();
    });

    describeRedemptions(() => opened);
  });
}
