import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Fault } from '#platform/fault.ts';
import { ledgerOf, openBench, windowMs, type Bench } from './bench.testing.ts';
import { createRazorpay } from './razorpay-provider.ts';
import { openRazorpayStandIn, type RazorpayStandIn } from './razorpay-stand-in.testing.ts';

let standIn: RazorpayStandIn;
let bench: Bench;
beforeAll(async () => {
  standIn = await openRazorpayStandIn();
  const online = createRazorpay({ ...standIn, webhookSecrets: ['the next one', standIn.webhookSecret] });
  bench = await openBench({ online });
});
afterAll(async () => {
  await bench.close();
  await standIn.close();
});

const price = { minorUnits: 49_900n, currency: 'INR' };
let orders = 0;
const create = () =>
  bench.payments.create({ orderId: `ord_${++orders}`, userId: 'usr_asha', amount: price, method: 'online' });

type Event = { readonly body: Buffer; readonly signature: string };
const tell = ({ body, signature }: Event, eventId = 'evt', provider = 'razorpay') =>
  bench.handleWebhook({ provider, eventId, body, signature });

async function reasonOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof Fault ? error.reason : String(error);
}

const find = async (id: string) => bench.payments.find(id);

test('through razorpay: made in two statements, captured, half of it back', async () => {
  bench.statements.length = 0;
  const payment = await create();
  expect(bench.statements).toHaveLength(3); // insert; note the order; read
  expect(payment.providerOrderId).toMatch(/^order_/);
  const proof = standIn.pay(payment.providerOrderId);
  const captured = await bench.payments.capture({ userId: 'usr_asha', paymentId: payment.id, ...proof });
  expect(captured).toMatchObject({ status: 'captured' });
  const half = { minorUnits: 24_950n, currency: 'INR' };
  await bench.payments.refund({ requestId: 'half of it', orderId: payment.orderId, amount: half, reason: 'one shoe' });
  expect(await bench.settle()).toEqual([]);
  expect(await ledgerOf(bench.database, payment.id)).toEqual({ captured: 49_900n, refunded: 24_950n });
});

test('an event that comes ten times at once counts once', async () => {
  const { id, providerOrderId } = await create();
  const { chargeId } = standIn.pay(providerOrderId, 'captured');
  const event = standIn.event('payment.captured', chargeId);
  await Promise.all(Array.from({ length: 10 }, () => tell(event, `evt ${id}`)));
  await tell(event, 'the same under another name');
  expect(await find(id)).toMatchObject({ status: 'captured', captured: 49_900n });
  await ledgerOf(bench.database, id);
});

test('forged, late and early events are refused, and change nothing', async () => {
  const { id, providerOrderId } = await create();
  const { chargeId } = standIn.pay(providerOrderId, 'captured');
  const event = standIn.event('payment.captured', chargeId);
  expect(await reasonOf(tell({ ...event, signature: event.signature.replace(/^./, 'g') }))).toBe(
    'WEBHOOK_SIGNATURE_INVALID',
  );
  const changed = Buffer.from(event.body.toString().replace('49900', '49901'));
  expect(await reasonOf(tell({ ...event, body: changed }))).toBe('WEBHOOK_SIGNATURE_INVALID');
  const now = bench.now().getTime();
  const late = standIn.event('payment.captured', chargeId, undefined, new Date(now - windowMs - 2_000));
  expect(await reasonOf(tell(late))).toBe('WEBHOOK_TOO_OLD');
  const early = standIn.event('payment.captured', chargeId, undefined, new Date(now + 302_000));
  expect(await reasonOf(tell(early))).toBe('WEBHOOK_FROM_FUTURE');
  expect(await find(id)).toMatchObject({ status: 'pending', captured: 0n });
  const old = standIn.event('payment.captured', chargeId, undefined, new Date(now - windowMs + 60_000));
  await tell(old);
  expect(await find(id)).toMatchObject({ status: 'captured' });
});

test('events of providers that there are not are refused', async () => {
  const event = { body: Buffer.from('{}'), signature: '' };
  expect(await reasonOf(tell(event, '', 'stripe'))).toBe('PROVIDER_UNKNOWN');
  expect(await reasonOf(tell(event, '', 'cash'))).toBe('PROVIDER_UNKNOWN');
  expect(await reasonOf(tell(event, '', 'test'))).toBe('PROVIDER_UNKNOWN');
});

