import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { InventoryService, ReservationState } from '#gen/only2u/product/v1/inventory_pb.ts';
import { ProductService, ProductStatus, type Product } from '#gen/only2u/product/v1/product_pb.ts';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { openTestService, type TestService } from '#platform/testing/service.ts';
import { productService } from './service.ts';
import { migrations } from './store.postgres.ts';

let database: TestDatabase;
let app: TestService;
let now = new Date('2026-05-01T10:00:00Z');
let requests = 0;
const requestId = (): string => `request-${String(requests++).padStart(6, '0')}`;

beforeAll(async () => {
  database = await openTestDatabase('product', migrations);
  const config = { DATABASE_URL: database.url, PAGE_TOKEN_KEY: 'k'.repeat(32) };
  app = await openTestService(productService, { config, now: () => now });
});
afterAll(async () => {
  await app.close();
  await database.close();
});

const user = (id: string, ...roles: string[]) => ({ user: { id, roles, sessionId: `ses_${id}` } });
const vendor = user('usr_v', 'vendor');
const other = user('usr_o', 'vendor');
const admin = user('usr_admin', 'admin');
const order = { caller: 'order' };

function inventory(caller: Parameters<TestService['as']>[0]): Client<typeof InventoryService> {
  return app.as(caller).client(InventoryService);
}

/** Makes a product of the vendor and answers its only variant's id. */
async function variant(
  stock: number,
  traits: Partial<Pick<Product['variants'][number], 'stockTracked' | 'backorderAllowed'>> & {
    status?: ProductStatus;
  } = {},
): Promise<string> {
  const { status = ProductStatus.PUBLISHED, ...more } = traits;
  const price = { minorUnits: 49900n, currency: 'INR' };
  const { product } = await app
    .as(vendor)
    .client(ProductService)
    .createProduct({
      requestId: requestId(),
      product: { title: 'Mug', status, variants: [{ price, stockTracked: true, ...more }] },
    });
  const variantId = product?.variants[0]?.id ?? '';
  if (stock > 0)
    await inventory(vendor).adjustStock({ requestId: requestId(), variantId, delta: stock, reason: 'first' });
  return variantId;
}

