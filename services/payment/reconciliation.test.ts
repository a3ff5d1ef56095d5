import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { idOf, openBench, type Bench } from './bench.testing.ts';
import { createPostgresLedger } from './ledger.postgres.ts';
import { reconcile, type Difference } from './reconciliation.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const price = { minorUnits: 49_900n, currency: 'INR' };

async function paid(orderId: string): Promise<{ readonly id: string; readonly chargeId: string }> {
  const { id, providerOrderId } = await bench.payments.create({
    orderId,
    userId: 'usr_1',
    amount: price,
    method: 'online',
  });
  const proof = await bench.test.pay({ requestId: idOf(orderId), orderId: providerOrderId, declined: false });
  await bench.payments.capture({ userId: 'usr_1', paymentId: id, ...proof });
  return { id, chargeId: proof.chargeId };
}

async function differences() {
  const now = bench.now().getTime();
  const span = { start: new Date(now - 3 * 3_600_000), end: new Date(now + 3_600_000) };
  const options = { ledger: createPostgresLedger(bench.database), providers: [bench.test], span };
  const found: Difference[] = [];
  let compared = 0n;
  for await (const one of reconcile({ ...options, signal: AbortSignal.timeout(10_000) })) {
    if (one.kind === 'difference') found.push(one.difference);
    else ({ compared } = one);
  }
  return { compared, found: found.map(({ kind, paymentId, providerId }) => [kind, paymentId, providerId].join(' ')) };
}

test('books that agree are compared and differ in nothing', async () => {
  await paid('ord_1');
  await paid('ord_2');
  await bench.payments.refund({ requestId: 'refund 1', orderId: 'ord_1', amount: price, reason: '' });
  await bench.settle();
  bench.pass(2 * 3_600_000);
  await paid('ord_3');
  expect(await differences()).toEqual({ compared: 4n, found: [] });
});

test('what only one side has, and another amount, are told with their ids', async () => {
  const first = await paid('ord_1');
  const second = await paid('ord_2');
  const third = await paid('ord_3');
  await bench.database.query('delete from test_charge where id = $1', [first.chargeId]);
  await bench.database.query('update test_charge set amount = 1 where id = $1', [second.chargeId]);
  await bench.database.query('update test_charge set id = $2 where id = $1', [third.chargeId, 'tpay_other']);
  const { found } = await differences();
  expect(found.sort()).toEqual(
    [
      `amount ${second.id} ${second.chargeId}`,
      'missing-in-ledger  tpay_other',
      `missing-at-provider ${first.id} ${first.chargeId}`,
      `missing-at-provider ${third.id} ${third.chargeId}`,
    ].sort(),
  );
});

test('a payment that disagrees with its entries is found', async () => {
  const { id } = await paid('ord_1');
  await bench.database.query('update payment set captured = captured + 1 where id = $1', [id]);
  expect((await differences()).found).toEqual([`ledger-unbalanced ${id} `]);
});
