import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  OrderReturnStatus as ReturnNumber,
  OrderStatus as StatusNumber,
  PartStatus as PartNumber,
  OrderLineSchema,
  OrderPartSchema,
  type OrderPart as OrderPartMessage,
  type OrderSchema,
} from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod as MethodNumber } from '#gen/only2u/payment/v1/payment_pb.ts';
import type { Money as MoneyMessage } from '#gen/only2u/type/v1/money_pb.ts';
import { money } from '#platform/money.ts';
import {
  refundedOf,
  type Order,
  type OrderPart,
  type OrderStatus,
  type PartStatus,
  type PaymentMethod,
  type ReturnStatus,
} from './order.ts';
import { encodeLine, encodePart, encodeTotals } from './quote-message.ts';

export const statusNumbers = {
  pending: StatusNumber.PENDING,
  'awaiting-payment': StatusNumber.AWAITING_PAYMENT,
  confirmed: StatusNumber.CONFIRMED,
  shipped: StatusNumber.SHIPPED,
  delivered: StatusNumber.DELIVERED,
  canceling: StatusNumber.CANCELING,
  canceled: StatusNumber.CANCELED,
} as const satisfies Record<OrderStatus, StatusNumber>;

export const partNumbers = {
  pending: PartNumber.PENDING,
  confirmed: PartNumber.CONFIRMED,
  packed: PartNumber.PACKED,
  shipped: PartNumber.SHIPPED,
  delivered: PartNumber.DELIVERED,
  canceled: PartNumber.CANCELED,
} as const satisfies Record<PartStatus, PartNumber>;

const returnNumbers = {
  requested: ReturnNumber.REQUESTED,
  approved: ReturnNumber.APPROVED,
  rejected: ReturnNumber.REJECTED,
  received: ReturnNumber.RECEIVED,
} as const satisfies Record<ReturnStatus, ReturnNumber>;

export const methodNumbers = {
  online: MethodNumber.ONLINE,
  cash: MethodNumber.CASH_ON_DELIVERY,
} as const satisfies Record<PaymentMethod, MethodNumber>;

/** The word for a number of the contract; undefined for one that isn't said. */
export function wordFor<S extends string>(numbers: Readonly<Record<S, number>>, number: number): S | undefined {
  for (const word in numbers) if (numbers[word] === number) return word;
  return undefined;
}

export function moneyMessage(minorUnits: bigint, currency: string): MoneyMessage {
  return { $typeName: 'only2u.type.v1.Money', ...money(minorUnits, currency) };
}

/** How much of an order is shown: all of it, or to a vendor what is its own. */
export type View = { readonly vendorId: string } | 'all';

export type EncodeOptions = { readonly view: View; readonly history: boolean };

/** What is answered of an order. */
export function orderMessage(whole: Order, { view, history }: EncodeOptions): MessageInitShape<typeof OrderSchema> {
  const order = view === 'all' ? whole : vendorsOwn(whole, view.vendorId);
  const { currency, status } = order;
  const amount = (minorUnits: bigint) => moneyMessage(minorUnits, currency);
  const awaits = status === 'awaiting-payment';
  return {
    id: order.id,
    userId: order.userId,
    status: statusNumbers[status],
    parts: order.parts.map((part) => partMessage(part, currency)),
    totals: {
      ...encodeTotals(order.parts, currency),
      refunded: amount(view === 'all' ? refundedOf(order) : refundedLines(order)),
    },
    coupons: order.coupons.map((coupon) => ({ code: coupon.code, amount: amount(coupon.amount) })),
    address: { ...order.address, lines: [...order.address.lines] },
    shippingOption: order.shippingOption,
    ...(view === 'all' ? { payment: paymentOf(order) } : {}),
    ...(awaits && order.paymentExpireTime ? { paymentExpireTime: timestampFromDate(order.paymentExpireTime) } : {}),
    closeReason: order.closeReason,
    closeMessage: order.closeMessage,
    returns: order.returns.map((one) => ({
      id: one.id,
      partId: one.partId,
      items: one.items.map(({ lineId, quantity }) => ({ lineId, quantity })),
      reason: one.reason,
      status: returnNumbers[one.status],
      note: one.note,
      ...(one.refund === undefined ? {} : { refund: amount(one.refund) }),
      createTime: timestampFromDate(one.createTime),
      updateTime: timestampFromDate(one.updateTime),
    })),
    refunds: order.refunds.map((refund) => ({
      id: refund.id,
      amount: amount(refund.amount),
      reason: refund.reason,
      createTime: timestampFromDate(refund.createTime),
      sent: refund.sent,
    })),
    history: history
      ? order.history.map(({ happenTime, kind, message, partId }) => ({
          happenTime: timestampFromDate(happenTime),
          kind,
          message,
          partId,
        }))
      : [],
    createTime: timestampFromDate(order.createTime),
    updateTime: timestampFromDate(order.updateTime),
    etag: String(order.version),
  };
}

function paymentOf({ paymentId, method, captured, currency, status, handoff }: Order) {
  return {
    paymentId,
    method: methodNumbers[method],
    captured: moneyMessage(captured, currency),
    ...(status === 'awaiting-payment' && handoff ? { handoff } : {}),
  };
}

export function partMessage(part: OrderPart, currency: string): OrderPartMessage {
  return Object.assign(create(OrderPartSchema, encodePart(part, currency)), {
    id: part.id,
    status: partNumbers[part.status],
    lines: part.lines.map((line) =>
      Object.assign(create(OrderLineSchema, encodeLine(line, currency)), {
        id: line.id,
        canceledQuantity: line.canceled,
        returnedQuantity: line.returned,
        refunded: moneyMessage(line.refunded, currency),
      }),
    ),
    carrier: part.carrier,
    trackingNumber: part.trackingNumber,
    invoiceNumber: part.invoiceNumber,
    ...(part.shipTime && { shipTime: timestampFromDate(part.shipTime) }),
    ...(part.deliverTime && { deliverTime: timestampFromDate(part.deliverTime) }),
  });
}

const shownToVendors = new Set(['CONFIRMED', 'CANCELING', 'CANCELED']);

// What a vendor needs to fulfil its parts, and nothing of what others sell or how it was paid.
function vendorsOwn(order: Order, vendorId: string): Order {
  const parts = order.parts.filter((part) => part.vendorId === vendorId);
  const own = (partId: string): boolean => parts.some(({ id }) => id === partId);
  return {
    ...order,
    parts,
    coupons: [],
    returns: order.returns.filter(({ partId }) => own(partId)),
    refunds: [],
    history: order.history.filter(({ partId, kind }) => (partId === '' ? shownToVendors.has(kind) : own(partId))),
  };
}

function refundedLines({ parts }: Order): bigint {
  return parts.flatMap((part) => part.lines).reduce((sum, line) => sum + line.refunded, 0n);
}