async function refusal(
  work: Promise<unknown>,
): Promise<{ code: Code; reason: string; metadata: Record<string, string> }> {
  const error = ConnectError.from(
    await work.then(
      () => new Error('it was not refused'),
      (reason: unknown) => reason,
    ),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  return { code: error.code, reason: info?.reason ?? error.message, metadata: info?.metadata ?? {} };
}

test('a vendor counts its own stock, and everybody sees what is available', async () => {
  const variantId = await variant(10);
  const { stock } = await inventory(vendor).adjustStock({
    requestId: requestId(),
    variantId,
    delta: -3,
    reason: 'broken',
  });
  expect(stock).toMatchObject({ variantId, onHand: 7, reserved: 0, available: 7, tracked: true });
  const { stocks } = await inventory({}).getStock({ variantIds: ['var_unknown', variantId] });
  expect(stocks).toMatchObject([{ variantId, available: 7 }]);
});

test('another vendor’s stock can’t be adjusted, an admin adjusts any', async () => {
  const variantId = await variant(1);
  const request = { requestId: requestId(), variantId, delta: 1 };
  expect(await refusal(inventory(other).adjustStock(request))).toMatchObject({
    code: Code.PermissionDenied,
    reason: 'NOT_YOUR_PRODUCT',
  });
  expect((await inventory(admin).adjustStock(request)).stock?.onHand).toBe(2);
});

test('a draft’s stock is not there for others', async () => {
  const variantId = await variant(2, { status: ProductStatus.DRAFT });
  expect((await inventory({}).getStock({ variantIds: [variantId] })).stocks).toEqual([]);
  expect((await inventory(vendor).getStock({ variantIds: [variantId] })).stocks).toHaveLength(1);
  const asOther = inventory(other).adjustStock({ requestId: requestId(), variantId, delta: 1 });
  expect(await refusal(asOther)).toMatchObject({ code: Code.NotFound, reason: 'VARIANT_NOT_FOUND' });
  const held = inventory(order).reserveStock({ requestId: requestId(), items: [{ variantId, quantity: 1 }] });
  expect(await refusal(held)).toMatchObject({ code: Code.NotFound, reason: 'VARIANT_NOT_FOUND' });
});

test('who is not signed in, not a vendor or not the order service is refused', async () => {
  const variantId = await variant(1);
  const adjust = { requestId: requestId(), variantId, delta: 1 };
  const reserve = { requestId: requestId(), items: [{ variantId, quantity: 1 }] };
  expect((await refusal(inventory({}).adjustStock(adjust))).code).toBe(Code.Unauthenticated);
  expect((await refusal(inventory(user('usr_c', 'customer')).adjustStock(adjust))).code).toBe(Code.PermissionDenied);
  expect((await refusal(inventory(admin).reserveStock(reserve))).code).toBe(Code.PermissionDenied);
  expect((await refusal(inventory({ caller: 'cart' }).reserveStock(reserve))).code).toBe(Code.PermissionDenied);
});

test('stock can’t be taken away below what is reserved, nor counted beyond all measure', async () => {
  const variantId = await variant(5);
  await inventory(order).reserveStock({ requestId: requestId(), items: [{ variantId, quantity: 4 }] });
  const take = inventory(vendor).adjustStock({ requestId: requestId(), variantId, delta: -2 });
  expect(await refusal(take)).toMatchObject({ code: Code.FailedPrecondition, reason: 'STOCK_TOO_LOW' });
  const add = inventory(vendor).adjustStock({ requestId: requestId(), variantId, delta: 1_000_000_000 });
  expect(await refusal(add)).toMatchObject({ code: Code.OutOfRange, reason: 'STOCK_TOO_LARGE' });
});

test('a variant that is not there, a delta of nothing and a variant twice are refused', async () => {
  const variantId = await variant(1);
  const adjust = (id: string, delta: number) =>
    refusal(inventory(vendor).adjustStock({ requestId: requestId(), variantId: id, delta }));
  expect(await adjust('var_none', 1)).toMatchObject({ code: Code.NotFound, reason: 'VARIANT_NOT_FOUND' });
  expect((await adjust(variantId, 0)).code).toBe(Code.InvalidArgument);
  const items = [
    { variantId, quantity: 1 },
    { variantId, quantity: 1 },
  ];
  const twice = inventory(order).reserveStock({ requestId: requestId(), items });
  expect(await refusal(twice)).toMatchObject({ code: Code.InvalidArgument, reason: 'VARIANT_TWICE' });
  const unknown = inventory(order).reserveStock({
    requestId: requestId(),
    items: [{ variantId: 'var_none', quantity: 1 }],
  });
  expect(await refusal(unknown)).toMatchObject({ code: Code.NotFound, reason: 'VARIANT_NOT_FOUND' });
});

test('what is missing is named by variant, and nothing is held', async () => {
  const [enough, short] = [await variant(9), await variant(2)];
  const items = [
    { variantId: enough, quantity: 9 },
    { variantId: short, quantity: 3 },
  ];
  const refused = await refusal(inventory(order).reserveStock({ requestId: requestId(), items }));
  expect(refused).toEqual({
    code: Code.FailedPrecondition,
    reason: 'OUT_OF_STOCK',
    metadata: { [`requested_${short}`]: '3', [`available_${short}`]: '2' },
  });
  const { stocks } = await inventory({}).getStock({ variantIds: [enough, short] });
  expect(stocks.map((stock) => stock.available)).toEqual([9, 2]);
});

test('a reservation is held, committed and stays so', async () => {
  const variantId = await variant(5);
  const client = inventory(order);
  const { reservation } = await client.reserveStock({ requestId: requestId(), items: [{ variantId, quantity: 2 }] });
  const reservationId = reservation?.id ?? '';
  expect(reservation).toMatchObject({ state: ReservationState.HELD, items: [{ variantId, quantity: 2 }] });
  expect(Number(reservation?.expireTime?.seconds) * 1_000).toBe(now.getTime() + 15 * 60_000);
  for (let i = 0; i < 2; i++) {
    const answer = await client.commitReservation({ requestId: requestId(), reservationId });
    expect(answer.reservation?.state).toBe(ReservationState.COMMITTED);
  }
  const { stocks } = await inventory({}).getStock({ variantIds: [variantId] });
  expect(stocks).toMatchObject([{ onHand: 3, reserved: 0 }]);
  const release = client.releaseReservation({ requestId: requestId(), reservationId });
  expect(await refusal(release)).toMatchObject({ code: Code.FailedPrecondition, reason: 'RESERVATION_COMMITTED' });
});

test('a released reservation can be released again, but not committed', async () => {
  const variantId = await variant(5);
  const client = inventory(order);
  const { reservation } = await client.reserveStock({ requestId: requestId(), items: [{ variantId, quantity: 2 }] });
  const reservationId = reservation?.id ?? '';
  for (let i = 0; i < 2; i++) {
    const answer = await client.releaseReservation({ requestId: requestId(), reservationId });
    expect(answer.reservation?.state).toBe(ReservationState.RELEASED);
  }
  const commit = client.commitReservation({ requestId: requestId(), reservationId });
  expect(await refusal(commit)).toMatchObject({ code: Code.FailedPrecondition, reason: 'RESERVATION_RELEASED' });
  const none = client.commitReservation({ requestId: requestId(), reservationId: 'rsv_none' });
  expect(await refusal(none)).toMatchObject({ code: Code.NotFound, reason: 'RESERVATION_NOT_FOUND' });
});

test('a hold beyond its time can’t be committed, and its pieces go to who asks next, before any sweeper came', async () => {
  const variantId = await variant(2);
  const client = inventory(order);
  const items = [{ variantId, quantity: 2 }];
  const held = await client.reserveStock({ requestId: requestId(), items, holdDuration: { seconds: 60n } });
  const start = now;
  try {
    now = new Date(start.getTime() + 60_000);
    const late = client.commitReservation({ requestId: requestId(), reservationId: held.reservation?.id ?? '' });
    expect(await refusal(late)).toMatchObject({ code: Code.FailedPrecondition, reason: 'RESERVATION_EXPIRED' });
    const next = await client.reserveStock({ requestId: requestId(), items });
    expect(next.reservation?.state).toBe(ReservationState.HELD);
  } finally {
    now = start;
  }
});

test('a repeated request is answered like the first, and a request_id is not reused', async () => {
  const variantId = await variant(10);
  const first = { requestId: requestId(), items: [{ variantId, quantity: 4 }] };
  const client = inventory(order);
  const [a, b] = [await client.reserveStock(first), await client.reserveStock(first)];
  expect(b).toEqual(a);
  const adjust = { requestId: requestId(), variantId, delta: -1 };
  await inventory(vendor).adjustStock(adjust);
  await inventory(vendor).adjustStock(adjust);
  const { stocks } = await inventory({}).getStock({ variantIds: [variantId] });
  expect(stocks).toMatchObject([{ onHand: 9, reserved: 4, available: 5 }]);
  const reused = client.reserveStock({ ...first, items: [{ variantId, quantity: 5 }] });
  expect(await refusal(reused)).toMatchObject({ code: Code.AlreadyExists, reason: 'REQUEST_ID_REUSED' });
});

test('untracked variants are always to be had, and backorders go below zero', async () => {
  const free = await variant(0, { stockTracked: false });
  const owed = await variant(1, { backorderAllowed: true });
  const items = [
    { variantId: free, quantity: 100 },
    { variantId: owed, quantity: 3 },
  ];
  await inventory(order).reserveStock({ requestId: requestId(), items });
  const { stocks } = await inventory({}).getStock({ variantIds: [free, owed] });
  expect(stocks).toMatchObject([
    { tracked: false, reserved: 0 },
    { backorderAllowed: true, reserved: 3, available: -2 },
  ]);
});

test('an order asks again and again and holds one reservation', async () => {
  const variantId = await variant(5);
  const client = inventory(order);
  const items = [{ variantId, quantity: 2 }];
  const [first, second] = [
    await client.reserveStock({ requestId: requestId(), orderId: 'ord_again', items }),
    await client.reserveStock({ requestId: requestId(), orderId: 'ord_again', items }),
  ];
  expect(second).toEqual(first);
  expect(first.reservation).toMatchObject({ orderId: 'ord_again', state: ReservationState.HELD });
  const more = { requestId: requestId(), orderId: 'ord_again', items: [{ variantId, quantity: 3 }] };
  expect(await refusal(client.reserveStock(more))).toEqual({
    code: Code.AlreadyExists,
    reason: 'ORDER_ALREADY_RESERVED',
    metadata: { order_id: 'ord_again', reservation_id: first.reservation?.id },
  });
  await client.releaseReservation({ requestId: requestId(), reservationId: first.reservation?.id ?? '' });
  expect((await client.reserveStock(more)).reservation).toMatchObject({ items: [{ variantId, quantity: 3 }] });
});

test('closing an order gives its pieces back and refuses whoever comes late', async () => {
  const variantId = await variant(5);
  const client = inventory(order);
  const request = { requestId: requestId(), orderId: 'ord_closed', items: [{ variantId, quantity: 2 }] };
  const { reservation } = await client.reserveStock(request);
  const close = { requestId: requestId(), orderId: 'ord_closed' };
  for (const requested of [close, close, { ...close, requestId: requestId() }]) {
    const released = { id: reservation?.id, state: ReservationState.RELEASED };
    expect((await client.releaseReservation(requested)).reservation).toMatchObject(released);
  }
  const refused = { code: Code.FailedPrecondition, reason: 'ORDER_CLOSED', metadata: { order_id: 'ord_closed' } };
  expect(await refusal(client.reserveStock(request))).toEqual(refused);
  expect(await refusal(client.reserveStock({ ...request, requestId: requestId() }))).toEqual(refused);
  const late = client.commitReservation({ requestId: requestId(), reservationId: reservation?.id ?? '' });
  expect((await refusal(late)).reason).toBe('RESERVATION_RELEASED');
  const { stocks } = await inventory({}).getStock({ variantIds: [variantId] });
  expect(stocks).toMatchObject([{ onHand: 5, reserved: 0 }]);
});

test('an order that never reserved anything is closed by an empty answer', async () => {
  const client = inventory(order);
  for (let i = 0; i < 2; i++) {
    const closed = await client.releaseReservation({ requestId: requestId(), orderId: 'ord_never' });
    expect(closed.reservation).toBeUndefined();
  }
  const items = [{ variantId: await variant(1), quantity: 1 }];
  const late = client.reserveStock({ requestId: requestId(), orderId: 'ord_never', items });
  expect((await refusal(late)).reason).toBe('ORDER_CLOSED');
});

test('an order whose pieces are sold is not closed', async () => {
  const variantId = await variant(1);
  const client = inventory(order);
  const request = { requestId: requestId(), orderId: 'ord_sold', items: [{ variantId, quantity: 1 }] };
  const reservationId = (await client.reserveStock(request)).reservation?.id ?? '';
  await client.commitReservation({ requestId: requestId(), reservationId });
  expect(await refusal(client.releaseReservation({ requestId: requestId(), orderId: 'ord_sold' }))).toEqual({
    code: Code.FailedPrecondition,
    reason: 'RESERVATION_COMMITTED',
    metadata: { reservation_id: reservationId },
  });
  const again = await client.reserveStock({ ...request, requestId: requestId() });
  expect(again.reservation).toMatchObject({ id: reservationId, state: ReservationState.COMMITTED });
});

test('a release names a reservation or an order, not both and not neither', async () => {
  const client = inventory(order);
  for (const names of [{}, { reservationId: 'rsv_1', orderId: 'ord_1' }, { orderId: 'o'.repeat(65) }]) {
    const release = client.releaseReservation({ requestId: requestId(), ...names });
    expect((await refusal(release)).code).toBe(Code.InvalidArgument);
  }
  const unknown = client.releaseReservation({ requestId: requestId(), reservationId: 'rsv_none' });
  expect(await refusal(unknown)).toMatchObject({ code: Code.NotFound, reason: 'RESERVATION_NOT_FOUND' });
});

test('sold pieces come back once by a request, and never more than were sold', async () => {
  const [kept, free] = [await variant(5), await variant(0, { stockTracked: false })];
  const client = inventory(order);
  const items = [kept, free].map((variantId) => ({ variantId, quantity: 3 }));
  const { reservation } = await client.reserveStock({ requestId: requestId(), items });
  const reservationId = reservation?.id ?? '';
  const back = { requestId: requestId(), reservationId, items: items.map((item) => ({ ...item, quantity: 2 })) };
  expect(await refusal(client.restockItems(back))).toMatchObject({
    code: Code.FailedPrecondition,
    reason: 'RESERVATION_NOT_COMMITTED',
  });
  await client.commitReservation({ requestId: requestId(), reservationId });
  for (let i = 0; i < 2; i++) expect((await client.restockItems(back)).uncountedVariantIds).toEqual([free]);
  const { stocks } = await inventory({}).getStock({ variantIds: [kept] });
  expect(stocks).toMatchObject([{ onHand: 4, reserved: 0 }]);
  expect(await refusal(client.restockItems({ ...back, requestId: requestId() }))).toEqual({
    code: Code.FailedPrecondition,
    reason: 'RESTOCK_EXCEEDS_COMMITTED',
    metadata: { reservation_id: reservationId, variant_id: kept, requested: '2', committed: '3', restocked: '2' },
  });
});

test('restocking what was not sold, twice in a request or under a used request_id is refused', async () => {
  const variantId = await variant(5);
  const client = inventory(order);
  const { reservation } = await client.reserveStock({ requestId: requestId(), items: [{ variantId, quantity: 3 }] });
  const reservationId = reservation?.id ?? '';
  await client.commitReservation({ requestId: requestId(), reservationId });
  const one = [{ variantId, quantity: 1 }];
  const back = { requestId: requestId(), reservationId, items: one };
  const refused = async (more: object) => (await refusal(client.restockItems({ ...back, ...more }))).reason;
  expect(await refused({ items: [...one, ...one] })).toBe('VARIANT_TWICE');
  expect(await refused({ items: [{ variantId: 'var_other', quantity: 1 }] })).toBe('RESTOCK_EXCEEDS_COMMITTED');
  expect(await refused({ reservationId: 'rsv_none' })).toBe('RESERVATION_NOT_FOUND');
  expect((await refusal(client.restockItems({ ...back, items: [] }))).code).toBe(Code.InvalidArgument);
  await client.restockItems(back);
  expect(await refused({ items: [{ variantId, quantity: 2 }] })).toBe('REQUEST_ID_REUSED');
  const byCart = inventory({ caller: 'cart' }).restockItems(back);
  expect((await refusal(byCart)).code).toBe(Code.PermissionDenied);
});
