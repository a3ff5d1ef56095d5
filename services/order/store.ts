import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { OnceOptions } from '#platform/request-id.postgres.ts';
import type { Order, OrderStatus } from './order.ts';

/** Whose orders are listed: a customer's, a vendor's confirmed ones, or all. */
export type OrderListing = {
  readonly of: { readonly userId: string } | { readonly vendorId: string } | 'all';
  readonly status: OrderStatus | undefined;
  /** The id where the page before ended; "" for the first page. */
  readonly before: string;
  readonly limit: number;
};

export type Placed = {
  readonly order: Order;
  /** A trace of the request that placed it. */
  readonly fingerprint: Uint8Array;
};

/** Inside of a change. */
export type OrderTx = {
  /** The next number of a vendor in a financial year, without gaps: given back when the change fails. */
  nextInvoice(vendorId: string, year: string): Promise<{ readonly series: number; readonly number: number }>;
};

/** Where orders are kept. Each write that leaves something to do has it done in time, in the same transaction. */
export type OrderStore = {
  find(id: string): Promise<Order | undefined>;
  /** The order that a request placed, and whether the user has no other that isn't canceled. */
  findPlaced(
    userId: string,
    requestId: string,
  ): Promise<{ readonly placed: Placed | undefined; readonly firstOrder: boolean }>;
  /** Whether the user has no order that isn't canceled. */
  isFirstOrder(userId: string): Promise<boolean>;
  /** Adds an order, unless its request placed one before: that one is answered then. */
  insert(order: Order, fingerprint: Uint8Array): Promise<Placed | undefined>;
  /**
   * Puts `after` in the place of `before`; false when it is no longer what is there. `schedules` is false for who is
   * the scheduled task itself, and says by its result when it comes again.
   */
  replace(before: Order, after: Order, options: { readonly schedules: boolean }): Promise<boolean>;
  /** Has an order seen to at once: for who tried and could not. */
  handOver(id: string): Promise<void>;
  /**
   * Changes an order that nobody else changes meanwhile, once for a request. Answers it as it is after, and what `work` answered
   * the first time. All is undone when `work` throws; it may run more than once.
   */
  change<R extends DescMessage>(
    id: string,
    repeat: OnceOptions<R>,
    work: (
      order: Order | undefined,
      tx: OrderTx,
    ) => Promise<{ readonly order: Order; readonly answer: MessageShape<R> }>,
  ): Promise<{ readonly order: Order; readonly answer: MessageShape<R> }>;
  /** The latest first. */
  list(listing: OrderListing): Promise<Order[]>;
};
