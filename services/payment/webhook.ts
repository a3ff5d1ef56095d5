import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { Fault } from '#platform/fault.ts';
import { applyFacts } from './facts.ts';
import type { Provider } from './provider.ts';
import type { PaymentStore } from './store.ts';

export type WebhookOptions = {
  readonly store: PaymentStore;
  readonly providers: ReadonlyMap<string, Provider>;
  /** How old an event may be: longer than a provider tells it again. */
  readonly windowMs: number;
  readonly log: Logger;
  now(): Date;
  newId(prefix: string): string;
};

export type Webhook = {
  readonly provider: string;
  /** The provider's own name of the event; '' where it has none. Not signed, so it is believed only together with the body. */
  readonly eventId: string;
  readonly body: Uint8Array;
  readonly signature: string;
};

export type HandleWebhook = (webhook: Webhook) => Promise<void>;

const futureMs = 5 * 60_000; // the clocks of two companies

/** Takes what providers tell. What is not about us, or is known, is accepted without effect. */
export function createWebhooks({ store, providers, windowMs, log, now, newId }: WebhookOptions): HandleWebhook {
  return async ({ provider: name, eventId, body, signature }) => {
    const provider = providers.get(name);
    if (provider === undefined || name === 'cash') throw providerUnknown(name);
    const { time, orderId, facts } = provider.readEvent(body, signature);
    const at = { now: now(), newId };
    assertInTime(time, at.now, windowMs);
    if (orderId === '' || facts.length === 0) {
      log.debug({ provider: name }, 'an event that is not about a payment of ours');
      return;
    }
    const chargeIds = facts.flatMap((fact) => (fact.kind === 'charge' ? [fact.id] : []));
    const event = { provider: name, id: createHash('sha256').update(`${eventId}\n`).update(body).digest('hex') };
    const key = { provider: name, providerOrderId: orderId };
    const payment = await store.change(key, { now: at.now, chargeIds, event }, (before) =>
      applyFacts(before, facts, at),
    );
    if (payment === undefined)
      log.debug({ provider: name }, 'an event that is known, or about an order that is not ours');
  };
}

function assertInTime(time: Date, now: Date, windowMs: number): void {
  const ageMs = now.getTime() - time.getTime();
  const said = { event_time: time.toISOString() };
  if (ageMs > windowMs) {
    throw new Fault('failed-precondition', 'WEBHOOK_TOO_OLD', 'The event is too old to be believed.', {
      metadata: { ...said, window_seconds: String(windowMs / 1_000) },
    });
  }
  if (ageMs < -futureMs) {
    throw new Fault('failed-precondition', 'WEBHOOK_FROM_FUTURE', 'The event is from the future: compare the clocks.', {
      metadata: said,
    });
  }
}

function providerUnknown(provider: string): Fault {
  return new Fault('not-found', 'PROVIDER_UNKNOWN', 'This shop takes no events of such a provider.', {
    metadata: { provider: provider.slice(0, 32) },
  });
}
