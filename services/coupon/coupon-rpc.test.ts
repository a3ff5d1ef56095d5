import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CouponSchema } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { inr, time } from './coupon.testing.ts';
import { openCouponShop, purchase, refusal, requestId, tenPercent, type CouponShop } from './service.testing.ts';

let shop: CouponShop;
beforeAll(async () => {
  shop = await openCouponShop();
}, 30_000);
afterAll(() => shop.close());

const later = timestampFromDate(new Date('2026-06-01T00:00:00Z'));
const sooner = timestampFromDate(time);

describe('making', () => {
  test('an admin makes one of the house, a vendor its own', async () => {
    expect(await shop.create({ code: 'house' })).toMatchObject({ code: 'HOUSE', vendorId: '', uses: 0, etag: '1' });
    expect(await shop.create({ vendorId: 'usr_w' }, shop.vendor)).toMatchObject({ vendorId: 'usr_v' });
  });

  test('it comes back whole', async () => {
    const coupon = {
      code: 'WHOLE',
      title: 'All of it',
      discount: { case: 'percentage', value: { basisPoints: 1_250, maxDiscount: inr(50_000) } },
      minimumSubtotal: inr(99_900),
      startTime: sooner,
      endTime: later,
      productIds: ['prd_1'],
      categoryIds: ['cat_1'],
      firstOrderOnly: true,
      maxUses: 10,
      maxUsesPerUser: 1,
      budget: inr(1_000_000),
      stackable: true,
      paused: true,
    } satisfies MessageInitShape<typeof CouponSchema>;
    const made = await shop.create(coupon);
    const { minimumSubtotal, budget, ...rest } = coupon;
    expect(made).toMatchObject({ ...rest, spent: { minorUnits: 0n, currency: 'INR' } });
    expect([made.minimumSubtotal?.minorUnits, made.budget?.minorUnits]).toEqual([
      minimumSubtotal.minorUnits,
      budget.minorUnits,
    ]);
    expect((await shop.admin.getCoupon({ couponId: made.id })).coupon).toEqual(made);
  });

  test.each<MessageInitShape<typeof CouponSchema>['discount']>([
    { case: 'fixed', value: { amount: inr(5_000) } },
    { case: 'freeShipping', value: {} },
    { case: 'freeShipping', value: { maxDiscount: inr(4_900) } },
    { case: 'buyXGetY', value: { buyQuantity: 2, getQuantity: 1, basisPoints: 10_000, maxSets: 3 } },
  ])('every kind of discount: $case', async (discount) => {
    expect((await shop.create({ discount })).discount).toMatchObject(discount ?? {});
  });

  test('a code that another has is refused, small letters or not', async () => {
    await shop.create({ code: 'TAKEN' });
    expect(await refusal(shop.create({ code: 'taken' }, shop.vendor))).toMatchObject({
      code: 'AlreadyExists',
      reason: 'COUPON_CODE_TAKEN',
      metadata: { code: 'TAKEN' },
      fields: ['coupon.code'],
    });
  });

  test('a repeated request makes one coupon; with other content it is refused', async () => {
    const request = { requestId: requestId(), coupon: { ...tenPercent, code: 'AGAIN' } };
    const first = await shop.admin.createCoupon(request);
    expect(await shop.admin.createCoupon(request)).toEqual(first);
    const other = shop.admin.createCoupon({ ...request, coupon: { ...tenPercent, code: 'AGAIN-2' } });
    expect((await refusal(other)).reason).toBe('REQUEST_ID_REUSED');
  });

  test.each<[claim: string, MessageInitShape<typeof CouponSchema>, field: string]>([
    ['without a code', { code: '' }, 'coupon.code'],
    ['without a discount', { discount: { case: undefined } }, 'coupon.discount'],
    ['without a currency', { currency: '' }, 'coupon.currency'],
    ['that ends before it starts', { startTime: later, endTime: sooner }, 'coupon.end_time'],
    ['in two currencies', { budget: { minorUnits: 1n, currency: 'USD' } }, 'coupon.budget.currency'],
    ['with a negative budget', { budget: inr(-1) }, 'coupon.budget'],
    ['with an amount past the contract', { budget: inr(9_000_000_000_001n) }, 'coupon.budget.minor_units'],
    [
      'of more than everything',
      { discount: { case: 'percentage', value: { basisPoints: 10_001 } } },
      'coupon.percentage.basis_points',
    ],
    ['of a fixed nothing', { discount: { case: 'fixed', value: {} } }, 'coupon.fixed.amount'],
    ['with a negative limit', { maxUses: -1 }, 'coupon.max_uses'],
    ['at no time there is', { endTime: { seconds: 10n ** 15n } }, 'coupon.end_time'],
  ])('one %s is refused', async (_claim, coupon, field) => {
    const refused = await refusal(shop.create(coupon));
    expect(refused.code).toBe('InvalidArgument');
    expect(refused.fields).toContain(field);
  });

  test('customers and guests may not', async () => {
    expect((await refusal(shop.create({}, shop.customer))).code).toBe('PermissionDenied');
    expect((await refusal(shop.create({}, shop.guest))).code).toBe('Unauthenticated');
  });
});

