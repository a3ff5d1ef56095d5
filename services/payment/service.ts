import { PaymentService } from '#gen/only2u/payment/v1/payment_pb.ts';
import { TestProviderService } from '#gen/only2u/payment/v1/test_provider_pb.ts';
import { databaseOf, openDatabase } from '#platform/database.postgres.ts';
import { defineService, handle } from '#platform/service.ts';
import { schedule, startTasks } from '#platform/tasks.postgres.ts';
import { createCashProvider } from './cash-provider.ts';
import { refundTask } from './changing.postgres.ts';
import { type PaymentConfig, paymentConfig } from './config.ts';
import { createPostgresLedger } from './ledger.postgres.ts';
import { createPayments } from './payments.ts';
import type { Provider } from './provider.ts';
import { createReconcileRpc } from './reconcile-rpc.ts';
import { createRazorpay } from './razorpay-provider.ts';
import { createPaymentRpc } from './rpc.ts';
import { createSettling } from './settling.ts';
import { createPostgresPayments, migrations } from './store.postgres.ts';
import { createTestEvents } from './test-events.ts';
import { withFaults } from './test-faults.ts';
import { createTestProviderRpc } from './test-provider-rpc.ts';
import { createTestProvider, readTestSecret, testEventTask, type TestProvider } from './test-provider.postgres.ts';
import { createWebhooks } from './webhook.ts';

const checkTask = 'payment.check';

/** Money that comes in and goes back. */
export const paymentService = defineService({
  name: 'payment',
  contract: [PaymentService, TestProviderService],
  config: paymentConfig,
  async open({ config, log, now, newId, events, trace }) {
    const database = await openDatabase({
      ...databaseOf(config),
      schema: 'payment',
      migrations,
      log,
      events,
      plansOnce: true,
    });
    const store = createPostgresPayments(database);
    const test = await openTestProvider();
    const real = razorpayOf(config);
    const cash = createCashProvider();
    const online = onlineOf();
    const providers = new Map<string, Provider>([['cash', cash]]);
    if (test !== undefined) providers.set('test', withFaults(test, config.TEST_PROVIDER_FAULTS));
    if (real !== undefined) providers.set('razorpay', real);
    const bookkeepers = [test, real].filter((provider) => provider !== undefined);
    const windowMs = config.WEBHOOK_WINDOW_MS;
    const providerFor = { online: online === '' ? undefined : providers.get(online), cash };
    const payments = createPayments({ store, providers, providerFor, log, now, newId });
    const handleWebhook = createWebhooks({ store, providers, windowMs, log, now, newId });
    const settling = createSettling({ store, providers, windowMs, log, now, newId });
    await schedule(database, { kind: checkTask, key: 'all' });
    const tasks = startTasks({
      database,
      log,
      trace,
      handlers: {
        [refundTask]: settling.refunds,
        [checkTask]: settling.checks,
        ...(test && { [testEventTask]: createTestEvents(test, handleWebhook) }),
      },
    });
    return {
      handlers: [
        handle(PaymentService, {
          ...createPaymentRpc({ payments, providers, handleWebhook }),
          ...createReconcileRpc({ ledger: createPostgresLedger(database), providers: bookkeepers, now }),
        }),
        handle(TestProviderService, createTestProviderRpc(test)),
      ],
      database,
      async close() {
        await tasks.close();
        await database.close();
      },
    };

    async function openTestProvider(): Promise<TestProvider | undefined> {
      if (config.TEST_PROVIDER === 'off') return undefined;
      const secret = await readTestSecret(database);
      return createTestProvider({ database, secret, faults: config.TEST_PROVIDER_FAULTS, now });
    }

    function onlineOf(): string {
      if (config.PAYMENT_PROVIDER !== '') return config.PAYMENT_PROVIDER;
      return real !== undefined ? 'razorpay' : test !== undefined ? 'test' : '';
    }
  },
});

function razorpayOf(config: PaymentConfig): Provider | undefined {
  if (config.RAZORPAY_KEY_ID === '') return undefined;
  return createRazorpay({
    url: config.RAZORPAY_URL,
    keyId: config.RAZORPAY_KEY_ID,
    keySecret: config.RAZORPAY_KEY_SECRET,
    webhookSecrets: config.RAZORPAY_WEBHOOK_SECRETS,
  });
}
