import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  OrderReturnStatus,
  OrderStatus,
  PartStatus,
  ReturnDecision,
  type Order,
  type OrderPart,
} from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod } from '#gen/only2u/payment/v1/payment_pb.ts';
import { openOrderDesk, refusal, requestId, type OrderDesk } from './service.testing.ts';

let desk: OrderDesk;

beforeEach(async () => {
  desk = await openOrderDesk();
});

afterEach(() => desk.close());

/** Two parts, confirmed: two pieces of usr_v, one of usr_w. */
async function confirmed(method: PaymentMethod = PaymentMethod.ONLINE): Promise<Order> {
  desk.shop.paysAtOnce = true;
  desk.shop.cart = [
    { variantId: 'var_1', quantity: 2 },
    { variantId: 'var_2', quantity: 1 },
  ];
  return desk.buy(method);
}

function partFor(order: Order | undefined, vendorId: string): OrderPart {
  const part = order?.parts.find((one) => one.vendorId === vendorId);
  if (part === undefined) throw new Error(`no part of ${vendorId}`);
  return part;
}

const itemsOf = (part: OrderPart, quantity: number) => part.lines.map(({ id: lineId }) => ({ lineId, quantity }));

async function move(order: Order, status: PartStatus, vendorId = 'usr_v'): Promise<Order> {
  const client = vendorId === 'usr_v' ? desk.vendor : desk.otherVendor;
  const partId = partFor(order, vendorId).id;
  const answer = await client.updateFulfillment({ requestId: requestId(), orderId: order.id, partId, status });
  if (answer.order === undefined) throw new Error('no order');
  return answer.order;
}

describe('canceling', () => {
  test('an order that awaits its payment gives everything back at once', async () => {
    const { id: orderId } = await desk.buy();
    const { order } = await desk.asha.cancelOrder({ requestId: requestId(), orderId });
    expect(order).toMatchObject({ status: OrderStatus.CANCELED, closeReason: 'CANCELED_BY_CUSTOMER' });
    expect(desk.shop.held()).toBe(0);
    expect(desk.shop.pay(orderId)).toBe(false);
  });

  test('some pieces refunds them, and all pieces of a part their shipping too', async () => {
    const bought = await confirmed();
    const part = partFor(bought, 'usr_v');
    const cancel = (quantity: number) =>
      desk.asha.cancelOrder({ requestId: requestId(), orderId: bought.id, items: itemsOf(part, quantity) });
    const first = (await cancel(1)).order;
    expect(first?.refunds.map(({ amount }) => amount?.minorUnits)).toEqual([40_000n]);
    expect(first?.status).toBe(OrderStatus.CONFIRMED);
    const second = (await cancel(1)).order;
    expect(partFor(second, 'usr_v').status).toBe(PartStatus.CANCELED);
    const back = second?.refunds.reduce((sum, { amount }) => sum + (amount?.minorUnits ?? 0n), 0n);
    expect(back).toBe(part.total?.minorUnits);
    await desk.until(bought.id, ({ refunds }) => refunds.every(({ sent }) => sent));
    expect(desk.shop.refunded(bought.id)).toBe(back);
  });

  test('a vendor cancels its own parts alone', async () => {
    const { id: orderId } = await confirmed();
    const { order } = await desk.vendor.cancelOrder({ requestId: requestId(), orderId });
    expect(order?.parts.map(({ vendorId, status }) => [vendorId, status])).toEqual([['usr_v', PartStatus.CANCELED]]);
    const whole = (await desk.asha.getOrder({ orderId })).order;
    expect(partFor(whole, 'usr_w').status).toBe(PartStatus.CONFIRMED);
    const others = itemsOf(partFor(whole, 'usr_w'), 1);
    const foreign = desk.vendor.cancelOrder({ requestId: requestId(), orderId, items: others });
    expect(await refusal(foreign)).toMatchObject({ reason: 'NOT_CANCELABLE' });
  });

  test('the whole order gives everything back, and is closed then', async () => {
    const { id: orderId } = await confirmed();
    await desk.asha.cancelOrder({ requestId: requestId(), orderId });
    const order = await desk.until(orderId, ({ status }) => status === OrderStatus.CANCELED);
    expect(desk.shop.refunded(orderId)).toBe(order.totals?.total?.minorUnits);
    expect(desk.shop.sold()).toBe(0);
  });

  test('what is packed is refused', async () => {
    const order = await move(await confirmed(), PartStatus.PACKED);
    const items = itemsOf(partFor(order, 'usr_v'), 1);
    const late = desk.asha.cancelOrder({ requestId: requestId(), orderId: order.id, items });
    expect(await refusal(late)).toMatchObject({ code: 'FailedPrecondition', reason: 'NOT_CANCELABLE' });
  });

  test('more than there is, a line twice, an unknown line and a stale etag are refused', async () => {
    const order = await confirmed();
    const [item] = itemsOf(partFor(order, 'usr_v'), 1);
    if (item === undefined) throw new Error('no line');
    const cancel = (changes: object) =>
      refusal(desk.asha.cancelOrder({ requestId: requestId(), orderId: order.id, ...changes }));
    expect(await cancel({ items: [{ ...item, quantity: 3 }] })).toMatchObject({ reason: 'QUANTITY_TOO_LARGE' });
    expect(await cancel({ items: [item, item] })).toMatchObject({ reason: 'LINE_TWICE' });
    expect(await cancel({ items: [{ ...item, lineId: 'oli_none' }] })).toMatchObject({ reason: 'LINE_NOT_FOUND' });
    expect(await cancel({ etag: '0' })).toMatchObject({ code: 'Aborted', reason: 'ETAG_MISMATCH' });
    expect(await cancel({ items: [{ ...item, quantity: 0 }] })).toMatchObject({ code: 'InvalidArgument' });
    expect(await cancel({ items: [{ ...item, quantity: -1 }] })).toMatchObject({ code: 'InvalidArgument' });
  });

  test('a part of an order that is not paid, and one that is being placed, is refused', async () => {
    const order = await desk.buy();
    const items = itemsOf(partFor(order, 'usr_v'), 1);
    const partly = desk.asha.cancelOrder({ requestId: requestId(), orderId: order.id, items });
    expect(await refusal(partly)).toMatchObject({ reason: 'NOT_CANCELABLE' });
    desk.shop.meddle = () => {
      throw new Error('nothing works');
    };
    const pending = await desk.buy();
    const early = desk.asha.cancelOrder({ requestId: requestId(), orderId: pending.id });
    expect(await refusal(early)).toMatchObject({ code: 'Aborted', reason: 'ORDER_BEING_PLACED' });
  });

  test('the same request twice cancels once, and is answered with the order as it is', async () => {
    const order = await confirmed();
    const items = itemsOf(partFor(order, 'usr_v'), 1);
    const request = { requestId: requestId(), orderId: order.id, items };
    await desk.asha.cancelOrder(request);
    const again = await desk.asha.cancelOrder(request);
    expect(partFor(again.order, 'usr_v').lines[0]?.canceledQuantity).toBe(1);
    const other = desk.asha.cancelOrder({ ...request, reason: 'other' });
    expect(await refusal(other)).toMatchObject({ reason: 'REQUEST_ID_REUSED' });
  });

  test('at the same time, no piece is canceled twice', async () => {
    const order = await confirmed();
    const items = itemsOf(partFor(order, 'usr_v'), 1);
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, () => desk.asha.cancelOrder({ requestId: requestId(), orderId: order.id, items })),
    );
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  });
});

