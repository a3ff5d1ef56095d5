import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Code, ConnectError, type Client } from '@connectrpc/connect';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { PaymentMethod, PaymentService, PaymentStatus, RefundStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import { TestPaymentOutcome, TestProviderService } from '#gen/only2u/payment/v1/test_provider_pb.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { openTestService, type TestService } from '#platform/testing/service.ts';
import { paymentService } from './service.ts';
import { migrations } from './store.postgres.ts';

let database: TestDatabase;
let app: TestService;
let orders: Client<typeof PaymentService>;
let asha: Client<typeof PaymentService>;
let page: Client<typeof TestProviderService>;

const user = (id: string, ...roles: string[]) => ({ id, roles: ['customer', ...roles], sessionId: 'ses_1' });
const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });
const requestId = (): string => randomUUID();

beforeAll(async () => {
  database = await openTestDatabase('payment', migrations);
  app = await openTestService(paymentService, { config: { DATABASE_URL: database.url, TEST_PROVIDER: 'on' } });
  orders = app.as({ caller: 'order' }).client(PaymentService);
  asha = app.as({ user: user('usr_asha') }).client(PaymentService);
  page = app.as({}).client(TestProviderService);
});

afterAll(async () => {
  await app.close();
  await database.close();
});

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw new Error('the call was not refused', { cause: error });
  return `${Code[error.code]} ${error.findDetails(ErrorInfoSchema)[0]?.reason ?? ''}`;
}

async function open(orderId = `ord_${requestId()}`, method: PaymentMethod = PaymentMethod.ONLINE) {
  const asked = { requestId: requestId(), orderId, userId: 'usr_asha', amount: inr(49_900n), method };
  const { payment } = await orders.createPayment(asked);
  if (payment === undefined) throw new Error('the payment is missing');
  return payment;
}

async function pay(providerOrderId = '', outcome: TestPaymentOutcome = TestPaymentOutcome.PAID) {
  return page.payTestOrder({ requestId: requestId(), providerOrderId, outcome });
}

test('from order to money and half of it back', async () => {
  const payment = await open();
  expect(payment.handoff).toMatchObject({ provider: 'test', providerKeyId: 'test' });
  const proof = await pay(payment.handoff?.providerOrderId);
  const captured = await asha.capturePayment({
    requestId: requestId(),
    paymentId: payment.id,
    providerPaymentId: proof.providerPaymentId,
    providerSignature: proof.providerSignature,
  });
  expect(captured.payment).toMatchObject({ status: PaymentStatus.CAPTURED, captured: inr(49_900n) });
  expect(captured.payment?.handoff).toBeUndefined();
  const asked = { requestId: requestId(), orderId: payment.orderId, amount: inr(20_000n), reason: 'too small' };
  const { refund } = await orders.refundPayment(asked);
  expect(refund).toMatchObject({ amount: inr(20_000n), reason: 'too small' });
  let shown = await asha.getPayment({ paymentId: payment.id });
  while (shown.payment?.refunds[0]?.status !== RefundStatus.SUCCEEDED) {
    shown = await asha.getPayment({ paymentId: payment.id }); // the worker does it
  }
  expect(shown.payment.refunded).toMatchObject(inr(20_000n));
});

test('a payment is its customer’s and the admins’ alone', async () => {
  const { id: paymentId } = await open();
  const eve = app.as({ user: user('usr_eve') }).client(PaymentService);
  const admin = app.as({ user: user('usr_root', 'admin') }).client(PaymentService);
  expect(await refusal(eve.getPayment({ paymentId }))).toBe('NotFound PAYMENT_NOT_FOUND');
  expect(await refusal(asha.getPayment({ paymentId: 'pay_none' }))).toBe('NotFound PAYMENT_NOT_FOUND');
  expect((await admin.getPayment({ paymentId })).payment?.id).toBe(paymentId);
  const proof = { providerPaymentId: 'x', providerSignature: 'x' };
  expect(await refusal(eve.capturePayment({ requestId: requestId(), paymentId, ...proof }))).toBe(
    'NotFound PAYMENT_NOT_FOUND',
  );
  expect(await refusal(asha.capturePayment({ requestId: requestId(), paymentId, ...proof }))).toBe(
    'InvalidArgument PAYMENT_SIGNATURE_INVALID',
  );
});

