import { Fault } from '#platform/fault.ts';
import type { Money } from '#platform/money.ts';
import type { ChargeFact, Fact, RefundFact } from './facts.ts';

/** What is to be paid, for the provider. */
export type ProviderOrder = {
  /** Our payment's id: the provider keeps it, so that the order is found again. */
  readonly receipt: string;
  readonly amount: Money;
  /** Whether it may have been asked for before, and so may be there. */
  readonly again: boolean;
};

/** A charge with the provider's order that it is for. */
export type ProviderCharge = { readonly orderId: string; readonly fact: ChargeFact };

export type ProviderRefund = {
  /** Our refund's id: the provider keeps it, and does it once. */
  readonly refundId: string;
  readonly chargeId: string;
  readonly amount: Money;
};

/** What a provider tells by itself. */
export type ProviderEvent = {
  /** When it happened, by the provider's clock. */
  readonly time: Date;
  /** The provider's order that it is about; '' for what is not about one. */
  readonly orderId: string;
  readonly facts: readonly Fact[];
};

/** Money that moved, in the provider's books. */
export type ProviderMovement = {
  readonly kind: 'captured' | 'refunded';
  readonly id: string;
  readonly amount: Money;
};

export type Span = { readonly start: Date; readonly end: Date };

/**
 * A port: who takes the customers' money. Each call may be repeated, whatever became of the one before, and ends with the signal.
 * What can't be asked just now is refused with `providerAway`, what the provider will never do with `providerRefused`.
 */
export type Provider = {
  readonly name: string;
  /** The public key of the shop, for the customer's app. */
  readonly keyId: string;
  /** Whether making an order leaves nothing behind, so that it may be made before anything is written down. */
  readonly ordersAreDerived: boolean;
  /** Makes what is to be paid, once a receipt. Answers its id, '' where there is none. */
  createOrder(order: ProviderOrder, signal: AbortSignal): Promise<string>;
  /** All tries to pay an order. */
  listCharges(orderId: string, signal: AbortSignal): Promise<readonly ChargeFact[]>;
  findCharge(chargeId: string, signal: AbortSignal): Promise<ProviderCharge | undefined>;
  /** Takes the money that is held. One that is captured already is answered as it is. */
  capture(chargeId: string, amount: Money, signal: AbortSignal): Promise<ChargeFact>;
  /** Gives money back, once a refund id. */
  refund(refund: ProviderRefund, signal: AbortSignal): Promise<RefundFact>;
  /** Whether the provider gave the customer's app this signature. Takes as long for a wrong one as for the right one. */
  isSigned(paid: { readonly orderId: string; readonly chargeId: string; readonly signature: string }): boolean;
  /** Reads an event after its signature was checked. Refuses WEBHOOK_SIGNATURE_INVALID and WEBHOOK_MALFORMED. */
  readEvent(body: Uint8Array, signature: string): ProviderEvent;
  /** Money that moved, by the time of the charge or refund that moved it; a page at a time. */
  listMovements(span: Span, signal: AbortSignal): AsyncIterable<readonly ProviderMovement[]>;
};

export function providerAway(cause?: unknown, retryAfterMs = 1_000): Fault {
  return new Fault(
    'unavailable',
    'PAYMENT_PROVIDER_UNAVAILABLE',
    'The payment provider does not answer just now; try again.',
    { cause, retryAfterMs },
  );
}

/** `why` is the provider's own short code, such as "BAD_REQUEST_ERROR". */
export function providerRefused(why: string, cause?: unknown): Fault {
  return new Fault('failed-precondition', 'PAYMENT_PROVIDER_REFUSED', `The payment provider refused: ${why}.`, {
    metadata: { provider_reason: why },
    cause,
  });
}

export function isProviderRefusal(error: unknown): boolean {
  return error instanceof Fault && error.reason === 'PAYMENT_PROVIDER_REFUSED';
}

export function signatureInvalid(): Fault {
  return new Fault('permission-denied', 'WEBHOOK_SIGNATURE_INVALID', 'The signature does not fit the body.');
}

export function webhookMalformed(what: string): Fault {
  return new Fault('invalid-argument', 'WEBHOOK_MALFORMED', `The event can’t be read: ${what}.`);
}