describe('fulfilment', () => {
  test('moves a part on, and the order with the last of them', async () => {
    const order = await confirmed();
    expect((await move(order, PartStatus.PACKED)).status).toBe(OrderStatus.CONFIRMED);
    await move(order, PartStatus.SHIPPED);
    await move(order, PartStatus.DELIVERED);
    await move(order, PartStatus.SHIPPED, 'usr_w');
    const { order: before } = await desk.asha.getOrder({ orderId: order.id });
    expect(before?.status).toBe(OrderStatus.SHIPPED);
    await move(order, PartStatus.DELIVERED, 'usr_w');
    const { order: after } = await desk.asha.getOrder({ orderId: order.id });
    expect(after?.status).toBe(OrderStatus.DELIVERED);
  });

  test.each([
    [PartStatus.DELIVERED, PartStatus.SHIPPED],
    [PartStatus.SHIPPED, PartStatus.PACKED],
    [PartStatus.PACKED, PartStatus.PACKED],
    [PartStatus.PACKED, PartStatus.CANCELED],
    [PartStatus.PACKED, PartStatus.CONFIRMED],
    [PartStatus.PACKED, PartStatus.PENDING],
  ])('from %s to %s is refused', async (from, to) => {
    const order = await move(await confirmed(), from);
    expect(await refusal(move(order, to))).toMatchObject({ code: 'FailedPrecondition', reason: 'ILLEGAL_MOVE' });
  });

  test('of another’s part, of an order that is not confirmed, and by a customer is refused', async () => {
    const order = await confirmed();
    const partId = partFor(order, 'usr_w').id;
    const request = { requestId: requestId(), orderId: order.id, partId, status: PartStatus.PACKED };
    expect(await refusal(desk.vendor.updateFulfillment(request))).toMatchObject({ reason: 'ORDER_NOT_FOUND' });
    expect(await refusal(desk.asha.updateFulfillment(request))).toMatchObject({ reason: 'ROLE_MISSING' });
    desk.shop.paysAtOnce = false;
    const unpaid = await desk.buy();
    expect(await refusal(move(unpaid, PartStatus.PACKED))).toMatchObject({ reason: 'ORDER_NOT_FOUND' });
  });

  test('names the carrier by its mask, and refuses an unknown path and nothing at all', async () => {
    const order = await move(await confirmed(), PartStatus.SHIPPED);
    const partId = partFor(order, 'usr_v').id;
    const update = (changes: object) =>
      desk.vendor.updateFulfillment({ requestId: requestId(), orderId: order.id, partId, ...changes });
    const named = await update({ carrier: 'Delhivery', trackingNumber: 'D1', updateMask: { paths: ['carrier'] } });
    expect(partFor(named.order, 'usr_v')).toMatchObject({ carrier: 'Delhivery', trackingNumber: '' });
    expect(await refusal(update({ updateMask: { paths: ['lines'] } }))).toMatchObject({ reason: 'MASK_PATH_UNKNOWN' });
    expect(await refusal(update({}))).toMatchObject({ reason: 'NOTHING_TO_CHANGE' });
    expect(await refusal(update({ carrier: 'C', etag: '1' }))).toMatchObject({ reason: 'ETAG_MISMATCH' });
  });

  test('cash is noted when the part arrives', async () => {
    const order = await confirmed(PaymentMethod.CASH_ON_DELIVERY);
    await move(order, PartStatus.DELIVERED);
    await move(order, PartStatus.DELIVERED, 'usr_w');
    const rest = await desk.until(order.id, () => desk.shop.captured(order.id) === order.totals?.total?.minorUnits);
    expect(rest.status).toBe(OrderStatus.DELIVERED);
  });
});