test('only the order service makes, cancels and refunds payments', async () => {
  const asked = { requestId: requestId(), orderId: 'ord_x' };
  expect(await refusal(asha.cancelPayment(asked))).toMatch(/^PermissionDenied/);
  expect(await refusal(asha.refundPayment({ ...asked, amount: inr(1n) }))).toMatch(/^PermissionDenied/);
  const made = { ...asked, userId: 'usr_asha', amount: inr(1n), method: PaymentMethod.ONLINE };
  expect(await refusal(asha.createPayment(made))).toMatch(/^PermissionDenied/);
});

test('an order without a payment is closed, and says so to whoever comes late', async () => {
  const orderId = `ord_${requestId()}`;
  expect((await orders.cancelPayment({ requestId: requestId(), orderId })).payment).toBeUndefined();
  expect(await refusal(open(orderId))).toBe('FailedPrecondition ORDER_CLOSED');
});

test('cash is ready at once, and collected', async () => {
  const payment = await open(undefined, PaymentMethod.CASH_ON_DELIVERY);
  expect(payment).toMatchObject({ status: PaymentStatus.PENDING, handoff: { provider: 'cash' } });
  const asked = { requestId: requestId(), orderId: payment.orderId, amount: inr(49_900n) };
  expect((await orders.collectPayment(asked)).payment).toMatchObject({ status: PaymentStatus.CAPTURED });
});

test('the test provider knows its own orders alone', async () => {
  expect(await refusal(pay('tord_0_100INR_0000000000000000'))).toBe('NotFound TEST_ORDER_NOT_FOUND');
  expect(await refusal(pay('order_of_somebody'))).toBe('NotFound TEST_ORDER_NOT_FOUND');
});

test('a declined try gives no signature', async () => {
  const payment = await open();
  const declined = await pay(payment.handoff?.providerOrderId, TestPaymentOutcome.DECLINED);
  expect(declined.providerSignature).toBe('');
});

test('without the test provider there is nothing to pay with online, and cash goes on', async () => {
  const other = await openTestDatabase('payment', migrations);
  const plain = await openTestService(paymentService, { config: { DATABASE_URL: other.url } });
  const client = plain.as({ caller: 'order' }).client(PaymentService);
  const asked = { requestId: requestId(), orderId: 'ord_1', userId: 'usr_asha', amount: inr(100n) };
  expect(await refusal(client.createPayment({ ...asked, method: PaymentMethod.ONLINE }))).toBe(
    'FailedPrecondition PAYMENT_METHOD_OFF',
  );
  expect((await client.createPayment({ ...asked, method: PaymentMethod.CASH_ON_DELIVERY })).payment?.status).toBe(
    PaymentStatus.PENDING,
  );
  const off = plain.as({}).client(TestProviderService);
  expect(await refusal(off.payTestOrder({ requestId: requestId(), providerOrderId: 'x' }))).toBe(
    'FailedPrecondition TEST_PROVIDER_OFF',
  );
  await plain.close();
  await other.close();
});

test('the books of both sides agree', async () => {
  const operator = app.as({ caller: 'operator' }).client(PaymentService);
  const differences: unknown[] = [];
  let summary: unknown;
  const endTime = { seconds: BigInt(Math.floor(Date.now() / 1_000) + 60), nanos: 0 };
  for await (const { result } of operator.reconcilePayments({ endTime })) {
    if (result.case === 'difference') differences.push(result.value);
    if (result.case === 'summary') summary = result.value;
  }
  expect(differences).toEqual([]);
  expect(summary).toMatchObject({ compared: expect.any(BigInt), differences: 0n });
});
