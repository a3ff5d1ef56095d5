import { PaymentStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import type { PaymentMethod } from './order.ts';

type Said = {
  readonly status: PaymentStatus;
  readonly amount?: { readonly minorUnits: bigint } | undefined;
  readonly captured?: { readonly minorUnits: bigint } | undefined;
};

/**
 * What an order may reckon with of what the payment service says. Online it is all or nothing: money that came for a canceled
 * payment, a second time, or in another amount is captured too, but goes back by itself and pays for nothing.
 */
export function takenOf(method: PaymentMethod, { status, amount, captured }: Said): bigint {
  if (method === 'cash') return captured?.minorUnits ?? 0n;
  return status === PaymentStatus.CAPTURED ? (amount?.minorUnits ?? 0n) : 0n;
}
