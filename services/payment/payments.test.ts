import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { fromBinary } from '@bufbuild/protobuf';
import { PaymentChangedSchema } from '#gen/only2u/payment/v1/events_pb.ts';
import { PaymentStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import { Fault } from '#platform/fault.ts';
import { idOf, ledgerOf, openBench, type Bench } from './bench.testing.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

let orderId = '';
let orders = 0;
beforeEach(() => {
  orderId = `ord_${++orders}`;
});

const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });
const price = inr(49_900n);
const userId = 'usr_asha';

const create = (amount = price) => bench.payments.create({ orderId, userId, amount, method: 'online' });
const createCash = () => bench.payments.create({ orderId, userId, amount: price, method: 'cash' });

async function reasonOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof Fault ? error.reason : String(error);
}

/** Pays on the provider's page. */
function pay(providerOrderId: string, name = orderId) {
  return bench.test.pay({ requestId: idOf(name), orderId: providerOrderId, declined: false });
}

async function paid() {
  const { id, providerOrderId } = await create();
  const proof = await pay(providerOrderId);
  const payment = await bench.payments.capture({ userId, paymentId: id, ...proof });
  return { payment, proof };
}

const refund = (minorUnits: bigint, name = 'all') =>
  bench.payments.refund({ requestId: `${orderId} ${name}`, orderId, amount: inr(minorUnits), reason: 'returned' });

const nowOf = async (id: string) => {
  const payment = await bench.payments.find(id);
  if (payment === undefined) throw new Error('the payment is gone');
  return payment;
};

test('a payment is made once an order, in one statement', async () => {
  bench.statements.length = 0;
  const payment = await create();
  expect(bench.statements).toHaveLength(1);
  expect(payment).toMatchObject({ status: 'pending', captured: 0n, provider: 'test' });
  expect((await create()).id).toBe(payment.id);
  expect(await reasonOf(create(inr(1n)))).toBe('PAYMENT_AMOUNT_CHANGED');
  expect(await reasonOf(createCash())).toBe('PAYMENT_AMOUNT_CHANGED');
});

test('fifty calls at once make one payment', async () => {
  const made = await Promise.all(Array.from({ length: 50 }, () => create()));
  expect(new Set(made.map(({ id }) => id)).size).toBe(1);
});

test('nothing to pay is paid at once', async () => {
  expect(await create(inr(0n))).toMatchObject({ status: 'captured', captured: 0n });
});

test('less than nothing is refused', async () => {
  expect(await reasonOf(create(inr(-1n)))).toBe('AMOUNT_NEGATIVE');
});

test('what the customer paid is captured once, whoever tells it and how often', async () => {
  const { payment, proof } = await paid();
  expect(payment).toMatchObject({ status: 'captured', captured: 49_900n });
  expect(await bench.settle()).toEqual([]);
  await bench.payments.capture({ userId, paymentId: payment.id, ...proof });
  expect(await ledgerOf(bench.database, payment.id)).toEqual({ captured: 49_900n, refunded: 0n });
});

test('capturing races with the provider’s events and counts once', async () => {
  const { id, providerOrderId } = await create();
  const proof = await pay(providerOrderId);
  await Promise.all([
    ...Array.from({ length: 8 }, () => bench.payments.capture({ userId, paymentId: id, ...proof })),
    bench.settle(),
  ]);
  expect(await bench.settle()).toEqual([]);
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 49_900n, refunded: 0n });
  expect(await nowOf(id)).toMatchObject({ status: 'captured', refunds: [] });
});

test('what is captured by the statements that are reported', async () => {
  const { id, providerOrderId } = await create();
  const proof = await pay(providerOrderId);
  bench.statements.length = 0;
  await bench.payments.capture({ userId, paymentId: id, ...proof });
  const own = bench.statements.filter((text) => !text.includes('test_charge'));
  expect(own).toHaveLength(2); // read; save, publish and schedule
  expect(bench.statements).toHaveLength(4); // and the provider's: read; take and tell
});

test('another customer’s payment is not there, and a forged signature is refused', async () => {
  const { id, providerOrderId } = await create();
  const proof = await pay(providerOrderId);
  expect(await reasonOf(bench.payments.capture({ userId: 'usr_eve', paymentId: id, ...proof }))).toBe(
    'PAYMENT_NOT_FOUND',
  );
  for (const signature of ['', 'ff', '0'.repeat(64), `${proof.signature}00`, proof.signature.toUpperCase()]) {
    const forged = { userId, paymentId: id, chargeId: proof.chargeId, signature };
    expect(await reasonOf(bench.payments.capture(forged))).toBe('PAYMENT_SIGNATURE_INVALID');
  }
});

