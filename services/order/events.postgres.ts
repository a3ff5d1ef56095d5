import type { Message } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { OrderChanged, OrderConfirmed } from '#gen/only2u/order/v1/events_pb.ts';
import { moneyMessage, statusNumbers } from './encode.ts';
import { totalOf, type Order } from './order.ts';
import { lineTotal } from './quote.ts';

/** What others are told of a change: that the order or a part or a return of it came to stand somewhere else. */
export function eventsOf(before: Order, after: Order): Message[] {
  const confirmed = before.confirmTime === undefined && after.confirmTime !== undefined;
  return standing(before) === standing(after)
    ? []
    : [orderChanged(after), ...(confirmed ? [orderConfirmed(after)] : [])];
}

function standing({ status, parts, returns }: Order): string {
  return [status, ...parts.map((part) => part.status), ...returns.map((one) => `${one.id} ${one.status}`)].join(',');
}

function orderChanged(order: Order): OrderChanged {
  const step = order.history.at(-1);
  return {
    $typeName: 'only2u.order.v1.OrderChanged',
    orderId: order.id,
    userId: order.userId,
    status: statusNumbers[order.status],
    step: step?.kind ?? '',
    partId: step?.partId ?? '',
    version: order.version,
    changeTime: timestampFromDate(order.updateTime),
  };
}

function orderConfirmed(order: Order): OrderConfirmed {
  const lines = order.parts.flatMap((part) => part.lines);
  return {
    $typeName: 'only2u.order.v1.OrderConfirmed',
    orderId: order.id,
    userId: order.userId,
    cartId: order.cartId,
    cartEtag: order.cartEtag ?? '',
    items: lines.map((line) => ({
      $typeName: 'only2u.order.v1.ConfirmedItem',
      variantId: line.variantId,
      vendorId: line.vendorId,
      quantity: line.quantity,
      total: moneyMessage(lineTotal(line), order.currency),
    })),
    total: moneyMessage(totalOf(order), order.currency),
    couponCodes: order.coupons.map(({ code }) => code),
    confirmTime: timestampFromDate(order.confirmTime ?? order.updateTime),
  };
}
