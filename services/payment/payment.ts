import { Fault, requestIdReused } from '#platform/fault.ts';
import type { Money } from '#platform/money.ts';

export type PaymentStatus = 'pending' | 'authorized' | 'captured' | 'canceled';
export type PaymentMethod = 'online' | 'cash';

/** One try of the customer to pay; in cash, one collection at the door. */
export type Charge = {
  /** The provider's id. */
  readonly id: string;
  readonly amount: bigint;
  /** The furthest that it came. */
  readonly state: 'failed' | 'authorized' | 'captured';
  /** Whether it failed once, whatever came of it later. */
  readonly failed: boolean;
  readonly time: Date;
};

/** Money that goes back. */
export type Refund = {
  readonly id: string;
  /** Names it; undefined for what payment decided itself, and for what was refunded at the provider's own site. */
  readonly requestId: string | undefined;
  /** The charge that it goes back to. */
  readonly chargeId: string;
  readonly amount: bigint;
  readonly reason: string;
  readonly state: 'pending' | 'failed' | 'succeeded';
  /** The provider's id, '' as long as it isn't known. */
  readonly providerId: string;
  readonly createTime: Date;
  readonly doneTime: Date | undefined;
};

/** What is paid for an order, with what came and went. All amounts are in its currency's minor units. */
export type Payment = {
  readonly id: string;
  readonly orderId: string;
  readonly userId: string;
  readonly amount: Money;
  readonly method: PaymentMethod;
  readonly provider: string;
  /** '' as long as the provider has not made it. */
  readonly providerOrderId: string;
  readonly status: PaymentStatus;
  /** The charge that made it captured, or ''. */
  readonly paidBy: string;
  readonly captured: bigint;
  readonly refunded: bigint;
  readonly failedAttempts: number;
  readonly lastFailure: string;
  readonly lastFailureTime: Date | undefined;
  /** When the provider is asked what happened, in case an event was lost. */
  readonly checkTime: Date | undefined;
  /** Those that hold money, and those that were asked for. */
  readonly charges: readonly Charge[];
  /** The oldest first. */
  readonly refunds: readonly Refund[];
  readonly version: number;
  readonly createTime: Date;
  readonly updateTime: Date;
};

/** Money that moved, for the ledger. */
export type Movement = {
  readonly kind: 'captured' | 'refunded';
  /** The provider's id of it: it counts once. */
  readonly providerId: string;
  readonly amount: bigint;
  readonly time: Date;
};

/** A payment after something happened, and the money that moved with it. */
export type Changed = { readonly payment: Payment; readonly movements: readonly Movement[] };

/** Where new refunds have their time and ids from. */
export type Now = { readonly now: Date; newId(prefix: string): string };

/** Every legal move. */
const moves: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  pending: ['authorized', 'captured', 'canceled'],
  authorized: ['captured', 'canceled'],
  captured: [],
  canceled: [],
};

const maxRefunds = 500; // of one payment: each is in every answer
const minuteMs = 60_000;
const checkFirstMs = 2 * minuteMs;
const checkForMs = 48 * 60 * minuteMs; // a provider tells its events again for a day

export function mayMove(from: PaymentStatus, to: PaymentStatus): boolean {
  return moves[from].includes(to);
}

export function moveTo(payment: Payment, status: PaymentStatus): Payment {
  if (!mayMove(payment.status, status)) throw new Error(`a payment can't go from ${payment.status} to ${status}`);
  return { ...payment, status };
}

export type NewPayment = Pick<
  Payment,
  'id' | 'orderId' | 'userId' | 'amount' | 'method' | 'provider' | 'providerOrderId'
>;

/** A payment as it begins: pending, or paid when there is nothing to pay. */
export function makePayment(given: NewPayment, now: Date): Payment {
  return {
    ...given,
    status: given.amount.minorUnits === 0n ? 'captured' : 'pending',
    paidBy: '',
    captured: 0n,
    refunded: 0n,
    failedAttempts: 0,
    lastFailure: '',
    lastFailureTime: undefined,
    checkTime: given.providerOrderId === '' ? undefined : new Date(now.getTime() + checkFirstMs),
    charges: [],
    refunds: [],
    version: 1,
    createTime: now,
    updateTime: now,
  };
}

/** When to ask the provider next: after as long again as the payment is old, for two days. */
export function nextCheck(payment: Payment, now: Date): Date | undefined {
  const ageMs = now.getTime() - payment.createTime.getTime();
  if (payment.status === 'captured' || payment.providerOrderId === '' || ageMs > checkForMs) return undefined;
  return new Date(now.getTime() + Math.max(checkFirstMs, ageMs));
}

/** What of the captured money has not been given or promised back. */
export function refundable(payment: Payment): bigint {
  return payment.captured - promised(payment);
}

/** What went back or is on its way. */
export function promised({ refunds }: Payment): bigint {
  return refunds.reduce((sum, refund) => (refund.state === 'failed' ? sum : sum + refund.amount), 0n);
}

