import { expect, test } from '@jest/globals';
import { inr } from './coupon.testing.ts';
import { line, openCouponShop, purchase } from './service.testing.ts';

test('a shop that is tried out has WELCOME10 and FREESHIP, which go together', async () => {
  const shop = await openCouponShop({ SAMPLE_COUPONS: 'on' });
  try {
    const quote = (price: number) =>
      shop.cart.quoteCoupon({
        purchase: purchase(['welcome10', 'freeship'], { lines: [line({ unitPrice: inr(price) })] }),
      });
    const large = await quote(600_000);
    expect(large.discounts.map(({ code, amount }) => [code, amount?.minorUnits])).toEqual([
      ['WELCOME10', 50_000n],
      ['FREESHIP', 5_000n],
    ]);
    const small = await quote(99_899);
    expect(small.discounts).toMatchObject([{ code: 'WELCOME10', amount: inr(9_990) }]);
    expect(small.problems).toMatchObject([{ code: 'freeship', reason: 'COUPON_MINIMUM_NOT_REACHED' }]);
  } finally {
    await shop.close();
  }
});

test('a shop of its own begins without coupons', async () => {
  const shop = await openCouponShop();
  try {
    expect((await shop.admin.listCoupons({})).coupons).toEqual([]);
  } finally {
    await shop.close();
  }
});
