import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { newId } from '#platform/ids.ts';
import { schedule, runDueTasks } from '#platform/tasks.postgres.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { createEraseTask, eraseTask } from './erasure.postgres.ts';
import { close, closed, confirm, placeOrder } from './order-checkout.ts';
import { fulfill } from './order-fulfillment.ts';
import { totalOf, type Order } from './order.ts';
import { sampleQuote } from './quote.samples.ts';
import { createPostgresOrders, migrations } from './store.postgres.ts';
import type { OrderStore } from './store.ts';

let database: TestDatabase;
let store: OrderStore;
let now: Date;

beforeEach(async () => {
  database = await openTestDatabase('order_service', migrations);
  store = createPostgresOrders({ database, changed: () => undefined });
  now = new Date('2026-05-01T10:00:00Z');
});

afterEach(() => database.close());

async function add(userId: string, ...moves: readonly ((order: Order) => Order)[]): Promise<string> {
  const placing = {
    id: newId('ord'),
    userId,
    requestId: newId('req'),
    method: 'online',
    purchase: '',
    now,
    newId,
  } as const;
  let order = placeOrder(sampleQuote(), placing);
  await store.insert(order, { fingerprint: new Uint8Array(32), quote: randomBytes(16) });
  for (const move of moves) {
    const after = move(order);
    await store.replace(order, after, { schedules: true });
    order = after;
  }
  return order.id;
}

const paid = (order: Order) =>
  confirm(order, { reservationId: 'rsv_1', paymentId: 'pay_1', captured: totalOf(order) }, now);
const arrived = (order: Order) =>
  fulfill(
    order,
    { partId: order.parts[0]?.id ?? '', status: 'delivered', carrier: '', trackingNumber: '', invoiceNumber: 'I' },
    now,
  );
const canceled = (order: Order) =>
  closed(close(order, { reason: 'X', message: 'x' }, now), { captured: 0n, refundId: 'orf_1' }, now);

async function recipients(ids: readonly string[]): Promise<string[]> {
  return Promise.all(ids.map(async (id) => (await store.find(id))?.address.recipient ?? 'gone'));
}

async function run(): Promise<void> {
  const { errors } = await runDueTasks({
    database,
    handlers: { [eraseTask]: createEraseTask({ store, now: () => now }) },
    now: () => now,
  });
  expect(errors).toEqual([]);
}

test('who has deleted their account is forgotten order by order, as each is closed for good', async () => {
  const ids = [await add('usr_asha', canceled), await add('usr_asha', paid, arrived), await add('usr_asha', paid)];
  const others = await add('usr_b', canceled);
  await database.transaction((tx) => schedule(tx, { kind: eraseTask, key: 'usr_asha' }));
  await run();
  expect(await recipients(ids)).toEqual(['', 'Asha Rao', 'Asha Rao']); // what arrived may come back for 30 days
  now = new Date(now.getTime() + 31 * 24 * 3_600_000);
  await run();
  expect(await recipients([...ids, others])).toEqual(['', '', 'Asha Rao', 'Asha Rao']);
  const [first] = ids;
  const order = await store.find(first ?? '');
  expect(order?.address).toEqual({
    recipient: '',
    lines: [],
    city: '',
    region: 'Karnataka',
    postalCode: '',
    countryCode: 'IN',
    phone: '',
  });
  expect(totalOf(order ?? { parts: [] })).toBeGreaterThan(0n);
});
