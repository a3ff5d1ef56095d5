import type { Logger } from 'pino';
import type { TaskHandler } from '#platform/tasks-run.ts';
import { applyFacts, type ChargeFact, type Fact } from './facts.ts';
import { nextCheck, type Payment, type Refund } from './payment.ts';
import { isProviderRefusal, type Provider } from './provider.ts';
import type { PaymentStore } from './store.ts';

export type SettlingOptions = {
  readonly store: PaymentStore;
  readonly providers: ReadonlyMap<string, Provider>;
  /** How long events are remembered. */
  readonly windowMs: number;
  readonly log: Logger;
  now(): Date;
  newId(prefix: string): string;
};

/** What payment does on its own account until it is done: refunds that are to be sent, payments that nobody spoke of again. */
export type Settling = { readonly refunds: TaskHandler; readonly checks: TaskHandler };

const providerMs = 5_000;
const askAgainMs = 10 * 60_000; // the provider tells by itself when a refund is through; this is for an event that was lost
const refundAttempts = 300; // a day, at five minutes each: a provider may be away for as long
const checkLeaseMs = 60_000;
const checkBatch = 32; // four rounds of eight, five seconds each at worst: within a task's time
const checksAtOnce = 8;
const restMs = { least: 1_000, most: 15_000 };

export function createSettling({ store, providers, windowMs, log, now, newId }: SettlingOptions): Settling {
  function providerOf(payment: Payment): Provider {
    const provider = providers.get(payment.provider);
    if (provider === undefined) throw new Error(`the provider ${payment.provider} is not set up any more`);
    return provider;
  }

  async function send(payment: Payment, refund: Refund, signal: AbortSignal): Promise<Date | undefined> {
    const amount = { minorUnits: refund.amount, currency: payment.amount.currency };
    const asked = { refundId: refund.id, chargeId: refund.chargeId, amount };
    const at = { now: now(), newId };
    try {
      const fact = await providerOf(payment).refund(asked, AbortSignal.any([signal, AbortSignal.timeout(providerMs)]));
      await store.change({ id: payment.id }, { now: at.now }, (before) => applyFacts(before, [fact], at));
      if (fact.state === 'failed') noteFailed(payment, refund, undefined);
      return fact.state === 'pending' ? new Date(at.now.getTime() + askAgainMs) : undefined;
    } catch (error) {
      if (!isProviderRefusal(error)) throw error;
      await store.change({ id: payment.id }, { now: at.now }, (before) => ({
        payment: failRefund(before, refund.id),
        movements: [],
      }));
      noteFailed(payment, refund, error);
      return undefined;
    }
  }

  function noteFailed(payment: Payment, refund: Refund, error: unknown): void {
    log.error(
      { err: error, paymentId: payment.id, refundId: refund.id },
      'the provider refused a refund for good; somebody has to give the money back',
    );
  }

  async function check(payment: Payment, signal: AbortSignal): Promise<void> {
    const provider = providerOf(payment);
    const inTime = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(providerMs)]);
    const told = await provider.listCharges(payment.providerOrderId, inTime());
    const facts: Fact[] = [...told];
    const held = toCapture(payment, told);
    if (held !== undefined) {
      const taken = await provider.capture(held.id, payment.amount, inTime()).catch((error: unknown) => {
        if (!isProviderRefusal(error)) throw error;
        log.warn({ err: error, paymentId: payment.id }, 'the provider does not hand out what it said to hold');
        return held;
      });
      facts.push(taken);
    }
    const at = { now: now(), newId };
    const chargeIds = told.map(({ id }) => id);
    await store.change({ id: payment.id }, { now: at.now, chargeIds }, (before) => {
      const after = applyFacts(before, facts, at);
      return { ...after, payment: { ...after.payment, checkTime: nextCheck(after.payment, at.now) } };
    });
  }

  return {
    refunds: {
      attempts: refundAttempts,
      async run({ key }, signal) {
        const payment = await store.findRefund(key);
        const refund = payment?.refunds.find(({ id }) => id === key);
        return payment !== undefined && refund?.state === 'pending' ? send(payment, refund, signal) : undefined;
      },
    },

    checks: {
      concurrency: 1,
      attempts: Number.MAX_SAFE_INTEGER, // it never ends
      async run(_task, signal) {
        const limit = checkBatch;
        const due = await store.takeDueChecks({ now: now(), leaseMs: checkLeaseMs, limit });
        for (let start = 0; start < due.length; start += checksAtOnce) {
          const some = due.slice(start, start + checksAtOnce);
          await Promise.all(
            some.map((payment) =>
              check(payment, signal).catch((error: unknown) =>
                log.warn({ err: error, paymentId: payment.id }, 'a payment can’t be checked now; it will be later'),
              ),
            ),
          );
        }
        await store.forgetEvents(new Date(now().getTime() - windowMs));
        const nowMs = now().getTime();
        if (due.length === limit) return new Date(nowMs);
        const nextMs = (await store.nextCheckTime())?.getTime() ?? Infinity;
        return new Date(Math.min(Math.max(nextMs, nowMs + restMs.least), nowMs + restMs.most));
      },
    },
  };
}

function toCapture({ status, amount }: Payment, charges: readonly ChargeFact[]): ChargeFact | undefined {
  if (status !== 'pending' && status !== 'authorized') return undefined;
  if (charges.some(({ state }) => state === 'captured')) return undefined;
  return charges.find(
    (charge) =>
      charge.state === 'authorized' &&
      charge.amount.minorUnits === amount.minorUnits &&
      charge.amount.currency === amount.currency,
  );
}

function failRefund(payment: Payment, refundId: string): Payment {
  const refunds = payment.refunds.map((refund): Refund =>
    refund.id === refundId && refund.state === 'pending' ? { ...refund, state: 'failed' } : refund,
  );
  return { ...payment, refunds };
}
