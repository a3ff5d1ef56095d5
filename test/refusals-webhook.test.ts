import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { type Order, OrderService } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod, PaymentService, PaymentStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import { openPool } from '#platform/pool.postgres.ts';
import { readTestSecret } from '#services/payment/test-provider.postgres.ts';
import { audit } from './audit.ts';
import { quoteCart, sell } from './buying.ts';
import { readRefusal } from './refused.ts';
import { type Account, openTestShop, type TestShop } from './shop.ts';

let shop: TestShop;
let customer: Account;
let order: Order | undefined;
let secret: string;

beforeAll(async () => {
  shop = await openTestShop();
  const [vendor, buyer] = await Promise.all([shop.signUp(Role.VENDOR), shop.signUp()]);
  customer = buyer;
  const { variantIds } = await sell(shop, vendor, { pieces: 5, minorUnits: 50_000n });
  await shop
    .client(CartService, customer.token)
    .addCartItem({ requestId: newId('req'), variantId: variantIds[0] ?? '', quantity: 1 });
  const quoteToken = await quoteCart(shop, customer);
  const placing = { requestId: newId('req'), quoteToken, paymentMethod: PaymentMethod.ONLINE };
  ({ order } = await shop.client(OrderService, customer.token).placeOrder(placing));
  const database = openPool({ url: shop.databaseUrlOf('payment'), schema: 'payment' });
  secret = hmac(await readTestSecret(database), 'events');
  await database.close();
}, 60_000);

afterAll(() => shop.close());

function hmac(key: string, signed: string): string {
  return createHmac('sha256', key).update(signed).digest('hex');
}

/** That the order was paid, as the test provider tells it. */
function paidEvent(changes: Readonly<Record<string, unknown>> = {}): string {
  const time = new Date().toISOString();
  const amount = { minor_units: String(order?.totals?.total?.minorUnits), currency: 'INR' };
  const orderId = order?.payment?.handoff?.providerOrderId;
  const charge = { id: 'tpay_forged', amount, state: 'captured', time };
  return JSON.stringify({ event: 'payment.captured', created_at: time, order_id: orderId, charge, ...changes });
}

async function tell(body: string, { signature = hmac(secret, body), provider = 'test', method = 'POST' } = {}) {
  const headers = { 'content-type': 'application/json', 'x-test-signature': signature, 'x-test-event-id': 'evt_1' };
  const answer = await fetch(`${shop.url}/webhooks/${provider}`, {
    method,
    headers,
    ...(method === 'POST' && { body }),
  });
  return { status: answer.status, text: await answer.text() };
}

async function refusedEvent(body: string, options?: Parameters<typeof tell>[1]) {
  const { status, text } = await tell(body, options);
  return readRefusal(status, text);
}

async function status(): Promise<PaymentStatus | undefined> {
  const paymentId = order?.payment?.paymentId ?? '';
  return (await shop.client(PaymentService, customer.token).getPayment({ paymentId })).payment?.status;
}

const day = 24 * 3_600_000;
const at = (ms: number): string => paidEvent({ created_at: new Date(Date.now() + ms).toISOString() });

test('an event that is forged is refused, whatever it says, and nobody has paid', async () => {
  const body = paidEvent();
  for (const signature of [
    '',
    '00',
    hmac('another key', body),
    hmac(secret, `${body} `),
    hmac(secret, body).slice(2),
  ]) {
    const answer = await refusedEvent(body, { signature });
    expect(answer).toMatchObject({ status: 403, code: 'permission_denied', reason: 'WEBHOOK_SIGNATURE_INVALID' });
  }
  for (const forged of ['', '{', 'null', '{"event": "payment.captured"}'])
    expect(await refusedEvent(forged, { signature: '00' })).toMatchObject({ reason: 'WEBHOOK_SIGNATURE_INVALID' });
  expect(await status()).toBe(PaymentStatus.PENDING);
});

test('one that is signed but old, from the future, or no event is refused with the reason', async () => {
  expect(await refusedEvent(at(-4 * day))).toMatchObject({ code: 'failed_precondition', reason: 'WEBHOOK_TOO_OLD' });
  expect(await refusedEvent(at(day))).toMatchObject({ code: 'failed_precondition', reason: 'WEBHOOK_FROM_FUTURE' });
  for (const body of ['', '{', 'null', '[]', '{}', paidEvent({ charge: { id: 'tpay_1' } })])
    expect(await refusedEvent(body)).toMatchObject({ code: 'invalid_argument', reason: 'WEBHOOK_MALFORMED' });
  expect(await status()).toBe(PaymentStatus.PENDING);
});

test('one from a provider that this shop does not know, too large, or asked for by GET is refused', async () => {
  const body = paidEvent();
  for (const provider of ['stripe', 'cash', 'razorpay'])
    expect(await refusedEvent(body, { provider })).toMatchObject({ status: 404, reason: 'PROVIDER_UNKNOWN' });
  expect(await refusedEvent(' '.repeat(300_000))).toMatchObject({ reason: 'BODY_TOO_LARGE' });
  for (const provider of ['', 'test/more', '../test', 'Test', 'a'.repeat(40)])
    expect((await tell(body, { provider })).status).toBe(404);
  expect((await tell(body, { method: 'GET' })).status).toBeGreaterThanOrEqual(400);
  expect(await status()).toBe(PaymentStatus.PENDING);
});

test('one about an order that is not ours is accepted without effect', async () => {
  expect((await tell(paidEvent({ order_id: 'tord_not_ours' }))).status).toBe(204);
  expect(await status()).toBe(PaymentStatus.PENDING);
});

test('one that comes many times at once counts once, and again after everything else', async () => {
  const paying = { requestId: newId('req'), providerOrderId: order?.payment?.handoff?.providerOrderId };
  const { body: paid } = await shop.call('TestProviderService/PayTestOrder', paying);
  const time = new Date().toISOString();
  const amount = { minor_units: String(order?.totals?.total?.minorUnits), currency: 'INR' };
  const charge = { id: String(paid['providerPaymentId']), amount, state: 'authorized', time };
  const body = paidEvent({ event: 'payment.authorized', created_at: time, charge });
  const told = await Promise.all(Array.from({ length: 10 }, () => tell(body)));
  expect(told.map((answer) => answer.status)).toEqual(Array.from({ length: 10 }, () => 204));
  const paymentId = order?.payment?.paymentId ?? '';
  const payments = shop.client(PaymentService, customer.token);
  await payments.capturePayment({
    requestId: newId('req'),
    paymentId,
    providerPaymentId: charge.id,
    providerSignature: String(paid['providerSignature']),
  });
  await shop.settled();
  const late = { ...charge, state: 'captured' };
  for (const event of [body, paidEvent({ charge: late }), paidEvent({ charge: late })])
    expect((await tell(event)).status).toBe(204);
  const { payment } = await payments.getPayment({ paymentId });
  expect(payment).toMatchObject({ status: PaymentStatus.CAPTURED, captured: order?.totals?.total });
  expect(payment?.refunds).toEqual([]);
  await shop.settled();
  expect((await audit(shop.databaseUrlOf)).problems).toEqual([]);
});