test('an event about somebody else’s order is accepted without effect', async () => {
  const { providerOrderId } = await create();
  const { chargeId } = standIn.pay(providerOrderId, 'captured');
  const event = standIn.event('payment.captured', chargeId);
  await bench.database.query(`update payment set provider_order_id = 'order_gone' where provider_order_id = $1`, [
    providerOrderId,
  ]);
  await tell(event, 'about another');
});

test('captured may come before authorized, and a refund before its answer was written down', async () => {
  const { id, orderId, providerOrderId } = await create();
  const { chargeId } = standIn.pay(providerOrderId);
  const authorized = standIn.event('payment.authorized', chargeId);
  Object.assign(standIn.payments.at(-1) ?? {}, { status: 'captured', captured: true });
  await tell(standIn.event('payment.captured', chargeId), 'second');
  await tell(authorized, 'first');
  expect(await find(id)).toMatchObject({ status: 'captured', checkTime: undefined });
  const { refund } = await bench.payments.refund({ requestId: `${id} r`, orderId, amount: price, reason: '' });
  standIn.troubles.push(undefined, 'loses-the-answer');
  expect(await bench.settle()).toHaveLength(1);
  await tell(standIn.event('refund.processed', chargeId, standIn.refunds.at(-1)?.id), 'third');
  expect(await find(id)).toMatchObject({ refunded: 49_900n, refunds: [{ id: refund.id, state: 'succeeded' }] });
  bench.pass(60_000);
  await bench.settle();
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 49_900n, refunded: 49_900n });
});

test('a refund that takes its time stays pending until razorpay tells', async () => {
  const { id, orderId, providerOrderId } = await create();
  const { chargeId } = standIn.pay(providerOrderId, 'captured');
  await tell(standIn.event('payment.captured', chargeId), `captured ${id}`);
  standIn.refundStatus = 'pending';
  await bench.payments.refund({ requestId: `${id} slow`, orderId, amount: price, reason: '' });
  expect(await bench.settle()).toEqual([]);
  expect(await find(id)).toMatchObject({ refunded: 0n, refunds: [{ state: 'pending' }] });
  standIn.refundStatus = 'processed';
  Object.assign(standIn.refunds.at(-1) ?? {}, { status: 'processed' });
  bench.pass(11 * 60_000); // its event was lost
  expect(await bench.settle()).toEqual([]);
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 49_900n, refunded: 49_900n });
});

test('a refund that is refused for good fails, and the money can be given back another way', async () => {
  const { id, orderId, providerOrderId } = await create();
  const { chargeId } = standIn.pay(providerOrderId, 'captured');
  await tell(standIn.event('payment.captured', chargeId), `captured ${id}`);
  await bench.payments.refund({ requestId: `${id} no`, orderId, amount: price, reason: '' });
  standIn.troubles.push(undefined, 400);
  expect(await bench.settle()).toEqual([]);
  expect(await find(id)).toMatchObject({ refunded: 0n, refunds: [{ state: 'failed' }] });
  await bench.payments.refund({ requestId: `${id} yes`, orderId, amount: price, reason: '' });
  expect(await bench.settle()).toEqual([]);
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 49_900n, refunded: 49_900n });
});

test('while razorpay is away a payment is closed nevertheless, and what was paid comes back', async () => {
  const { id, orderId, providerOrderId } = await create();
  const { chargeId } = standIn.pay(providerOrderId, 'captured');
  standIn.troubles.push(500);
  expect(await bench.payments.cancel(orderId)).toMatchObject({ status: 'canceled' });
  await tell(standIn.event('payment.captured', chargeId), `late ${id}`);
  expect(await bench.settle()).toEqual([]);
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 49_900n, refunded: 49_900n });
});

test('events are forgotten when they can’t come again', async () => {
  const count = async () => (await bench.database.query('select 1 from provider_event')).length;
  expect(await count()).toBeGreaterThan(0);
  bench.pass(windowMs + 1_000);
  await bench.store.forgetEvents(new Date(bench.now().getTime() - windowMs));
  expect(await count()).toBe(0);
});
