import type { Money } from '#platform/money.ts';
import type { ProviderMovement, Span } from './provider.ts';

/** A movement as the ledger has it. */
export type LedgerMovement = ProviderMovement & { readonly paymentId: string };

/** A payment whose own sums are not the ledger's. */
export type Unbalanced = { readonly paymentId: string; readonly ledger: Money; readonly payment: Money };

/** Every movement of money, for whoever compares it. */
export type Ledger = {
  /** By the provider's time; a page at a time. */
  listMovements(provider: string, span: Span): AsyncIterable<readonly LedgerMovement[]>;
  /** Those of these ids that there are. */
  findMovements(provider: string, ids: readonly string[]): Promise<readonly LedgerMovement[]>;
  /** All payments that disagree with it; a page at a time. */
  listUnbalanced(): AsyncIterable<readonly Unbalanced[]>;
  /** What came and went in the time, one sum a currency. */
  sum(span: Span): Promise<readonly { readonly captured: Money; readonly refunded: Money }[]>;
};
