import type { Logger } from 'pino';
import { Fault, invalidField } from '#platform/fault.ts';
import type { Money } from '#platform/money.ts';
import { currentCall } from '#platform/rpc/call.ts';
import { applyFacts, type Fact } from './facts.ts';
import {
  cancel,
  collect,
  makePayment,
  nextCheck,
  paymentCanceled,
  paymentNotFound,
  refund,
  type Asked,
  type NewPayment,
  type Now,
  type Payment,
  type PaymentMethod,
  type Refund,
} from './payment.ts';
import { isProviderRefusal, providerAway, type Provider } from './provider.ts';
import type { PaymentStore } from './store.ts';

export type PaymentsOptions = {
  readonly store: PaymentStore;
  /** By name. Those that are switched off stay as long as payments of theirs may need them. */
  readonly providers: ReadonlyMap<string, Provider>;
  /** The one that new payments of a method go through; undefined when the method is off. */
  readonly providerFor: Readonly<Record<PaymentMethod, Provider | undefined>>;
  readonly log: Logger;
  now(): Date;
  newId(prefix: string): string;
};

export type CreateRequest = Pick<NewPayment, 'orderId' | 'userId' | 'amount' | 'method'>;

export type CaptureRequest = {
  readonly userId: string;
  readonly paymentId: string;
  readonly chargeId: string;
  readonly signature: string;
};

/** What can be done with payments. */
export type Payments = {
  create(request: CreateRequest): Promise<Payment>;
  find(paymentId: string): Promise<Payment | undefined>;
  capture(request: CaptureRequest): Promise<Payment>;
  collect(request: { readonly requestId: string; readonly orderId: string; readonly amount: Money }): Promise<Payment>;
  /** Answers undefined when the order never had a payment, and never will. */
  cancel(orderId: string): Promise<Payment | undefined>;
  refund(
    request: Asked & { readonly orderId: string },
  ): Promise<{ readonly payment: Payment; readonly refund: Refund }>;
};

const callMs = 5_000; // what a provider may take of a call's eight seconds
const askMs = 1_500; // and of the four that canceling has

// A provider is never asked without end, nor for a caller who has left.
function deadline(ms: number): AbortSignal {
  const late = AbortSignal.timeout(ms);
  const call = currentCall();
  return call === undefined ? late : AbortSignal.any([late, call.signal]);
}

