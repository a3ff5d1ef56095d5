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

/** What a request to place an order is known by. */
export type PlaceTrace = {
  readonly userId: string;
  readonly requestId: string;
  /** A trace of its quote, which is another for each quote. */
  readonly quote: Uint8Array;
};

/** What of a user's orders stands in the way of another, or decides what it costs. */
export type Before = {
  /** The order that the same request placed. */
  readonly placed: Placed | undefined;
  /** The id of the order that used the quote. */
  readonly usedBy: string | undefined;
  /** Whether the user has no order that isn't canceled. */
  readonly firstOrder: boolean;
};

/** Inside of a change. */
export type OrderTx = {
  /** The next number of a vendor in a financial year, without gaps: given back when the change fails. */
  nextInvoice(vendorId: string, year: string): Promise<{ readonly series: number; readonly number: number }>;
};

/** Where orders are kept. Each write that leaves something to do has it done in time, in the same transaction. */
export type OrderStore = {
  find(id: string): Promise<Order | undefined>;
  findBefore(placing: PlaceTrace): Promise<Before>;
  /** Whether the user has no order that isn't canceled. */
  isFirstOrder(userId: string): Promise<boolean>;
  /** Adds an order. False when its request or its quote has placed one by now: `findBefore` answers it then. */
  insert(order: Order, trace: Pick<Placed, 'fingerprint'> & Pick<PlaceTrace, 'quote'>): Promise<boolean>;
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
