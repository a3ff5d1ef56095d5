import type { Money } from '#platform/money.ts';
import {
  giveBack,
  mayMove,
  moveTo,
  type Changed,
  type Charge,
  type Movement,
  type Now,
  type Payment,
} from './payment.ts';

/** What a provider says of one try to pay. */
export type ChargeFact = {
  readonly kind: 'charge';
  /** The provider's id. */
  readonly id: string;
  readonly amount: Money;
  readonly state: Charge['state'];
  /** Why it failed, in the provider's words; '' when it didn't. */
  readonly failure: string;
  readonly time: Date;
};

/** What a provider says of one refund. */
export type RefundFact = {
  readonly kind: 'refund';
  /** The provider's id. */
  readonly id: string;
  readonly chargeId: string;
  /** Our id of it, "rfd_…"; '' when it was made at the provider's own site. */
  readonly refundId: string;
  readonly amount: Money;
  readonly state: 'pending' | 'failed' | 'succeeded';
  readonly time: Date;
};

export type Fact = ChargeFact | RefundFact;

const chargeRank = { failed: 1, authorized: 2, captured: 3 } as const;
const refundRank = { pending: 1, failed: 2, succeeded: 3 } as const;
const captureSoonMs = 5_000; // the customer's app does it at once, when it is there to
const maxFailureLength = 255;

/**
 * What a payment is after what the provider says of it. The same facts lead to the same payment and the same movements in
 * whatever order and however often they come: what is known only ever grows.
 */
export function applyFacts(payment: Payment, facts: readonly Fact[], at: Now): Changed {
  let current = payment;
  const movements: Movement[] = [];
  for (const fact of facts) {
    if (fact.amount.currency !== payment.amount.currency) continue; // not ours to take; the reconciliation shows it
    const changed = fact.kind === 'charge' ? applyCharge(current, fact, at) : applyRefund(current, fact, at);
    current = changed.payment;
    movements.push(...changed.movements);
  }
  return { payment: current, movements };
}

function applyCharge(payment: Payment, fact: ChargeFact, at: Now): Changed {
  const known = payment.charges.find((charge) => charge.id === fact.id);
  const failed = fact.state === 'failed';
  const rank = Math.max(known === undefined ? 0 : chargeRank[known.state], chargeRank[fact.state]);
  const charge: Charge = {
    id: fact.id,
    amount: known?.amount ?? fact.amount.minorUnits,
    state: known !== undefined && chargeRank[known.state] === rank ? known.state : fact.state,
    failed: failed || known?.failed === true,
    time: known?.time ?? fact.time,
  };
  if (known !== undefined && known.state === charge.state && known.failed === charge.failed) {
    return { payment, movements: [] };
  }
  const noted = noteFailure({ ...payment, charges: replace(payment.charges, known, charge) }, fact, known);
  if (charge.state === known?.state) return { payment: noted, movements: [] };
  if (charge.state === 'captured') return take(noted, charge, at);
  return charge.state === 'authorized' && noted.status === 'pending'
    ? {
        payment: { ...moveTo(noted, 'authorized'), checkTime: new Date(at.now.getTime() + captureSoonMs) },
        movements: [],
      }
    : { payment: noted, movements: [] };
}

function noteFailure(payment: Payment, fact: ChargeFact, known: Charge | undefined): Payment {
  if (fact.state !== 'failed' || known?.failed === true) return payment;
  const { lastFailureTime, lastFailure } = payment;
  const failure = fact.failure.slice(0, maxFailureLength).toWellFormed().replaceAll('\0', '');
  const age = (lastFailureTime?.getTime() ?? -Infinity) - fact.time.getTime();
  const isLast = age < 0 || (age === 0 && failure > lastFailure);
  return {
    ...payment,
    failedAttempts: payment.failedAttempts + 1,
    ...(isLast ? { lastFailure: failure, lastFailureTime: fact.time } : {}),
  };
}

// The money is there: it pays the order if that waits for exactly this, and goes back otherwise.
function take(payment: Payment, charge: Charge, at: Now): Changed {
  const movement: Movement = { kind: 'captured', providerId: charge.id, amount: charge.amount, time: charge.time };
  const taken = { ...payment, captured: payment.captured + charge.amount };
  if (mayMove(payment.status, 'captured') && charge.amount === payment.amount.minorUnits) {
    return {
      payment: { ...moveTo(taken, 'captured'), paidBy: charge.id, checkTime: undefined },
      movements: [movement],
    };
  }
  const reason =
    payment.status === 'canceled'
      ? 'the order was canceled before it was paid'
      : payment.status === 'captured'
        ? 'the order was paid twice'
        : 'another amount than was to be paid';
  const wanted = { requestId: undefined, chargeId: charge.id, amount: charge.amount, reason };
  const changed = giveBack(taken, wanted, at);
  return { payment: changed.payment, movements: [movement, ...changed.movements] };
}

function applyRefund(payment: Payment, fact: RefundFact, at: Now): Changed {
  const known =
    payment.refunds.find((one) => one.providerId === fact.id) ??
    payment.refunds.find((one) => one.id === fact.refundId && one.providerId === '');
  if (known === undefined && fact.state !== 'succeeded') return { payment, movements: [] };
  const state = known !== undefined && refundRank[known.state] >= refundRank[fact.state] ? known.state : fact.state;
  if (known !== undefined && known.state === state && known.providerId === fact.id) return { payment, movements: [] };
  const isDone = state === 'succeeded' && known?.state !== 'succeeded';
  const amount = fact.amount.minorUnits;
  const refund = {
    id: known?.id ?? at.newId('rfd'),
    requestId: known?.requestId,
    chargeId: known === undefined || known.chargeId === '' ? fact.chargeId : known.chargeId,
    amount: isDone || known === undefined ? amount : known.amount, // the provider's word counts
    reason: known?.reason ?? 'refunded at the provider',
    state,
    providerId: fact.id,
    createTime: known?.createTime ?? at.now,
    doneTime: isDone ? fact.time : known?.doneTime,
  };
  return {
    payment: {
      ...payment,
      refunded: isDone ? payment.refunded + amount : payment.refunded,
      refunds: replace(payment.refunds, known, refund),
    },
    movements: isDone ? [{ kind: 'refunded', providerId: fact.id, amount, time: fact.time }] : [],
  };
}

function replace<T>(all: readonly T[], old: T | undefined, by: T): readonly T[] {
  return old === undefined ? [...all, by] : all.map((one) => (one === old ? by : one));
}
