import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  type PaymentService,
  ReconciliationDifferenceKind,
  type ReconcilePaymentsResponseSchema,
} from '#gen/only2u/payment/v1/payment_pb.ts';
import { invalidField } from '#platform/fault.ts';
import type { Ledger } from './ledger.ts';
import type { Provider } from './provider.ts';
import { reconcile, type DifferenceKind } from './reconciliation.ts';

export type ReconcileRpcOptions = {
  readonly ledger: Ledger;
  readonly providers: readonly Provider[];
  now(): Date;
};

const kinds = {
  'missing-in-ledger': ReconciliationDifferenceKind.MISSING_IN_LEDGER,
  'missing-at-provider': ReconciliationDifferenceKind.MISSING_AT_PROVIDER,
  amount: ReconciliationDifferenceKind.AMOUNT,
  'ledger-unbalanced': ReconciliationDifferenceKind.LEDGER_UNBALANCED,
} as const satisfies Record<DifferenceKind, ReconciliationDifferenceKind>;

const settledMs = 5 * 60_000; // what is younger may be on its way
const dayMs = 24 * 3_600_000;

export function createReconcileRpc(
  options: ReconcileRpcOptions,
): Pick<ServiceImpl<typeof PaymentService>, 'reconcilePayments'> {
  const { ledger, providers, now } = options;
  return {
    async *reconcilePayments({ startTime, endTime }, { signal }) {
      const end = endTime === undefined ? new Date(now().getTime() - settledMs) : timestampDate(endTime);
      const start = startTime === undefined ? new Date(end.getTime() - dayMs) : timestampDate(startTime);
      if (start >= end) throw invalidField('start_time', 'TIMES_REVERSED', 'has to be before the end.');
      let compared = 0n;
      let differences = 0n;
      for await (const found of reconcile({ ledger, providers, span: { start, end }, signal })) {
        if (found.kind === 'progress') {
          ({ compared } = found);
          yield { result: { case: 'compared', value: compared } };
          continue;
        }
        differences++;
        const { kind, paymentId, providerId, ledger: ours, provider: theirs, message } = found.difference;
        const value = {
          kind: kinds[kind],
          paymentId,
          providerId,
          message,
          ...(ours && { ledgerAmount: ours }),
          ...(theirs && { providerAmount: theirs }),
        };
        yield { result: { case: 'difference', value } } satisfies Response;
      }
      const sums = await ledger.sum({ start, end });
      const captured = sums.map((sum) => sum.captured);
      const refunded = sums.map((sum) => sum.refunded);
      yield { result: { case: 'summary', value: { compared, differences, captured, refunded } } } satisfies Response;
    },
  };
}

type Response = MessageInitShape<typeof ReconcilePaymentsResponseSchema>;
