import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OrderStatus, OrderView, PartStatus, type Order } from '#gen/only2u/order/v1/order_pb.ts';
import { openOrderDesk, refusal, requestId, type OrderDesk } from './service.testing.ts';

let desk: OrderDesk;

beforeEach(async () => {
  desk = await openOrderDesk();
});

afterEach(() => desk.close());

/** Confirmed, of usr_v and usr_w. */
async function buyOfBoth(): Promise<Order> {
  desk.shop.paysAtOnce = true;
  desk.shop.cart = [
    { variantId: 'var_1', quantity: 2 },
    { variantId: 'var_2', quantity: 1 },
  ];
  return desk.buy();
}

const partIdOf = (order: Order, vendorId: string) => order.parts.find((one) => one.vendorId === vendorId)?.id ?? '';

function ship(order: Order, vendorId = 'usr_v') {
  const client = vendorId === 'usr_v' ? desk.vendor : desk.otherVendor;
  const partId = partIdOf(order, vendorId);
  return client.updateFulfillment({ requestId: requestId(), orderId: order.id, partId, status: PartStatus.SHIPPED });
}

describe('an order', () => {
  test('is whole for its customer and an admin', async () => {
    const { id: orderId } = await buyOfBoth();
    const [mine, admins] = await Promise.all([desk.asha.getOrder({ orderId }), desk.admin.getOrder({ orderId })]);
    expect(mine.order).toEqual(admins.order);
    expect(mine.order?.parts).toHaveLength(2);
  });

  test('shows a vendor its own parts and their sums, and nothing of the payment or of others', async () => {
    const whole = await buyOfBoth();
    const { order } = await desk.vendor.getOrder({ orderId: whole.id });
    expect(order?.parts.map(({ vendorId }) => vendorId)).toEqual(['usr_v']);
    expect(order?.totals?.total).toEqual(order?.parts[0]?.total);
    expect(order?.payment).toBeUndefined();
    expect(order?.coupons).toEqual([]);
    expect(order?.address?.recipient).toBe('Asha Rao');
    const told = JSON.stringify(order, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    expect(told).not.toContain('usr_w');
    expect(told).not.toContain(partIdOf(whole, 'usr_w'));
  });

  test('of another is not there, and neither is one that is not paid for its vendor', async () => {
    const { id: orderId } = await desk.buy();
    for (const client of [desk.as('usr_b'), desk.vendor, desk.as('usr_v')])
      expect(await refusal(client.getOrder({ orderId }))).toMatchObject({
        code: 'NotFound',
        reason: 'ORDER_NOT_FOUND',
      });
    expect(await refusal(desk.admin.getOrder({ orderId: 'ord_none' }))).toMatchObject({ reason: 'ORDER_NOT_FOUND' });
    const changes = [
      desk.as('usr_b').cancelOrder({ requestId: requestId(), orderId }),
      desk.as('usr_b').requestReturn({
        requestId: requestId(),
        orderId,
        items: [{ lineId: 'oli_1', quantity: 1 }],
        reason: 'r',
      }),
      desk.as('usr_b').getInvoice({ orderId }),
    ];
    for (const refused of await Promise.all(changes.map(refusal)))
      expect(refused).toMatchObject({ reason: 'ORDER_NOT_FOUND' });
  });
});

describe('a list', () => {
  test('comes in pages, the latest first, without histories', async () => {
    const bought = [await desk.buy(), await desk.buy(), await desk.buy()];
    const first = await desk.asha.listOrders({ pageSize: 2 });
    const second = await desk.asha.listOrders({ pageSize: 2, pageToken: first.nextPageToken });
    const ids = [...first.orders, ...second.orders].map(({ id }) => id);
    expect(ids).toEqual(bought.map(({ id }) => id).reverse());
    expect(second.nextPageToken).toBe('');
    expect(first.orders.every(({ history }) => history.length === 0)).toBe(true);
    const others = desk.as('usr_b').listOrders({ pageSize: 2, pageToken: first.nextPageToken });
    expect(await refusal(others)).toMatchObject({ reason: 'PAGE_TOKEN_INVALID' });
    const filtered = desk.asha.listOrders({ status: OrderStatus.CANCELED, pageToken: first.nextPageToken });
    expect(await refusal(filtered)).toMatchObject({ reason: 'PAGE_TOKEN_INVALID' });
  });

  test('of what is sold is for vendors, of all for admins', async () => {
    await desk.buy();
    const { id } = await buyOfBoth();
    const sold = await desk.vendor.listOrders({ view: OrderView.SOLD });
    expect(sold.orders.map((order) => [order.id, order.parts.length])).toEqual([[id, 1]]);
    expect((await desk.admin.listOrders({ view: OrderView.ALL })).orders).toHaveLength(2);
    expect((await desk.admin.listOrders({})).orders).toHaveLength(0);
    for (const view of [OrderView.SOLD, OrderView.ALL])
      expect(await refusal(desk.asha.listOrders({ view }))).toMatchObject({ reason: 'VIEW_NOT_GRANTED' });
  });
});

describe('watching', () => {
  async function readAll(stream: AsyncIterable<{ readonly order?: Order | undefined }>): Promise<OrderStatus[]> {
    const seen: OrderStatus[] = [];
    for await (const { order } of stream) if (order !== undefined) seen.push(order.status);
    return seen;
  }

  test('sends the order as it is, and each change, until it is closed for good', async () => {
    const { id: orderId } = await desk.buy();
    const watching = readAll(desk.asha.watchOrder({ orderId }));
    await desk.asha.cancelOrder({ requestId: requestId(), orderId });
    const seen = await watching;
    expect(seen.at(-1)).toBe(OrderStatus.CANCELED);
    expect(await readAll(desk.asha.watchOrder({ orderId }))).toEqual([OrderStatus.CANCELED]);
  });

  test('hears of a change that another process made', async () => {
    const order = await desk.buy();
    const stream = desk.asha.watchOrder({ orderId: order.id })[Symbol.asyncIterator]();
    await stream.next();
    await desk.database.query(
      `update orders set document = jsonb_set(jsonb_set(document::jsonb, '{version}', '99'), '{closeMessage}', '"elsewhere"')::json
       where id = $1`,
      [order.id],
    );
    await desk.database.query(`select pg_notify('order_changed', $1)`, [order.id]);
    const { value } = await stream.next();
    expect(value).toMatchObject({ order: { closeMessage: 'elsewhere', etag: '99' } });
    await stream.return?.();
  });

  test('another’s order is refused', async () => {
    const { id: orderId } = await desk.buy();
    expect(await refusal(readAll(desk.as('usr_b').watchOrder({ orderId })))).toMatchObject({
      reason: 'ORDER_NOT_FOUND',
    });
  });

  test('ends when the watcher goes', async () => {
    const { id: orderId } = await desk.buy();
    const gone = new AbortController();
    const stream = desk.asha.watchOrder({ orderId }, { signal: gone.signal })[Symbol.asyncIterator]();
    await stream.next();
    const next = stream.next();
    gone.abort();
    await expect(next).rejects.toThrow(/cancel|abort/i);
  });
});

describe('an invoice', () => {
  test('is there from when its part is shipped, with numbers without gaps', async () => {
    const orders = [await buyOfBoth(), await buyOfBoth()];
    const [first, second] = orders;
    if (first === undefined || second === undefined) throw new Error('no orders');
    const ask = (order: Order, vendorId: string) =>
      desk.asha.getInvoice({ orderId: order.id, partId: partIdOf(order, vendorId) });
    expect(await refusal(ask(first, 'usr_v'))).toMatchObject({ code: 'FailedPrecondition', reason: 'NOT_INVOICED' });
    await ship(first);
    await ship(second, 'usr_w');
    expect(await refusal(ship(second, 'usr_w'))).toMatchObject({ reason: 'ILLEGAL_MOVE' });
    await ship(first, 'usr_w');
    const numbers = [await ask(first, 'usr_v'), await ask(second, 'usr_w'), await ask(first, 'usr_w')];
    expect(numbers.map(({ number }) => number.slice(4))).toEqual(['/0001-000001', '/0002-000001', '/0002-000002']);
    expect(numbers[0]?.html).toContain(numbers[0]?.number);
  });

  test('shows what was sent, without what was canceled before and whatever came back since', async () => {
    const order = await buyOfBoth();
    const lineId = order.parts.find(({ vendorId }) => vendorId === 'usr_v')?.lines[0]?.id ?? '';
    await desk.asha.cancelOrder({ requestId: requestId(), orderId: order.id, items: [{ lineId, quantity: 1 }] });
    await ship(order);
    const { part } = await desk.vendor.getInvoice({ orderId: order.id });
    expect(part?.lines.map(({ quantity, total }) => [quantity, total?.minorUnits])).toEqual([[1, 40_000n]]);
  });

  test('of an order with several parts has to be named, and another vendor’s is not there', async () => {
    const order = await buyOfBoth();
    await ship(order);
    expect(await refusal(desk.asha.getInvoice({ orderId: order.id }))).toMatchObject({ reason: 'PART_AMBIGUOUS' });
    const others = desk.otherVendor.getInvoice({ orderId: order.id, partId: partIdOf(order, 'usr_v') });
    expect(await refusal(others)).toMatchObject({ reason: 'PART_NOT_FOUND' });
  });
});
