import { create } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { ReconcilePaymentsResponseSchema } from '#gen/only2u/payment/v1/payment_pb.ts';
import { readArguments, report } from './reconcile.ts';

test('times are days or moments, the first before the second', () => {
  expect(readArguments([])).toEqual({ from: undefined, to: undefined });
  expect(readArguments(['--from', '2026-11-22', '--to', '2026-11-22T09:30:00Z'])).toEqual({
    from: new Date('2026-11-22'),
    to: new Date('2026-11-22T09:30:00Z'),
  });
  expect(readArguments(['--help'])).toBeUndefined();
  for (const args of [['--from', 'yesterday'], ['--to', '2026-99-01'], ['--form', '2026-01-01'], ['2026-01-01']])
    expect(() => readArguments(args)).toThrow(/Usage/);
  expect(() => readArguments(['--from', '2026-02-01', '--to', '2026-01-01'])).toThrow(/before/);
});

test('each difference is printed, then the sums', async () => {
  let text = '';
  const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });
  const differences = await report(
    {
      async *reconcilePayments() {
        yield create(ReconcilePaymentsResponseSchema, { result: { case: 'compared', value: 2n } });
        const value = { paymentId: 'pay_1', message: 'The provider knows nothing.' };
        yield create(ReconcilePaymentsResponseSchema, { result: { case: 'difference', value } });
        const summary = { compared: 3n, differences: 1n, captured: [inr(49_900n)], refunded: [inr(0n)] };
        yield create(ReconcilePaymentsResponseSchema, { result: { case: 'summary', value: summary } });
      },
    },
    { from: undefined, to: undefined },
    { write: (part) => void (text += part), isTerminal: false },
  );
  expect(differences).toBe(1);
  expect(text).toBe(
    'pay_1: The provider knows nothing.\n3 movements compared: 1 differs. 499.00 INR taken, 0.00 INR given back\n',
  );
});
