import { providerRefused, signatureInvalid, type Provider } from './provider.ts';

/** Cash at the door. Nobody has to be asked: what was taken and given is what CollectPayment and RefundPayment record. */
export function createCashProvider(): Provider {
  return {
    name: 'cash',
    keyId: '',
    ordersAreDerived: true,
    createOrder: async () => '',
    listCharges: async () => [],
    findCharge: async () => undefined,
    capture: async () => {
      throw providerRefused('CASH_IS_COLLECTED');
    },
    refund: async ({ refundId }) => {
      throw new Error(`${refundId}: cash is given back by hand`);
    },
    isSigned: () => false,
    readEvent() {
      throw signatureInvalid();
    },
    async *listMovements() {},
  };
}
