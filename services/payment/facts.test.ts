import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { applyFacts, type Fact } from './facts.ts';
import { cancel, makePayment, mayMove, moveTo, refundable, type Movement, type Payment } from './payment.ts';

const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });
const start = new Date('2026-01-01T00:00:00Z');
const later = (seconds: number): Date => new Date(start.getTime() + seconds * 1_000);

function at() {
  let ids = 0;
  return { now: later(100), newId: (prefix: string) => `${prefix}_${++ids}` };
}

const pending: Payment = makePayment(
  {
    id: 'pay_1',
    orderId: 'ord_1',
    userId: 'usr_1',
    amount: inr(500n),
    method: 'online',
    provider: 'test',
    providerOrderId: 'order_1',
  },
  start,
);

type State = 'failed' | 'authorized' | 'captured';
const charge = (id: string, state: State, amount = 500n, second = 1): Fact => ({
  kind: 'charge',
  id,
  amount: inr(amount),
  state,
  failure: state === 'failed' ? `${id} was declined` : '',
  time: later(second),
});
const refund = (id: string, chargeId: string, state: 'pending' | 'failed' | 'succeeded', amount: bigint): Fact => ({
  kind: 'refund',
  id,
  chargeId,
  refundId: '',
  amount: inr(amount),
  state,
  time: later(50),
});

/** Told one by one, as events come. */
function tell(facts: readonly Fact[], from = pending) {
  const time = at();
  const movements: Movement[] = [];
  let payment = from;
  for (const fact of facts) {
    const changed = applyFacts(payment, [fact], time);
    ({ payment } = changed);
    movements.push(...changed.movements);
  }
  return { payment, movements };
}

/** What counts: which of two captures paid the order is chance, what is in the books isn't. */
function outcome({ payment, movements }: ReturnType<typeof tell>) {
  const { status, captured, refunded, failedAttempts, lastFailure } = payment;
  return {
    money: { status, captured, refunded, kept: refundable(payment) },
    failures: { failedAttempts, lastFailure },
    charges: payment.charges.map(({ id, state, failed }) => `${id} ${state} ${failed}`).sort(),
    movements: movements.map(({ kind, providerId, amount }) => `${kind} ${providerId} ${amount}`).sort(),
  };
}

const facts = fc.uniqueArray(
  fc.oneof(
    fc
      .tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom<State>('failed', 'authorized', 'captured'))
      .map(([id, state]) => charge(id, state, 500n, id.charCodeAt(0))),
    fc
      .tuple(fc.constantFrom('x', 'y'), fc.constantFrom('pending', 'failed', 'succeeded'))
      .map(([id, state]) => refund(id, 'a', state as 'pending', 100n)),
    fc.constant(charge('odd', 'captured', 499n)),
  ),
  { selector: (fact) => `${fact.kind} ${fact.id} ${fact.state}` },
);

test('the same facts lead to the same books in whatever order and however often they come', () => {
  fc.assert(
    fc.property(facts, fc.infiniteStream(fc.nat()), fc.constantFrom('pending', 'canceled'), (all, dice, status) => {
      const from = status === 'canceled' ? cancel(pending, at()).payment : pending;
      const draw = (): number => dice.next().value ?? 0;
      const mixed = [...all, ...all.filter(() => draw() % 2 === 0)]
        .map((fact) => ({ fact, place: draw() }))
        .sort((a, b) => a.place - b.place)
        .map(({ fact }) => fact);
      expect(outcome(tell(mixed, from))).toEqual(outcome(tell(all, from)));
    }),
    { numRuns: 500 },
  );
});

test('the payment’s sums are always its movements’, and nothing is promised that isn’t there', () => {
  fc.assert(
    fc.property(facts, (all) => {
      const { payment, movements } = tell(all.filter(({ kind }) => kind === 'charge'));
      const sum = (kind: Movement['kind']): bigint =>
        movements.reduce((total, one) => (one.kind === kind ? total + one.amount : total), 0n);
      expect([payment.captured, payment.refunded]).toEqual([sum('captured'), sum('refunded')]);
      expect(refundable(payment)).toBe(payment.status === 'captured' ? 500n : 0n);
    }),
  );
});

test('captured before authorized is captured', () => {
  const { payment } = tell([charge('a', 'captured'), charge('a', 'authorized'), charge('a', 'failed')]);
  expect(payment).toMatchObject({ status: 'captured', paidBy: 'a', failedAttempts: 1 });
});

test('money for a canceled payment goes back, and so does another amount than was asked for', () => {
  const canceled = cancel(pending, at()).payment;
  expect(tell([charge('a', 'captured')], canceled).payment).toMatchObject({
    status: 'canceled',
    refunds: [{ chargeId: 'a', amount: 500n, state: 'pending' }],
  });
  expect(tell([charge('a', 'captured', 499n)]).payment).toMatchObject({
    status: 'pending',
    refunds: [{ chargeId: 'a', amount: 499n }],
  });
});

test('another currency is not taken', () => {
  const usd: Fact = { ...charge('a', 'captured'), amount: { minorUnits: 500n, currency: 'USD' } };
  expect(applyFacts(pending, [usd], at()).payment).toBe(pending);
});

test('a refund is found by our id before its own is known, and failed is not the end of it', () => {
  const paid = tell([charge('a', 'captured')]).payment;
  const asked = cancelled(paid);
  const ours: Fact = { ...refund('r', 'a', 'failed', 100n), refundId: 'rfd_x' } as Fact;
  const failed = applyFacts(asked, [ours], at()).payment;
  expect(failed.refunds).toMatchObject([{ id: 'rfd_x', state: 'failed', providerId: 'r' }]);
  const done = applyFacts(failed, [refund('r', 'a', 'succeeded', 100n)], at());
  expect(done.payment).toMatchObject({ refunded: 100n, refunds: [{ id: 'rfd_x', state: 'succeeded' }] });
  expect(done.movements).toHaveLength(1);

  function cancelled(payment: Payment): Payment {
    const pendingRefund = {
      id: 'rfd_x',
      requestId: 'r1',
      chargeId: 'a',
      amount: 100n,
      reason: '',
      state: 'pending',
      providerId: '',
      createTime: start,
      doneTime: undefined,
    } as const;
    return { ...payment, refunds: [pendingRefund] };
  }
});

test('only the moves that are written down are legal', () => {
  const all = ['pending', 'authorized', 'captured', 'canceled'] as const;
  const legal = all.flatMap((from) => all.filter((to) => mayMove(from, to)).map((to) => `${from} ${to}`));
  expect(legal).toEqual([
    'pending authorized',
    'pending captured',
    'pending canceled',
    'authorized captured',
    'authorized canceled',
  ]);
  expect(() => moveTo({ ...pending, status: 'canceled' }, 'captured')).toThrow(/can't go/);
});
