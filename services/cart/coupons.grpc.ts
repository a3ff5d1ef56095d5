import type { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import type { FindQuote } from './carts.ts';
import { isAway } from './offers.grpc.ts';

const timeoutMs = 1_000; // a cart without its discount beats a cart that comes too late

/** Asks the coupon service. Undefined when it does not answer. */
export function createCoupons(coupons: Pick<ClientFor<'cart', typeof CouponService>, 'quoteCoupon'>): FindQuote {
  return async ({ lines, codes, userId }) => {
    const asked = lines.map(({ item: { variantId, quantity }, offer: { productId, vendorId, categoryIds, price } }) => {
      return { variantId, productId, vendorId, categoryIds: [...categoryIds], quantity, unitPrice: price };
    });
    // Whether it is a first order only the order service knows, which asks again: until then it is taken to be one.
    const purchase = { lines: asked, codes: [...codes], userId, firstOrder: true };
    const answer = await coupons.quoteCoupon({ purchase }, { timeoutMs }).catch((error: unknown) => {
      if (isAway(error)) return undefined;
      throw error;
    });
    return (
      answer && {
        discounts: answer.discounts.map(({ code, lineAmounts, freeShipping }) => ({
          code,
          amounts: new Map(asked.map(({ variantId }, index) => [variantId, lineAmounts[index]?.minorUnits ?? 0n])),
          freeShipping,
        })),
        problems: answer.problems.map(({ code, reason, message }) => ({ code, reason, message })),
      }
    );
  };
}