test('the signature of another payment does not fit', async () => {
  const first = await create();
  const proof = await pay(first.providerOrderId);
  orderId = `${orderId}_other`;
  const second = await create();
  expect(await reasonOf(bench.payments.capture({ userId, paymentId: second.id, ...proof }))).toBe(
    'PAYMENT_SIGNATURE_INVALID',
  );
});

test('a declined try is counted, and the next one may be paid', async () => {
  const { id, providerOrderId } = await create();
  const declined = await bench.test.pay({ requestId: idOf(`${orderId} 1`), orderId: providerOrderId, declined: true });
  expect(declined.signature).toBe('');
  await bench.settle();
  expect(await nowOf(id)).toMatchObject({ status: 'pending', failedAttempts: 1 });
  const proof = await pay(providerOrderId);
  expect(await bench.payments.capture({ userId, paymentId: id, ...proof })).toMatchObject({ status: 'captured' });
});

test('a canceled payment stays so; money that arrives goes back by itself', async () => {
  const { id, providerOrderId } = await create();
  const proof = await pay(providerOrderId);
  expect(await bench.payments.cancel(orderId)).toMatchObject({ status: 'canceled' });
  expect(await reasonOf(bench.payments.capture({ userId, paymentId: id, ...proof }))).toBe('PAYMENT_CANCELED');
  // The provider took it nevertheless.
  await bench.test.capture(proof.chargeId, price, AbortSignal.timeout(5_000));
  expect(await bench.settle()).toEqual([]);
  expect(await nowOf(id)).toMatchObject({ status: 'canceled', captured: 49_900n, refunded: 49_900n });
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 49_900n, refunded: 49_900n });
});

test('canceling finds out that it was paid', async () => {
  const { id, providerOrderId } = await create();
  const proof = await pay(providerOrderId);
  await bench.test.capture(proof.chargeId, price, AbortSignal.timeout(5_000));
  expect(await bench.payments.cancel(orderId)).toMatchObject({ status: 'captured' });
  expect(await bench.payments.cancel(orderId)).toMatchObject({ status: 'captured' });
  await bench.settle();
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 49_900n, refunded: 0n });
});

test('capturing and canceling at once end in one of two ways', async () => {
  for (let round = 0; round < 10; round++) {
    orderId = `ord_race_${round}`;
    const { id, providerOrderId } = await create();
    const proof = await pay(providerOrderId);
    await Promise.allSettled([
      bench.payments.capture({ userId, paymentId: id, ...proof }),
      bench.payments.cancel(orderId),
      bench.payments.cancel(orderId),
    ]);
    await bench.settle();
    const { status } = await nowOf(id);
    const { captured, refunded } = await ledgerOf(bench.database, id);
    expect(status === 'captured' ? [captured, refunded] : [captured - refunded, 0n]).toEqual(
      status === 'captured' ? [49_900n, 0n] : [0n, 0n],
    );
  }
});

test('an order that was closed first never gets a payment', async () => {
  expect(await bench.payments.cancel(orderId)).toBeUndefined();
  expect(await bench.payments.cancel(orderId)).toBeUndefined();
  expect(await reasonOf(create())).toBe('ORDER_CLOSED');
  expect(await reasonOf(refund(1n))).toBe('PAYMENT_NOT_FOUND');
});

test('an order whose payment was canceled gets none again', async () => {
  await create();
  await bench.payments.cancel(orderId);
  expect(await reasonOf(create())).toBe('ORDER_CLOSED');
});

test('paid twice in two tabs, the second goes back', async () => {
  const { payment } = await paid();
  const { chargeId } = await pay(payment.providerOrderId, `${orderId} second`);
  await bench.test.capture(chargeId, price, AbortSignal.timeout(5_000));
  expect(await bench.settle()).toEqual([]);
  expect(await nowOf(payment.id)).toMatchObject({ status: 'captured', captured: 99_800n, refunded: 49_900n });
  expect(await ledgerOf(bench.database, payment.id)).toEqual({ captured: 99_800n, refunded: 49_900n });
  expect(await reasonOf(refund(49_901n))).toBe('REFUND_EXCEEDS_CAPTURED');
  await refund(49_900n, 'rest');
});

test('a refund is named once and for ever, and sent until it is done', async () => {
  const { payment } = await paid();
  const first = await refund(10_000n);
  expect(first.refund).toMatchObject({ state: 'pending', amount: 10_000n });
  expect((await refund(10_000n)).refund.id).toBe(first.refund.id);
  expect(await reasonOf(refund(9_999n))).toBe('REQUEST_ID_REUSED');
  await bench.settle();
  expect((await refund(10_000n)).refund).toMatchObject({ state: 'succeeded' });
  expect(await ledgerOf(bench.database, payment.id)).toEqual({ captured: 49_900n, refunded: 10_000n });
});