export function createPayments({ store, providers, providerFor, log, now, newId }: PaymentsOptions): Payments {
  const at = (): Now => ({ now: now(), newId });

  function providerOf(payment: Payment): Provider {
    const provider = providers.get(payment.provider);
    if (provider === undefined) throw providerAway(new Error(`${payment.provider} is not set up`));
    return provider;
  }

  async function find(
    key: { readonly id: string } | { readonly orderId: string },
    chargeIds: readonly string[] = [],
  ): Promise<Payment | undefined> {
    const payment = await store.find(key, chargeIds);
    return payment === 'closed' ? undefined : payment;
  }

  async function create(request: CreateRequest): Promise<Payment> {
    const { orderId, amount, method } = request;
    if (amount.minorUnits < 0n) throw invalidField('amount.minor_units', 'AMOUNT_NEGATIVE', 'must not be negative.');
    const provider = providerFor[method];
    if (provider === undefined) throw methodOff(method);
    const id = newId('pay');
    const isFree = amount.minorUnits === 0n;
    const derived =
      provider.ordersAreDerived && !isFree
        ? await provider.createOrder({ receipt: id, amount, again: false }, deadline(callMs))
        : '';
    const wanted = makePayment({ ...request, id, provider: provider.name, providerOrderId: derived }, now());
    const { made, payment } = await store.insert(wanted);
    if (payment === 'closed' || payment.status === 'canceled') throw orderClosed(orderId);
    if (!made) assertSame(payment, request);
    const isReady = provider.ordersAreDerived || payment.status !== 'pending' || payment.providerOrderId !== '';
    return isReady ? payment : ready(payment, !made);
  }

  // The row stands: whoever repeats the call finds the provider's order by the payment's id.
  async function ready(payment: Payment, again: boolean): Promise<Payment> {
    const { id, orderId, amount } = payment;
    const provider = providerOf(payment);
    const providerOrderId = await provider.createOrder({ receipt: id, amount, again }, deadline(callMs));
    const checkTime = nextCheck({ ...payment, providerOrderId }, now()) ?? now();
    const after = await store.setProviderOrder(id, providerOrderId, checkTime);
    if (after.status === 'canceled') throw orderClosed(orderId);
    return after;
  }

  async function capture({ userId, paymentId, chargeId, signature }: CaptureRequest): Promise<Payment> {
    const chargeIds = [chargeId];
    const payment = await find({ id: paymentId }, chargeIds);
    if (payment === undefined || payment.userId !== userId) throw paymentNotFound();
    const provider = providerOf(payment);
    const { providerOrderId } = payment;
    if (providerOrderId === '' || !provider.isSigned({ orderId: providerOrderId, chargeId, signature })) {
      throw invalidField('provider_signature', 'PAYMENT_SIGNATURE_INVALID', 'does not fit this payment.');
    }
    if (payment.paidBy === chargeId) return payment;
    const fact = await takeHeld(provider, payment, chargeId);
    if (fact === undefined) throw notAuthorized(payment);
    const time = at();
    const learning = { now: time.now, chargeIds, found: payment };
    const after =
      (await store.change({ id: paymentId }, learning, (before) => applyFacts(before, [fact], time))) ?? payment;
    if (after.status === 'canceled') throw paymentCanceled(paymentId);
    if (after.status !== 'captured') throw notAuthorized(after);
    return after;
  }

  // The provider's signature binds the charge to the order, so what it holds can be taken without asking first.
  async function takeHeld(provider: Provider, payment: Payment, chargeId: string): Promise<Fact | undefined> {
    const signal = deadline(callMs);
    if (payment.status === 'pending' || payment.status === 'authorized') {
      try {
        return await provider.capture(chargeId, payment.amount, signal);
      } catch (error) {
        if (!isProviderRefusal(error)) throw error;
      }
    }
    const charge = await provider.findCharge(chargeId, signal);
    return charge?.orderId === payment.providerOrderId ? charge.fact : undefined;
  }

  /** What the provider knows before a payment is closed. When it can't be asked, late money goes back by itself. */
  async function lastWord(payment: Payment): Promise<readonly Fact[]> {
    if (payment.providerOrderId === '') return [];
    try {
      return await providerOf(payment).listCharges(payment.providerOrderId, deadline(askMs));
    } catch (error) {
      log.warn({ err: error, paymentId: payment.id }, 'a payment is closed without asking its provider');
      return [];
    }
  }

  return {
    create,
    find: (id) => find({ id }),
    capture,

    async collect({ requestId, orderId, amount }) {
      if (amount.minorUnits <= 0n) throw notAboveZero();
      const time = now();
      const payment = await store.change({ orderId }, { now: time, chargeIds: [requestId] }, (before) => {
        if (before.method !== 'cash') throw notCash(before);
        return collect(before, { requestId, amount }, time);
      });
      if (payment === undefined) throw paymentNotFound();
      return payment;
    },

    async cancel(orderId) {
      const found = await store.find({ orderId });
      const time = at();
      const there = found ?? (await store.close({ id: newId('pay'), orderId, now: time.now }));
      if (there === 'closed') return undefined;
      if (there.status === 'canceled' || there.status === 'captured') return there;
      const facts = await lastWord(there);
      const chargeIds = facts.flatMap((fact) => (fact.kind === 'charge' ? [fact.id] : []));
      const after = await store.change({ orderId }, { now: time.now, chargeIds }, (before) => {
        const told = applyFacts(before, facts, time);
        const canceled = cancel(told.payment, time);
        return { payment: canceled.payment, movements: [...told.movements, ...canceled.movements] };
      });
      return after ?? there;
    },

    async refund({ orderId, ...asked }) {
      if (asked.amount.minorUnits <= 0n) throw notAboveZero();
      const time = at();
      let made: Refund | undefined;
      const payment = await store.change({ orderId }, { now: time.now }, (before) => {
        const changed = refund(before, asked, time);
        made = changed.refund;
        return changed;
      });
      if (payment === undefined || made === undefined) throw paymentNotFound();
      return { payment, refund: made };
    },
  };
}

function assertSame(payment: Payment, { orderId, amount, method }: CreateRequest): void {
  const { minorUnits, currency } = payment.amount;
  if (minorUnits === amount.minorUnits && currency === amount.currency && payment.method === method) return;
  throw new Fault(
    'failed-precondition',
    'PAYMENT_AMOUNT_CHANGED',
    'The order has a payment with another amount or method.',
    { metadata: { order_id: orderId, payment_id: payment.id, minor_units: String(minorUnits), currency } },
  );
}

function methodOff(method: PaymentMethod): Fault {
  return new Fault(
    'failed-precondition',
    'PAYMENT_METHOD_OFF',
    'This shop does not take this way of paying; choose another.',
    { metadata: { method } },
  );
}

function orderClosed(orderId: string): Fault {
  return new Fault('failed-precondition', 'ORDER_CLOSED', 'The order was closed before it was paid.', {
    metadata: { order_id: orderId },
  });
}

function notAuthorized(payment: Payment): Fault {
  return new Fault('failed-precondition', 'PAYMENT_NOT_AUTHORIZED', 'The customer has not paid yet; try again.', {
    metadata: { payment_id: payment.id },
  });
}

function notCash(payment: Payment): Fault {
  return new Fault('failed-precondition', 'PAYMENT_NOT_CASH', 'This order is not paid in cash.', {
    metadata: { payment_id: payment.id },
  });
}

function notAboveZero(): Fault {
  return invalidField('amount.minor_units', 'AMOUNT_NOT_POSITIVE', 'must be above 0.');
}
