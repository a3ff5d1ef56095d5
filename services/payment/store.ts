import type { Changed, Payment } from './payment.ts';

/** How a payment is found. */
export type PaymentKey =
  | { readonly id: string }
  | { readonly orderId: string }
  | { readonly provider: string; readonly providerOrderId: string };

export type ChangeOptions = {
  readonly now: Date;
  /** Charges that are to be in the payment beside those that hold money. */
  readonly chargeIds?: readonly string[];
  /** Has the change done once for this event; one that is known changes nothing. One without effect is not remembered. */
  readonly event?: { readonly provider: string; readonly id: string };
  /** The payment as `find` answered it for the same charges: when nobody changed it since, it need not be read again. */
  readonly found?: Payment;
};

/** Where payments, refunds and the ledger are kept. */
export type PaymentStore = {
  /** Writes a new payment unless its order has one or is closed. Answers the one that is there then. */
  insert(payment: Payment): Promise<{ readonly made: boolean; readonly payment: Payment | 'closed' }>;
  /** Notes the provider's order, unless there is one. Answers the payment after it. */
  setProviderOrder(id: string, providerOrderId: string, checkTime: Date): Promise<Payment>;
  /** 'closed' stands for an order that never gets a payment. Brings these charges beside those that hold money. */
  find(key: PaymentKey, chargeIds?: readonly string[]): Promise<Payment | 'closed' | undefined>;
  /** Closes an order without a payment. Answers the payment that is there nevertheless. */
  close(order: { readonly id: string; readonly orderId: string; readonly now: Date }): Promise<Payment | 'closed'>;
  /**
   * Changes a payment in one transaction with its ledger, the event that tells of it and the tasks that its new refunds need, if it
   * still is as `work` was given it. `work` is pure and runs again when it isn't. Answers undefined when there is no payment, or the
   * event is known.
   */
  change(key: PaymentKey, options: ChangeOptions, work: (payment: Payment) => Changed): Promise<Payment | undefined>;
  /** The refund with its payment. */
  findRefund(refundId: string): Promise<Payment | undefined>;
  /** Takes payments that the provider is to be asked about; each comes again after `leaseMs` when nothing becomes of it. */
  takeDueChecks(options: { readonly now: Date; readonly leaseMs: number; readonly limit: number }): Promise<Payment[]>;
  /** When the next one is due. */
  nextCheckTime(): Promise<Date | undefined>;
  /** Forgets events that can't come again, a bounded number at a time. */
  forgetEvents(before: Date): Promise<void>;
};
