import { Code, ConnectError } from '@connectrpc/connect';
import type { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import type { PaymentService } from '#gen/only2u/payment/v1/payment_pb.ts';
import type { InventoryService } from '#gen/only2u/product/v1/inventory_pb.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import { errorInfo } from '#platform/rpc/status.ts';
import type { CloseReason } from './order-checkout.ts';

/** Whom a checkout asks. Each of their methods may be repeated: an order's id, or its refund's, names what is done. */
export type Peers = {
  readonly inventory: Pick<
    ClientFor<'order', typeof InventoryService>,
    'reserveStock' | 'commitReservation' | 'releaseReservation' | 'restockItems'
  >;
  readonly coupons: Pick<ClientFor<'order', typeof CouponService>, 'redeemCoupon' | 'releaseCoupon'>;
  readonly payments: Pick<
    ClientFor<'order', typeof PaymentService>,
    'createPayment' | 'cancelPayment' | 'collectPayment' | 'refundPayment'
  >;
};

// These say that the same again would be refused again. Any other may be gone the next time.
const permanent = new Set<Code>([
  Code.FailedPrecondition,
  Code.NotFound,
  Code.InvalidArgument,
  Code.AlreadyExists,
  Code.OutOfRange,
]);

/** A peer's reason for a refusal that stays one; undefined for what may work the next time, and for bugs. */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof ConnectError) || !permanent.has(error.code)) return undefined;
  return errorInfo(error)?.reason ?? 'REFUSED';
}

/** Why an order could not be placed, for the customer: names no service. */
export function closeReasonFor(refusal: string, error: unknown): CloseReason {
  const known = words[refusal];
  if (known !== undefined) return known;
  // A coupon's reasons are written for customers.
  if (refusal.startsWith('COUPON_') && error instanceof ConnectError)
    return { reason: refusal, message: error.rawMessage };
  return { reason: 'NOT_POSSIBLE', message: 'The order could not be placed. Nothing was charged; try again.' };
}

const soldOut: CloseReason = {
  reason: 'INSUFFICIENT_STOCK',
  message: 'Somebody else bought the last pieces of what you wanted. Nothing was charged.',
};

const words: Readonly<Record<string, CloseReason>> = {
  OUT_OF_STOCK: soldOut,
  VARIANT_NOT_FOUND: {
    reason: 'ITEM_NOT_ON_SALE',
    message: 'Something in the order is no longer for sale. Nothing was charged.',
  },
  COUPON_DISCOUNT_CHANGED: {
    reason: 'COUPON_DISCOUNT_CHANGED',
    message: 'A coupon takes off something else by now. Nothing was charged; look at the new price and order again.',
  },
  PAYMENT_PROVIDER_REFUSED: {
    reason: 'PAYMENT_NOT_POSSIBLE',
    message: 'The payment could not be begun. Nothing was charged; try again, or pay in cash.',
  },
  PAYMENT_METHOD_OFF: {
    reason: 'PAYMENT_NOT_POSSIBLE',
    message: 'Online payments are not taken just now. Nothing was charged; pay in cash.',
  },
};

export const placingTimedOut: CloseReason = {
  reason: 'PLACING_TIMED_OUT',
  message: 'The order could not be placed in time. Nothing was charged; try again.',
};

export const paymentTimedOut: CloseReason = {
  reason: 'PAYMENT_TIMED_OUT',
  message: 'The order was not paid in time.',
};

export const soldOutAfterPayment: CloseReason = {
  reason: 'SOLD_OUT_AFTER_PAYMENT',
  message: 'What you wanted was sold out when the payment arrived. Your money goes back in full.',
};