test('a refund’s name is refused for another order', async () => {
  await paid();
  const asked = { requestId: `${orderId} name`, amount: inr(1n), reason: '' };
  await bench.payments.refund({ ...asked, orderId });
  orderId = `${orderId}_other`;
  await paid();
  expect(await reasonOf(bench.payments.refund({ ...asked, orderId }))).toBe('REQUEST_ID_REUSED');
});

test('refunds at once never exceed what was captured', async () => {
  const { payment } = await paid();
  const asked = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => refund(10_000n, String(index))));
  expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
  await bench.settle();
  expect(await ledgerOf(bench.database, payment.id)).toEqual({ captured: 49_900n, refunded: 40_000n });
});

test('what was not paid can’t go back, nor can nothing, nor another currency', async () => {
  await create();
  expect(await reasonOf(refund(1n))).toBe('REFUND_EXCEEDS_CAPTURED');
  expect(await reasonOf(refund(0n))).toBe('AMOUNT_NOT_POSITIVE');
  const usd = { minorUnits: 1n, currency: 'USD' };
  const asked = { requestId: idOf('usd'), orderId, amount: usd, reason: '' };
  expect(await reasonOf(bench.payments.refund(asked))).toBe('CURRENCY_MISMATCH');
});

test('a refund and a cancel take as many statements as are reported', async () => {
  await paid();
  bench.statements.length = 0;
  await refund(100n);
  expect(bench.statements).toHaveLength(2);
  orderId = `${orderId}_c`;
  await create();
  bench.statements.length = 0;
  await bench.payments.cancel(orderId);
  expect(bench.statements.filter((text) => !text.includes('test_charge'))).toHaveLength(3);
});

test('a lost event and an app that went away lose no money', async () => {
  const { id, providerOrderId } = await create();
  await pay(providerOrderId);
  await bench.database.query('delete from task');
  bench.pass(121_000);
  await bench.check();
  expect(await nowOf(id)).toMatchObject({ status: 'captured', checkTime: undefined });
});

test('cash is collected in parts, never more than is due, and given back by hand', async () => {
  const { id } = await createCash();
  const collect = (minorUnits: bigint, name: string) =>
    bench.payments.collect({ requestId: `${orderId} ${name}`, orderId, amount: inr(minorUnits) });
  expect(await collect(20_000n, 'first')).toMatchObject({ status: 'pending', captured: 20_000n });
  expect(await collect(20_000n, 'first')).toMatchObject({ captured: 20_000n });
  expect(await reasonOf(collect(1n, 'first'))).toBe('REQUEST_ID_REUSED');
  expect(await reasonOf(collect(29_901n, 'second'))).toBe('COLLECTION_EXCEEDS_DUE');
  expect(await collect(29_900n, 'second')).toMatchObject({ status: 'captured', captured: 49_900n });
  expect((await refund(5_000n)).refund).toMatchObject({ state: 'succeeded' });
  expect(await ledgerOf(bench.database, id)).toEqual({ captured: 49_900n, refunded: 5_000n });
});

test('cash is not collected for what is paid online, nor for what was canceled', async () => {
  await create();
  const collect = () => bench.payments.collect({ requestId: `${orderId} cash`, orderId, amount: price });
  expect(await reasonOf(collect())).toBe('PAYMENT_NOT_CASH');
  orderId = `${orderId}_cash`;
  await createCash();
  await bench.payments.cancel(orderId);
  expect(await reasonOf(collect())).toBe('PAYMENT_CANCELED');
});

test('others are told when money came, and when it is back, and not before', async () => {
  await bench.database.query('delete from outbox');
  const { payment } = await paid();
  await refund(100n);
  const told = async () => {
    const rows = await bench.database.query<{ body: Buffer; key: string }>('select body, key from outbox order by seq');
    return rows.map(({ body, key }) => {
      const { paymentId, status, captured, refunded } = fromBinary(PaymentChangedSchema, body);
      return [key, paymentId, status, captured?.minorUnits, refunded?.minorUnits];
    });
  };
  const first = [orderId, payment.id, PaymentStatus.CAPTURED, 49_900n, 0n];
  expect(await told()).toEqual([first]);
  await bench.settle();
  expect(await told()).toEqual([first, [orderId, payment.id, PaymentStatus.CAPTURED, 49_900n, 100n]]);
});

test('the ledger is only ever added to', async () => {
  await paid();
  await expect(bench.database.query('update ledger_entry set amount = amount + 1')).rejects.toThrow(/only ever added/);
  await expect(bench.database.query('delete from ledger_entry')).rejects.toThrow(/only ever added/);
});
