import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { OnceOptions } from '#platform/request-id.postgres.ts';
import type { KnownProduct, Writes } from './import-plan.ts';

/** What an import reads and writes of the catalog and the stock. */
export type ImportStore = {
  /** The products that have these handles. */
  find(handles: readonly string[]): Promise<KnownProduct[]>;
  /**
   * In one transaction: finds the products that have these handles, held so that nobody else changes them, and writes all
   * that `plan` makes of them. It may plan more than once.
   */
  apply(handles: readonly string[], plan: (known: readonly KnownProduct[]) => readonly Writes[]): Promise<void>;
  /** The answer that an import with this request id gave, when it has ended. */
  recall<R extends DescMessage>(repeat: OnceOptions<R>): Promise<MessageShape<R> | undefined>;
  /** Keeps the answer of an import that has ended. Another that ended first with the same request id has the first answer. */
  remember<R extends DescMessage>(repeat: OnceOptions<R>, answer: MessageShape<R>): Promise<MessageShape<R>>;
};
