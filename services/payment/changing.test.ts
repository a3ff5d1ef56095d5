import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { idOf, ledgerOf, openBench, type Bench } from './bench.testing.ts';
import { collect, type Payment } from './payment.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });
let orders = 0;
const create = (method: 'online' | 'cash') =>
  bench.payments.create({ orderId: `ord_${++orders}`, userId: 'usr_asha', amount: inr(10_000n), method });

const taking = (requestId: string) => (before: Payment) =>
  collect(before, { requestId, amount: inr(100n) }, bench.now());

test('fifty changes of one payment at once are each made once', async () => {
  const { id } = await create('cash');
  const names = Array.from({ length: 50 }, (_, index) => `${id} ${index}`);
  const changes = [...names, ...names].map((name) =>
    bench.store.change({ id }, { now: bench.now(), chargeIds: [name] }, taking(name)),
  );
  await Promise.all(changes);
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 5_000n, refunded: 0n });
  expect(await bench.payments.find(id)).toMatchObject({ version: 51, captured: 5_000n });
});

test('a change of what was found is one statement, and of what changed since it is made anew', async () => {
  const found = await create('cash');
  const { id } = found;
  const change = (name: string) => bench.store.change({ id }, { now: bench.now(), found }, taking(`${id} ${name}`));
  bench.statements.length = 0;
  expect(await change('first')).toMatchObject({ captured: 100n, version: 2 });
  expect(bench.statements).toHaveLength(1);
  expect(await change('second')).toMatchObject({ captured: 200n, version: 3 });
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 200n, refunded: 0n });
});

test('what leaves the payment found as it was is decided by how it is now', async () => {
  const found = await create('cash');
  const { id } = found;
  await bench.store.change({ id }, { now: bench.now() }, taking(`${id} first`));
  const same = await bench.store.change({ id }, { now: bench.now(), found }, (payment) => ({ payment, movements: [] }));
  expect(same).toMatchObject({ captured: 100n, version: 2 });
});

test('an event is remembered with its effect alone', async () => {
  const { id } = await create('cash');
  const event = { provider: 'cash', id: `${id} event` };
  const options = { now: bench.now(), event };
  const count = async () =>
    (await bench.database.query('select 1 from provider_event where id = $1', [event.id])).length;
  const failing = bench.store.change({ id }, options, () => {
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  await bench.store.change({ id }, options, (payment) => ({ payment, movements: [] }));
  expect(await count()).toBe(0);
  expect(await bench.store.change({ id }, options, taking(`${id} first`))).toMatchObject({ captured: 100n });
  expect(await count()).toBe(1);
  expect(await bench.store.change({ id }, options, taking(`${id} second`))).toBeUndefined();
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 100n, refunded: 0n });
});

test('ten captures of a charge at once are told once, and answered alike', async () => {
  const { id, providerOrderId } = await create('online');
  const paid = await bench.test.pay({ requestId: idOf(id), orderId: providerOrderId, declined: false });
  const captures = Array.from({ length: 10 }, () =>
    bench.test.capture(paid.chargeId, inr(10_000n), AbortSignal.timeout(5_000)),
  );
  expect(new Set((await Promise.all(captures)).map(({ state }) => state))).toEqual(new Set(['captured']));
  const told = await bench.database.query('select 1 from task where key like $1', [
    `payment.captured:${paid.chargeId}%`,
  ]);
  expect(told).toHaveLength(1);
});
