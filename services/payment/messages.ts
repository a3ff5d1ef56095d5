import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type PaymentChanged, PaymentChangedSchema } from '#gen/only2u/payment/v1/events_pb.ts';
import {
  PaymentMethod,
  type PaymentSchema,
  PaymentStatus,
  RefundStatus,
  type RefundSchema,
} from '#gen/only2u/payment/v1/payment_pb.ts';
import { promised, type Payment, type Refund } from './payment.ts';

const statuses = {
  pending: PaymentStatus.PENDING,
  authorized: PaymentStatus.AUTHORIZED,
  captured: PaymentStatus.CAPTURED,
  canceled: PaymentStatus.CANCELED,
} as const satisfies Record<Payment['status'], PaymentStatus>;

const methods = {
  online: PaymentMethod.ONLINE,
  cash: PaymentMethod.CASH_ON_DELIVERY,
} as const satisfies Record<Payment['method'], PaymentMethod>;

const refundStatuses = {
  pending: RefundStatus.PENDING,
  failed: RefundStatus.FAILED,
  succeeded: RefundStatus.SUCCEEDED,
} as const satisfies Record<Refund['state'], RefundStatus>;

/** `keyIdOf` answers the shop's public key at a provider. */
export function encodePayment(
  payment: Payment,
  keyIdOf: (provider: string) => string,
): MessageInitShape<typeof PaymentSchema> {
  const { currency } = payment.amount;
  const { id, orderId, userId, amount, failedAttempts, lastFailure, provider, providerOrderId } = payment;
  const isOpen = payment.status === 'pending' && (payment.method === 'cash' || providerOrderId !== '');
  return {
    id,
    orderId,
    userId,
    amount,
    method: methods[payment.method],
    status: statuses[payment.status],
    captured: { minorUnits: payment.captured, currency },
    refunded: { minorUnits: promised(payment), currency },
    refunds: payment.refunds.map((refund) => encodeRefund(refund, currency)),
    ...(isOpen ? { handoff: { provider, providerOrderId, providerKeyId: keyIdOf(provider) } } : {}),
    failedAttempts,
    lastFailure,
    createTime: timestampFromDate(payment.createTime),
    updateTime: timestampFromDate(payment.updateTime),
  };
}

export function encodeRefund(refund: Refund, currency: string): MessageInitShape<typeof RefundSchema> {
  const { id, amount, state, reason, createTime, doneTime } = refund;
  return {
    id,
    amount: { minorUnits: amount, currency },
    status: refundStatuses[state],
    reason,
    createTime: timestampFromDate(createTime),
    ...(doneTime === undefined ? {} : { doneTime: timestampFromDate(doneTime) }),
  };
}

/** What others are told of it. */
export function paymentChanged(payment: Payment): PaymentChanged {
  const { currency } = payment.amount;
  return create(PaymentChangedSchema, {
    orderId: payment.orderId,
    paymentId: payment.id,
    status: statuses[payment.status],
    amount: payment.amount,
    captured: { minorUnits: payment.captured, currency },
    refunded: { minorUnits: payment.refunded, currency },
    version: payment.version,
    changeTime: timestampFromDate(payment.updateTime),
  });
}
