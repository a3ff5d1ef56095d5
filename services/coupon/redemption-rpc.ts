import type { ServiceImpl } from '@connectrpc/connect';
import type { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { invalidField } from '#platform/fault.ts';
import type { Env } from '#platform/service.ts';
import { askedCodes, reckon } from './discount.ts';
import { decodeExpected, decodePurchase, encodeCouponDiscount } from './messages.ts';
import type { KnownCoupon } from './problem.ts';
import type { Purchase } from './purchase.ts';
import { answerAgain, decide } from './redemption.ts';
import type { CouponStore } from './store.ts';
import { toCode } from './terms.ts';

export type RedemptionRpcOptions = { readonly store: CouponStore; readonly now: Env['now'] };

type RedemptionRpc = Pick<ServiceImpl<typeof CouponService>, 'quoteCoupon' | 'redeemCoupon' | 'releaseCoupon'>;

/** The methods of CouponService for cart and order. An order's id makes a repeated call safe, so request ids aren't kept. */
export function createRedemptionRpc({ store, now }: RedemptionRpcOptions): RedemptionRpc {
  function known(codes: readonly string[], userId: string): Promise<KnownCoupon[]> {
    return codes.length === 0 ? Promise.resolve([]) : store.findByCodes(codes, userId);
  }

  return {
    async quoteCoupon(request) {
      const purchase = decodePurchase(required(request.purchase));
      const { discounts, problems } = reckon(await known(codesOf(purchase), purchase.userId), purchase, now());
      return { discounts: discounts.map(encodeCouponDiscount), problems: [...problems] };
    },

    async redeemCoupon(request) {
      const purchase = decodePurchase(required(request.purchase));
      const expected = decodeExpected(request.expectedDiscount, purchase.currency);
      const { orderId } = request;
      const { userId } = purchase;
      if (userId === '') throw invalidField('purchase.user_id', 'REQUIRED', 'says whose order it is');
      const time = now();
      const redeemed = await store.redeem({ orderId, userId, codes: codesOf(purchase), now: time }, (coupons) =>
        decide(coupons, { purchase, expected }, time),
      );
      return { discounts: answerAgain(redeemed, orderId, expected).map(encodeCouponDiscount) };
    },

    async releaseCoupon({ orderId }) {
      return { released: await store.release(orderId, now()) };
    },
  };
}

// Those that can be one; the others are no coupon's, and no database need be asked.
function codesOf({ codes }: Purchase): string[] {
  return [...askedCodes(codes).keys()].filter((code) => toCode(code) !== undefined);
}

// The contract requires it; its type can't say so.
function required<T>(message: T | undefined): T {
  if (message === undefined) throw invalidField('purchase', 'REQUIRED', 'is required');
  return message;
}
