import { expect, test } from '@jest/globals';
import { idOf, ledgerOf, openBench, type Bench } from './bench.testing.ts';
import type { Provider } from './provider.ts';
import type { PaymentStore } from './store.ts';

/** Throws before or after the nth step, as a process that ends there would leave it. */
type Crash = { step: number; happened: number; readonly when: 'before' | 'after' };

const price = { minorUnits: 49_900n, currency: 'INR' };
const orderId = 'ord_1';
const userId = 'usr_asha';
const steps = 8; // more than any call has

function crashing<T extends PaymentStore | Provider>(port: T, crash: Crash): T {
  const names = ['insert', 'setProviderOrder', 'find', 'close', 'change', 'findRefund', 'createOrder'];
  names.push('listCharges', 'findCharge', 'capture', 'refund');
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || !names.includes(String(name))) return value;
      return async (...args: unknown[]): Promise<unknown> => {
        const now = crash.step-- === 0;
        if (now) crash.happened++;
        if (now && crash.when === 'before') throw new Error('the process ended');
        const answer: unknown = await Reflect.apply(value, target, args);
        if (now) throw new Error('the process ended');
        return answer;
      };
    },
  });
}

async function withCrash(when: Crash['when'], step: number, work: (bench: Bench, crash: Crash) => Promise<void>) {
  const crash: Crash = { step: -1, happened: 0, when };
  const bench = await openBench({
    wrapStore: (store) => crashing(store, crash),
    wrapProvider: (provider) => crashing({ ...provider, ordersAreDerived: step % 2 === 0 }, crash),
  });
  try {
    await work(bench, crash);
    if (step < 2) expect(crash.happened).toBeGreaterThan(0);
  } finally {
    await bench.close();
  }
}

async function end(bench: Bench): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await bench.settle();
    bench.pass(130_000);
    await bench.check();
  }
}

/** Ends in the middle, then is asked again, as the caller would. */
async function twice<T>(crash: Crash, step: number, call: () => Promise<T>): Promise<T> {
  crash.step = step;
  await call().catch(() => undefined);
  crash.step = -1;
  return call();
}

const points = (['before', 'after'] as const).flatMap((when) =>
  Array.from({ length: steps }, (_, step) => [when, step] as const),
);
const create = (bench: Bench) => bench.payments.create({ orderId, userId, amount: price, method: 'online' });

test.each(points)('ended %s step %i of each call and asked again, all ends as if it hadn’t', async (when, step) => {
  await withCrash(when, step, async (bench, crash) => {
    const { id, providerOrderId } = await twice(crash, step, () => create(bench));
    expect(providerOrderId).not.toBe('');
    const proof = await bench.test.pay({ requestId: idOf('pay'), orderId: providerOrderId, declined: false });
    const captured = await twice(crash, step, () => bench.payments.capture({ userId, paymentId: id, ...proof }));
    expect(captured).toMatchObject({ status: 'captured', captured: 49_900n });
    const asked = { requestId: 'refund 1', orderId, amount: { ...price, minorUnits: 10_000n }, reason: '' };
    const { refund } = await twice(crash, step, () => bench.payments.refund(asked));
    expect((await bench.payments.refund(asked)).refund.id).toBe(refund.id);
    crash.step = step;
    await end(bench); // the process ends in a worker
    crash.step = -1;
    await end(bench);
    const payment = await bench.payments.find(id);
    expect(payment).toMatchObject({ captured: 49_900n, refunded: 10_000n, refunds: [{ state: 'succeeded' }] });
    expect(await ledgerOf(bench.database, id)).toEqual({ captured: 49_900n, refunded: 10_000n });
    expect(await bench.database.query('select 1 from test_refund')).toHaveLength(1);
  });
});

test.each(points)('ended %s step %i of canceling while the customer pays, no money is lost', async (when, step) => {
  await withCrash(when, step, async (bench, crash) => {
    const { id, providerOrderId } = await create(bench);
    const proof = await bench.test.pay({ requestId: idOf('pay'), orderId: providerOrderId, declined: false });
    await bench.test.capture(proof.chargeId, price, AbortSignal.timeout(5_000));
    const decided = await twice(crash, step, () => bench.payments.cancel(orderId));
    await end(bench);
    const after = await bench.payments.find(id);
    expect(after?.status).toBe(decided?.status);
    const { captured, refunded } = await ledgerOf(bench.database, id);
    expect(captured - refunded).toBe(after?.status === 'captured' ? 49_900n : 0n);
  });
});

test('through a provider that fails, delays, repeats, reorders and declines, the books are exact', async () => {
  const faults = 'seed=11,fail=0.2,lose-answer=0.2,repeat=0.4,reorder=0.4,decline=0.1,max-delay=2000';
  const bench = await openBench({ faults });
  const again = async <T>(call: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call();
      } catch (error) {
        if (attempt === 20 || !/provider does not answer/.test(String(error))) throw error;
      }
    }
  };
  const ids = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const order = { orderId: `ord_${index}`, userId, amount: price, method: 'online' } as const;
      const { id, providerOrderId } = await again(() => bench.payments.create(order));
      const proof = await bench.test.pay({
        requestId: idOf(`pay ${index}`),
        orderId: providerOrderId,
        declined: false,
      });
      if (index % 4 === 1) await again(() => bench.payments.cancel(order.orderId));
      else if (index % 4 !== 2 && proof.signature !== '')
        await again(() => bench.payments.capture({ userId, paymentId: id, ...proof }));
      return id;
    }),
  );
  for (let round = 0; round < 30; round++) {
    await bench.settle();
    bench.pass(30_000);
    await bench.check();
  }
  for (const [index, id] of ids.entries()) {
    const payment = await bench.payments.find(id);
    const { captured, refunded } = await ledgerOf(bench.database, id);
    if (payment?.status === 'captured') expect([captured, refunded]).toEqual([49_900n, 0n]);
    else expect([payment?.status, captured]).toEqual([index % 4 === 1 ? 'canceled' : 'pending', refunded]);
    if (payment?.status === 'pending') expect(payment.failedAttempts).toBe(1);
  }
  const held = await bench.database.query(
    `select 1 from test_charge c join payment p on p.provider_order_id = c.order_id
     where c.state = 'captured' and not exists (select from charge where charge.id = c.id and charge.state = 3)`,
  );
  expect(held).toEqual([]);
  await bench.close();
});
