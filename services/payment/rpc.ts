import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { PaymentMethod, type PaymentSchema, type PaymentService } from '#gen/only2u/payment/v1/payment_pb.ts';
import { invalidField } from '#platform/fault.ts';
import type { Money } from '#platform/money.ts';
import { requireUser } from '#platform/rpc/call.ts';
import { encodePayment, encodeRefund } from './messages.ts';
import { paymentNotFound, type Payment } from './payment.ts';
import type { Payments } from './payments.ts';
import type { Provider } from './provider.ts';
import type { HandleWebhook } from './webhook.ts';

export type PaymentRpcOptions = {
  readonly payments: Payments;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly handleWebhook: HandleWebhook;
};

type PaymentRpc = Omit<ServiceImpl<typeof PaymentService>, 'reconcilePayments'>;

/** The methods of PaymentService, but for the comparison with the provider. */
export function createPaymentRpc({ payments, providers, handleWebhook }: PaymentRpcOptions): PaymentRpc {
  function encode(payment: Payment): MessageInitShape<typeof PaymentSchema> {
    return encodePayment(payment, (provider) => providers.get(provider)?.keyId ?? '');
  }

  return {
    async createPayment({ orderId, userId, amount, method }) {
      const asked = { orderId, userId, amount: moneyOf(amount), method: methodOf(method) };
      return { payment: encode(await payments.create(asked)) };
    },

    async getPayment({ paymentId }) {
      const user = requireUser();
      const payment = await payments.find(paymentId);
      if (payment === undefined || (payment.userId !== user.id && !user.roles.includes('admin'))) {
        throw paymentNotFound();
      }
      return { payment: encode(payment) };
    },

    async capturePayment({ paymentId, providerPaymentId, providerSignature }) {
      const { id: userId } = requireUser();
      const asked = { userId, paymentId, chargeId: providerPaymentId, signature: providerSignature };
      return { payment: encode(await payments.capture(asked)) };
    },

    async collectPayment({ requestId, orderId, amount }) {
      return { payment: encode(await payments.collect({ requestId, orderId, amount: moneyOf(amount) })) };
    },

    async cancelPayment({ orderId }) {
      const payment = await payments.cancel(orderId);
      return payment === undefined ? {} : { payment: encode(payment) };
    },

    async refundPayment({ requestId, orderId, amount, reason }) {
      const { refund, payment } = await payments.refund({ requestId, orderId, amount: moneyOf(amount), reason });
      return { refund: encodeRefund(refund, payment.amount.currency) };
    },

    async handleProviderEvent({ requestId, provider, body, signature }) {
      await handleWebhook({ provider, eventId: requestId, body, signature });
      return {};
    },
  };
}

function moneyOf(amount: Money | undefined): Money {
  if (amount === undefined) throw invalidField('amount', 'REQUIRED', 'is missing.');
  return { minorUnits: amount.minorUnits, currency: amount.currency };
}

function methodOf(method: PaymentMethod): Payment['method'] {
  if (method === PaymentMethod.ONLINE) return 'online';
  if (method === PaymentMethod.CASH_ON_DELIVERY) return 'cash';
  throw invalidField('method', 'METHOD_UNKNOWN', 'is no way of paying.');
}
