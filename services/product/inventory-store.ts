import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { OnceOptions } from '#platform/request-id.postgres.ts';
import type { Hold, KnownReservation } from './inventory-order.ts';
import type { Movement, Reservation, Stock, Wanted } from './inventory.ts';
import type { Product } from './product.ts';

/** A stock with whose it is. */
export type OwnedStock = Stock & { readonly product: Pick<Product, 'id' | 'vendorId' | 'status'> };

export type ExpireOptions = {
  readonly now: Date;
  /** The most reservations ended in one call. */
  readonly limit: number;
  /** Only those that hold one of these variants; undefined for all. */
  readonly variantIds?: readonly string[];
  /** Only this one; whoever is changing it is waited for. */
  readonly reservationId?: string;
};

/** What became of a hold: made, or one was made before, or refused by the stocks (those that exist). */
export type HoldOutcome =
  | { readonly kind: 'held'; readonly reservation: Reservation }
  | { readonly kind: 'known'; readonly known: readonly KnownReservation[] }
  | {
      readonly kind: 'refused';
      readonly stocks: readonly OwnedStock[];
      /** Whether some pieces of the shop are held beyond their time. */
      readonly overdue: boolean;
    };

/** Where stock is counted. */
export type InventoryStore = {
  /** In the order of the ids; those that aren't there are left out. */
  findStocks(variantIds: readonly string[]): Promise<OwnedStock[]>;
  /**
   * Sets pieces aside as `reserve` says, all or none, unless a reservation is known by the request or of the order: it is
   * told then, and nothing is changed. Of several that ask at once for the same order, one gets it and the others are told.
   */
  hold(hold: Hold): Promise<HoldOutcome>;
  /**
   * Takes the pieces of a reservation out of the stock and writes the ledger when `commit` allows it. Answers the reservation as
   * it was before.
   */
  commit(id: string, now: Date): Promise<Reservation | undefined>;
  /**
   * Runs `work` in one transaction, once for the request id: whoever repeats the request gets the first answer. All that
   * `work` did is undone when it throws; it may run more than once, so it only asks `tx`.
   */
  change<R extends DescMessage>(
    repeat: OnceOptions<R>,
    work: (tx: InventoryTx) => Promise<MessageShape<R>>,
  ): Promise<MessageShape<R>>;
  /**
   * Gives back what is held beyond its time, the longest overdue first, and leaves out what somebody else is changing. Any
   * number of processes may call it at once. Answers how many reservations it ended.
   */
  expire(options: ExpireOptions): Promise<number>;
  /** Forgets released and expired reservations that ended before, at most `limit` of them. Answers how many. */
  forget(options: { readonly before: Date; readonly limit: number }): Promise<number>;
};

/** The inventory inside of a transaction. */
export type InventoryTx = {
  /** Held so that nobody else changes them before the transaction ends; always locked in one order, so that nobody deadlocks. */
  lockStocks(variantIds: readonly string[]): Promise<OwnedStock[]>;
  /** Moves what is on hand, and writes it into the ledger. The stock is locked. */
  move(movement: Movement): Promise<void>;
  /** Held so that nobody else changes it before the transaction ends. */
  lockReservation(id: string): Promise<Reservation | undefined>;
  /**
   * The reservation that an order holds, or the one that closed it, held like the reservation. Whoever reserves for the order
   * meanwhile waits for the transaction's end.
   */
  lockOrder(orderId: string): Promise<Reservation | undefined>;
  /** Gives the pieces of a held reservation back; `closing` its order as well. The reservation is locked. */
  release(reservation: Reservation, options: { readonly now: Date; readonly closing: boolean }): Promise<void>;
  /** Closes an order that holds nothing, under an id of its own. The order is locked. */
  closeOrder(order: { readonly id: string; readonly orderId: string; readonly now: Date }): Promise<void>;
  /**
   * Puts sold pieces back into the stock, notes them with the reservation and in the ledger. Answers the variants that are
   * counted nowhere: those that were deleted since, and those that weren't counted when they were sold. The reservation is locked.
   */
  restock(reservation: Reservation, returned: readonly Wanted[], now: Date): Promise<string[]>;
};