describe('reading', () => {
  test('a vendor sees its own and no other; an admin sees all', async () => {
    const [house, mine] = [await shop.create(), await shop.create({}, shop.vendor)];
    for (const [client, couponId] of [
      [shop.vendor, house.id],
      [shop.otherVendor, mine.id],
      [shop.vendor, 'cpn_none'],
    ] as const) {
      expect(await refusal(client.getCoupon({ couponId }))).toMatchObject({
        code: 'NotFound',
        reason: 'COUPON_NOT_FOUND',
      });
    }
    expect((await shop.vendor.getCoupon({ couponId: mine.id })).coupon).toEqual(mine);
    expect((await shop.admin.getCoupon({ couponId: mine.id })).coupon).toEqual(mine);
  });

  test('lists go page by page, the latest first, and a vendor’s hold its own', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) ids.unshift((await shop.create({}, shop.otherVendor)).id);
    const first = await shop.otherVendor.listCoupons({ pageSize: 2 });
    const second = await shop.otherVendor.listCoupons({ pageSize: 2, pageToken: first.nextPageToken });
    expect([...first.coupons, ...second.coupons].map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect([first.coupons.length, second.nextPageToken]).toEqual([2, '']);
    expect((await shop.admin.listCoupons({ pageSize: 100 })).coupons.length).toBeGreaterThan(3);
    const another = shop.vendor.listCoupons({ pageToken: first.nextPageToken });
    expect((await refusal(another)).reason).toBe('PAGE_TOKEN_INVALID');
  });
});

describe('changing', () => {
  function update(coupon: MessageInitShape<typeof CouponSchema>, paths: string[], by = shop.admin) {
    return by.updateCoupon({ requestId: requestId(), coupon, updateMask: { paths } });
  }

  test('what the mask names changes, and nothing else', async () => {
    const made = await shop.create({ title: 'Old', endTime: later, maxUses: 5 });
    const { coupon } = await update({ id: made.id, title: 'New', code: 'OTHER' }, ['title', 'end_time', 'paused']);
    expect(coupon).toMatchObject({ title: 'New', code: made.code, maxUses: 5, paused: false, etag: '2' });
    expect(coupon?.endTime).toBeUndefined();
  });

  test('an etag that is not the current one is refused', async () => {
    const made = await shop.create();
    await update({ id: made.id, etag: made.etag, paused: true }, ['paused']);
    const late = update({ id: made.id, etag: made.etag, paused: false }, ['paused']);
    expect(await refusal(late)).toMatchObject({ code: 'Aborted', reason: 'ETAG_MISMATCH' });
  });

  test('a use does not change the etag', async () => {
    const made = await shop.create();
    const expectedDiscount = inr(1_000);
    await shop.order.redeemCoupon({
      requestId: requestId(),
      orderId: 'ord_etag',
      purchase: purchase([made.code]),
      expectedDiscount,
    });
    const { coupon } = await shop.admin.getCoupon({ couponId: made.id });
    expect(coupon).toMatchObject({ uses: 1, spent: expectedDiscount, etag: made.etag });
    const below = update({ id: made.id, budget: inr(999) }, ['budget']);
    expect(await refusal(below)).toMatchObject({ code: 'FailedPrecondition', reason: 'COUPON_LIMIT_BELOW_USED' });
  });

  test.each([['code'], ['currency'], ['percentage'], ['uses'], ['nothing']])('%s can’t be changed', async (path) => {
    const made = await shop.create();
    expect((await refusal(update({ id: made.id }, [path]))).reason).toBe('MASK_PATH_UNKNOWN');
  });

  test('a change of nothing, and nonsense, are refused', async () => {
    const made = await shop.create({ startTime: later });
    expect((await refusal(update({ id: made.id }, []))).reason).toBe('MASK_EMPTY');
    expect((await refusal(update({ id: made.id, endTime: sooner }, ['end_time']))).fields).toEqual(['coupon.end_time']);
  });

  test('another’s coupon can neither be changed nor deleted', async () => {
    const made = await shop.create({}, shop.vendor);
    const changed = update({ id: made.id, paused: true }, ['paused'], shop.otherVendor);
    expect((await refusal(changed)).reason).toBe('COUPON_NOT_FOUND');
    const deleted = shop.otherVendor.deleteCoupon({ requestId: requestId(), couponId: made.id });
    expect((await refusal(deleted)).reason).toBe('COUPON_NOT_FOUND');
  });
});

test('a deleted coupon is gone, and its code free again', async () => {
  const made = await shop.create({ code: 'GONE' }, shop.vendor);
  const request = { requestId: requestId(), couponId: made.id };
  await shop.vendor.deleteCoupon(request);
  await shop.vendor.deleteCoupon(request);
  expect((await refusal(shop.vendor.getCoupon({ couponId: made.id }))).reason).toBe('COUPON_NOT_FOUND');
  const again = shop.vendor.deleteCoupon({ ...request, requestId: requestId() });
  expect((await refusal(again)).reason).toBe('COUPON_NOT_FOUND');
  await shop.create({ code: 'GONE' }, shop.otherVendor);
});