describe('a return', () => {
  async function delivered() {
    const order = await move(await confirmed(), PartStatus.DELIVERED);
    const items = itemsOf(partFor(order, 'usr_v'), 1);
    return { order, items, orderId: order.id };
  }
  const ask = (orderId: string, items: { lineId: string; quantity: number }[]) =>
    desk.asha.requestReturn({ requestId: requestId(), orderId, items, reason: 'too small' });
  const resolve = (orderId: string, returnId: string, decision: ReturnDecision, client = desk.vendor) =>
    client.resolveReturn({ requestId: requestId(), orderId, returnId, decision, restock: true });

  test('that came back is refunded without its shipping, and restocked', async () => {
    const { orderId, items } = await delivered();
    const { returnId } = await ask(orderId, items);
    await resolve(orderId, returnId, ReturnDecision.APPROVE);
    const { order } = await resolve(orderId, returnId, ReturnDecision.RECEIVE);
    expect(order?.returns).toMatchObject([{ status: OrderReturnStatus.RECEIVED, refund: { minorUnits: 40_000n } }]);
    await desk.until(orderId, ({ refunds }) => refunds.length > 0 && refunds.every(({ sent }) => sent));
    expect(desk.shop.refunded(orderId)).toBe(40_000n);
  });

  test('of more than arrived, also in several requests, is refused', async () => {
    const { orderId, items } = await delivered();
    await ask(orderId, items);
    await ask(orderId, items);
    expect(await refusal(ask(orderId, items))).toMatchObject({ reason: 'QUANTITY_TOO_LARGE' });
  });

  test('of what has not arrived, of two parts at once, and after 30 days is refused', async () => {
    const { order, orderId, items } = await delivered();
    const others = itemsOf(partFor(order, 'usr_v'), 1);
    const whole = (await desk.asha.getOrder({ orderId })).order;
    const unsent = itemsOf(partFor(whole, 'usr_w'), 1);
    expect(await refusal(ask(orderId, unsent))).toMatchObject({ reason: 'NOT_RETURNABLE' });
    expect(await refusal(ask(orderId, [...others, ...unsent]))).toMatchObject({ reason: 'PARTS_MIXED' });
    desk.shop.now = new Date(desk.shop.now.getTime() + 31 * 24 * 3_600_000);
    expect(await refusal(ask(orderId, items))).toMatchObject({ reason: 'RETURN_TOO_LATE' });
  });

  test('that was answered can’t be answered otherwise, nor by another vendor', async () => {
    const { orderId, items } = await delivered();
    const { returnId } = await ask(orderId, items);
    const foreign = resolve(orderId, returnId, ReturnDecision.APPROVE, desk.otherVendor);
    expect(await refusal(foreign)).toMatchObject({ reason: 'ORDER_NOT_FOUND' });
    await resolve(orderId, returnId, ReturnDecision.REJECT);
    for (const decision of [ReturnDecision.APPROVE, ReturnDecision.RECEIVE, ReturnDecision.REJECT])
      expect(await refusal(resolve(orderId, returnId, decision))).toMatchObject({ reason: 'ILLEGAL_MOVE' });
    const unknown = resolve(orderId, 'ret_none', ReturnDecision.APPROVE, desk.admin);
    expect(await refusal(unknown)).toMatchObject({ reason: 'RETURN_NOT_FOUND' });
  });

  test('by a vendor is refused', async () => {
    const { orderId, items } = await delivered();
    const request = { requestId: requestId(), orderId, items, reason: 'mine' };
    expect(await refusal(desk.vendor.requestReturn(request))).toMatchObject({ reason: 'ORDER_NOT_FOUND' });
  });
});
