import { OrderStatus, PartStatus, type Order } from '#gen/only2u/order/v1/order_pb.ts';
import { closed, confirmed, type ModelOrder, type ModelPart } from './model-order.ts';

/** An order as the shop first answered it. */
export function modelOf(order: Order, online: boolean): ModelOrder {
  const parts = order.parts.map((part): ModelPart => ({
    id: part.id,
    vendorId: part.vendorId,
    status: PartStatus.PENDING,
    shipping: (part.shipping?.minorUnits ?? 0n) - (part.shippingDiscount?.minorUnits ?? 0n),
    lines: part.lines.map(({ id, variantId, quantity, total }) => ({
      id,
      variantId,
      quantity,
      total: total?.minorUnits ?? 0n,
      canceled: 0,
      returned: 0,
    })),
  }));
  const { id, userId, closeReason } = order;
  const coupons = order.coupons.map(({ code, amount }) => ({ code, amount: amount?.minorUnits ?? 0n }));
  const placed: ModelOrder = {
    id,
    userId,
    online,
    stands: 'awaiting',
    money: 'none',
    closeReason,
    parts,
    returns: [],
    coupons,
  };
  if (closeReason !== '') return { ...closed(placed, closeReason), money: 'refused' };
  return online ? placed : confirmed(placed);
}

/** What of the customer's money the shop has in the end, however it came to it. */
export function keptOf({ online, stands, parts }: ModelOrder): bigint {
  if (stands !== 'confirmed') return 0n;
  const paid = parts.filter(({ status }) =>
    online ? status !== PartStatus.CANCELED : status === PartStatus.DELIVERED,
  );
  const lines = paid.flatMap((part) => part.lines);
  const goods = lines.map(
    ({ total, quantity, canceled, returned }) => total - (total * BigInt(canceled + returned)) / BigInt(quantity),
  );
  return sum([...goods, ...paid.map(({ shipping }) => shipping)]);
}

/** How many pieces of the variant it holds or has sold for good. */
export function piecesOf(order: ModelOrder, variantId: string): number {
  const { parts, returns, stands } = order;
  const lines = parts.flatMap((part) => part.lines).filter((line) => line.variantId === variantId);
  if (stands === 'closed') return 0;
  const gone = lines.reduce((all, { quantity, canceled }) => all + quantity - canceled, 0);
  const back = returns.filter((one) => one.restocked && lines.some(({ id }) => id === one.lineId));
  return back.reduce((all, { quantity }) => all - quantity, gone);
}

/** What can be seen of it, to be held against the shop's own answer. */
export function viewOfModel(order: ModelOrder) {
  return {
    status: statusOf(order),
    closeReason: order.closeReason,
    parts: order.parts.map(({ status, lines }) => ({
      status,
      lines: lines.map(({ canceled, returned }) => ({ canceled, returned })),
    })),
    returns: order.returns.map(({ id, status }) => `${id} ${status}`).sort(),
  };
}

export function viewOfOrder(order: Order): ReturnType<typeof viewOfModel> {
  return {
    status: order.status,
    closeReason: order.closeReason,
    parts: order.parts.map(({ status, lines }) => ({
      status,
      lines: lines.map(({ canceledQuantity, returnedQuantity }) => ({
        canceled: canceledQuantity,
        returned: returnedQuantity,
      })),
    })),
    returns: order.returns.map(({ id, status }) => `${id} ${status}`).sort(),
  };
}

function statusOf({ stands, parts }: ModelOrder): OrderStatus {
  if (stands === 'awaiting') return OrderStatus.AWAITING_PAYMENT;
  if (stands === 'closed') return OrderStatus.CANCELED;
  const alive = parts.map(({ status }) => status).filter((status) => status !== PartStatus.CANCELED);
  if (alive.some((status) => status === PartStatus.CONFIRMED || status === PartStatus.PACKED))
    return OrderStatus.CONFIRMED;
  return alive.includes(PartStatus.SHIPPED) ? OrderStatus.SHIPPED : OrderStatus.DELIVERED;
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((all, amount) => all + amount, 0n);
}
