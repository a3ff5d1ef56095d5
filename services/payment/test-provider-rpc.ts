import type { ServiceImpl } from '@connectrpc/connect';
import { TestPaymentOutcome, type TestProviderService } from '#gen/only2u/payment/v1/test_provider_pb.ts';
import { Fault } from '#platform/fault.ts';
import type { TestProvider } from './test-provider.postgres.ts';

/** The page of the test provider, for those who have no browser. */
export function createTestProviderRpc(provider: TestProvider | undefined): ServiceImpl<typeof TestProviderService> {
  return {
    async payTestOrder({ requestId, providerOrderId, outcome }) {
      if (provider === undefined) {
        throw new Fault(
          'failed-precondition',
          'TEST_PROVIDER_OFF',
          'There is no test provider here; pay at the real one.',
        );
      }
      const declined = outcome === TestPaymentOutcome.DECLINED;
      const { chargeId, signature } = await provider.pay({ requestId, orderId: providerOrderId, declined });
      return { providerPaymentId: chargeId, providerSignature: signature };
    },
  };
}