/** Closes it: what is in, goes back, and what still arrives does too. One that is paid stays so. */
export function cancel(payment: Payment, at: Now): Changed {
  if (!mayMove(payment.status, 'canceled')) return { payment, movements: [] };
  const canceled = moveTo(payment, 'canceled');
  const kept = refundable(canceled);
  return kept > 0n
    ? giveBack(canceled, { chargeId: '', amount: kept, reason: 'the order was canceled', requestId: undefined }, at)
    : { payment: canceled, movements: [] };
}

export type Asked = { readonly requestId: string; readonly amount: Money; readonly reason: string };

/** Money goes back to the customer, as far as it is there. Asked again by the same name, nothing happens. */
export function refund(payment: Payment, asked: Asked, at: Now): Changed & { readonly refund: Refund } {
  const { requestId, amount, reason } = asked;
  const known = payment.refunds.find((one) => one.requestId === requestId);
  if (known !== undefined) {
    if (known.amount !== amount.minorUnits || payment.amount.currency !== amount.currency || known.reason !== reason) {
      throw requestIdReused(requestId);
    }
    return { payment, movements: [], refund: known };
  }
  assertCurrency(payment, amount);
  const rest = refundable(payment);
  if (amount.minorUnits > rest) {
    throw new Fault(
      'failed-precondition',
      'REFUND_EXCEEDS_CAPTURED',
      `At most ${rest} minor units of ${amount.currency} can still go back.`,
      { metadata: { payment_id: payment.id, refundable: String(rest), currency: amount.currency } },
    );
  }
  if (payment.refunds.length >= maxRefunds) {
    throw new Fault('failed-precondition', 'TOO_MANY_REFUNDS', `A payment has at most ${maxRefunds} refunds.`, {
      metadata: { payment_id: payment.id, limit: String(maxRefunds) },
    });
  }
  const wanted = { requestId, chargeId: payment.paidBy, amount: amount.minorUnits, reason };
  const changed = giveBack(payment, wanted, at);
  const made = changed.payment.refunds.at(-1);
  if (made === undefined) throw new Error('the refund that was made is missing');
  return { ...changed, refund: made };
}

/** Cash was taken at the door. The same collection again changes nothing. */
export function collect(payment: Payment, { requestId, amount }: Omit<Asked, 'reason'>, now: Date): Changed {
  const known = payment.charges.find((charge) => charge.id === requestId);
  if (known !== undefined) {
    if (known.amount !== amount.minorUnits || payment.amount.currency !== amount.currency) {
      throw requestIdReused(requestId);
    }
    return { payment, movements: [] };
  }
  assertCurrency(payment, amount);
  if (payment.status === 'canceled') throw paymentCanceled(payment.id);
  const due = payment.amount.minorUnits - payment.captured;
  if (amount.minorUnits > due) {
    throw new Fault('failed-precondition', 'COLLECTION_EXCEEDS_DUE', `Only ${due} minor units are due.`, {
      metadata: { payment_id: payment.id, due: String(due) },
    });
  }
  const taken = {
    ...payment,
    captured: payment.captured + amount.minorUnits,
    charges: [
      ...payment.charges,
      { id: requestId, amount: amount.minorUnits, state: 'captured', failed: false, time: now } as const,
    ],
  };
  return {
    payment: taken.captured === payment.amount.minorUnits ? moveTo(taken, 'captured') : taken,
    movements: [{ kind: 'captured', providerId: requestId, amount: amount.minorUnits, time: now }],
  };
}

export type GivingBack = Pick<Refund, 'requestId' | 'chargeId' | 'amount' | 'reason'>;

/** Writes a refund down. In cash it is given by hand, and so done; otherwise the provider has to do it yet. */
export function giveBack(payment: Payment, wanted: GivingBack, { now, newId }: Now): Changed {
  const id = newId('rfd');
  const pending: Refund = { ...wanted, id, state: 'pending', providerId: '', createTime: now, doneTime: undefined };
  if (payment.method !== 'cash')
    return { payment: { ...payment, refunds: [...payment.refunds, pending] }, movements: [] };
  const done: Refund = { ...pending, state: 'succeeded', providerId: id, doneTime: now };
  return {
    payment: { ...payment, refunded: payment.refunded + done.amount, refunds: [...payment.refunds, done] },
    movements: [{ kind: 'refunded', providerId: id, amount: done.amount, time: now }],
  };
}

export function paymentNotFound(): Fault {
  return new Fault('not-found', 'PAYMENT_NOT_FOUND', 'There is no such payment.');
}

export function paymentCanceled(paymentId: string): Fault {
  return new Fault(
    'failed-precondition',
    'PAYMENT_CANCELED',
    'This payment was canceled. Money that was taken for it goes back by itself.',
    { metadata: { payment_id: paymentId } },
  );
}

function assertCurrency(payment: Payment, { currency }: Money): void {
  if (payment.amount.currency === currency) return;
  throw new Fault(
    'failed-precondition',
    'CURRENCY_MISMATCH',
    `This payment is in ${payment.amount.currency}, not in ${currency}.`,
    { metadata: { currency, payment_currency: payment.amount.currency } },
  );
}
