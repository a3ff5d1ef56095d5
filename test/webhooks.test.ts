import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { OrderService } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod, PaymentService, PaymentStatus, RefundStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import { openRazorpayStandIn, type RazorpayStandIn } from '#services/payment/razorpay-stand-in.testing.ts';
import { addressOf, sell } from './buying.ts';
import { type Account, openTestShop, type TestShop } from './shop.ts';

let razorpay: RazorpayStandIn;
let shop: TestShop;
let vendor: Account;

beforeAll(async () => {
  razorpay = await openRazorpayStandIn();
  shop = await openTestShop({
    RAZORPAY_URL: razorpay.url,
    RAZORPAY_KEY_ID: razorpay.keyId,
    RAZORPAY_KEY_SECRET: razorpay.keySecret,
    RAZORPAY_WEBHOOK_SECRETS: `the next one,${razorpay.webhookSecret}`,
  });
  vendor = await shop.signUp(Role.VENDOR);
}, 60_000);

afterAll(async () => {
  await shop.close();
  await razorpay.close();
});

async function tell(name: string, payment: string, refund?: string, change = (body: Buffer) => body) {
  const { body, signature } = razorpay.event(name, payment, refund);
  const response = await fetch(`${shop.url}/webhooks/razorpay`, {
    method: 'POST',
    body: new Uint8Array(change(body)),
    headers: {
      'content-type': 'application/json',
      'x-razorpay-signature': signature,
      'x-razorpay-event-id': newId('evt'),
    },
  });
  await response.arrayBuffer();
  return response.status;
}

test('from Razorpay’s event at the edge to the ledger, to a refund and back, and both books agree', async () => {
  const { variantIds } = await sell(shop, vendor, { pieces: 3, minorUnits: 50_000n });
  const customer = await shop.signUp();
  const variantId = variantIds[0] ?? '';
  await shop.client(CartService, customer.token).addCartItem({ requestId: newId('req'), variantId, quantity: 2 });
  const orders = shop.client(OrderService, customer.token);
  const { quote } = await orders.quoteOrder({ addressId: await addressOf(shop, customer) });
  const { order } = await orders.placeOrder({
    requestId: newId('req'),
    quoteToken: quote?.quoteToken ?? '',
    paymentMethod: PaymentMethod.ONLINE,
  });
  const payment = order?.payment;
  const total = quote?.totals?.total;
  expect(payment?.handoff).toMatchObject({ provider: 'razorpay', providerKeyId: razorpay.keyId });
  const { chargeId } = razorpay.pay(payment?.handoff?.providerOrderId ?? '', 'captured');

  const forged = (body: Buffer): Buffer => Buffer.from(body.toString().replace('"captured":true', '"captured":null'));
  expect(await tell('payment.captured', chargeId, undefined, forged)).toBe(403);
  const told = await Promise.all([1, 2, 3].map(() => tell('payment.captured', chargeId)));
  expect(told).toEqual([204, 204, 204]);
  const mine = shop.client(PaymentService, customer.token);
  const find = async () => (await mine.getPayment({ paymentId: payment?.paymentId ?? '' })).payment;
  expect(await find()).toMatchObject({ status: PaymentStatus.CAPTURED, captured: total });

  await shop.settled();
  await orders.cancelOrder({ requestId: newId('req'), orderId: order?.id ?? '' });
  await shop.settled();
  expect((await find())?.refunds).toMatchObject([{ status: RefundStatus.SUCCEEDED, amount: total }]);
  expect(await tell('refund.processed', chargeId, razorpay.refunds[0]?.id)).toBe(204);

  const operator = shop.dial(PaymentService);
  const endTime = { seconds: BigInt(Math.floor(Date.now() / 1_000) + 5), nanos: 0 };
  for await (const { result } of operator.reconcilePayments({ endTime })) {
    expect(result.case).not.toBe('difference');
    if (result.case === 'summary') {
      expect(result.value).toMatchObject({
        compared: 2n,
        captured: [total],
        refunded: [total],
      });
    }
  }
});
