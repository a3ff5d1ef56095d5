import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { OnceOptions } from '#platform/request-id.postgres.ts';
import type { Movement, Reservation, Stock } from './inventory.ts';
import type { Product } from './product.ts';

/** A stock with whose it is. */
export type OwnedStock = Stock & { readonly product: Pick<Product, 'id' | 'vendorId' | 'status'> };

export type ExpireOptions = {
  readonly now: Date;
  /** The most reservations ended in one call. */
  readonly limit: number;
  /** Only those that hold one of these variants; undefined for all. */
  readonly variantIds?: readonly string[];
};

/** Where stock is counted. */
export type InventoryStore = {
  /** In the order of the ids; those that aren't there are left out. */
  findStocks(variantIds: readonly string[]): Promise<OwnedStock[]>;
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
  /** Sets aside what is counted of the items. Their stocks are locked. */
  hold(reservation: Reservation): Promise<void>;
  /** Held so that nobody else changes it before the transaction ends. */
  lockReservation(id: string): Promise<Reservation | undefined>;
  /** Takes the pieces of a held reservation out of the stock and writes the ledger. The reservation is locked. */
  commit(reservation: Reservation, now: Date): Promise<void>;
  /** Gives the pieces of a held reservation back. The reservation is locked. */
  release(reservation: Reservation, now: Date): Promise<void>;
};
