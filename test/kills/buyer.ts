import { Code, ConnectError, createClient, type Client, type Interceptor, type Transport } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import type { DescService } from '@bufbuild/protobuf';
import { setTimeout as sleep } from 'node:timers/promises';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { OrderService, OrderStatus, PartStatus, ReturnDecision, type Order } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod, PaymentService } from '#gen/only2u/payment/v1/payment_pb.ts';
import { TestPaymentOutcome, TestProviderService } from '#gen/only2u/payment/v1/test_provider_pb.ts';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { codeOf } from '#platform/error-code.ts';
import type { Checkout } from './plan.ts';

/** A customer with an app that never gives up: what fails for want of an answer is sent again with the same request_id. */
export type Buyer = { readonly dial: <S extends DescService>(contract: S) => Client<S>; readonly addressId: string };

export type Shopkeeper = { readonly dial: <S extends DescService>(contract: S) => Client<S> };

export type Outcome = {
  /** Set once PlaceOrder answered. */
  readonly orderId?: string;
  /** The refusal that ended it, such as INSUFFICIENT_STOCK. */
  readonly refusal?: string;
};

const insistMs = 300_000; // the shop is away half of the time

// What says that the shop is away or busy, not that it refused.
const away: readonly Code[] = [
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.Canceled,
  Code.Unknown,
  Code.ResourceExhausted,
];

/** Does it again, with the same request, until there is an answer. */
export async function insist<T>(call: () => Promise<T>): Promise<T> {
  const giveUpMs = Date.now() + insistMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const failure = ConnectError.from(error);
      // What breaks while a request is written never came from the shop, whatever the client calls it.
      const isCut = ['EPIPE', 'ECONNRESET'].includes(codeOf(failure.cause) ?? '');
      if ((!isCut && !away.includes(failure.code)) || Date.now() > giveUpMs) throw failure;
      await sleep(30 + Math.random() * 120);
    }
  }
}

/** Dials any of the gateways each time; which there are may change meanwhile. */
export function dialerAs(gatewayUrls: readonly string[], token: () => Promise<string>): Buyer['dial'] {
  const signed: Interceptor = (next) => async (request) => {
    request.header.set('authorization', `Bearer ${await token()}`);
    return next(request);
  };
  const transports = new Map<string, Transport>();
  return (contract) => {
    const baseUrl = gatewayUrls[Math.floor(Math.random() * gatewayUrls.length)] ?? '';
    const transport =
      transports.get(baseUrl) ??
      createConnectTransport({ baseUrl, httpVersion: '1.1', interceptors: [signed], defaultTimeoutMs: 30_000 });
    transports.set(baseUrl, transport);
    return createClient(contract, transport);
  };
}

export function reasonOf(error: unknown): string {
  const failure = ConnectError.from(error);
  return failure.findDetails(ErrorInfoSchema)[0]?.reason ?? Code[failure.code];
}

export type Shopping = {
  readonly buyer: Buyer;
  readonly shopkeeper: Shopkeeper;
  /** The variants that the plan counts. */
  readonly variants: readonly string[];
  readonly coupons: Readonly<Record<'scarce' | 'plenty', string>>;
  /** Begins each request_id, so that a plan names the same requests each time. */
  readonly name: string;
};

/** From an empty cart to the end, as the plan says. A refusal ends it; anything that no refusal should be is thrown. */
export async function checkOut(plan: Checkout, shopping: Shopping): Promise<Outcome> {
  let orderId: string | undefined;
  try {
    orderId = await placed(plan, shopping);
    await paid(plan, orderId, shopping);
    await afterwards(plan, orderId, shopping);
    return { orderId };
  } catch (error) {
    if (ConnectError.from(error).code !== Code.FailedPrecondition) throw error;
    return { ...(orderId !== undefined && { orderId }), refusal: reasonOf(error) };
  }
}

async function placed(plan: Checkout, { buyer, variants, coupons, name }: Shopping): Promise<string> {
  const cart = buyer.dial(CartService);
  await insist(() => cart.clearCart({ requestId: `${name}-clear` }));
  for (const { variant, quantity } of plan.items) {
    const variantId = variants[variant % variants.length] ?? '';
    await insist(() => cart.addCartItem({ requestId: `${name}-add-${variant}`, variantId, quantity }));
  }
  if (plan.coupon !== 'none') {
    const code = coupons[plan.coupon];
    await insist(() => cart.applyCoupon({ requestId: `${name}-coupon`, code }));
  }
  const orders = buyer.dial(OrderService);
  const { quote } = await insist(() => orders.quoteOrder({ addressId: buyer.addressId }));
  const request = {
    requestId: `${name}-place`,
    quoteToken: quote?.quoteToken ?? '',
    paymentMethod: plan.method === 'cash' ? PaymentMethod.CASH_ON_DELIVERY : PaymentMethod.ONLINE,
  };
  const taps = await Promise.all(
    Array.from({ length: plan.taps }, () => insist(() => orders.placeOrder(request)).then(({ order }) => order?.id)),
  );
  const [orderId] = taps;
  if (orderId === undefined || new Set(taps).size !== 1) throw new Error(`one tap too many: ${taps.join(', ')}`);
  return orderId;
}

async function paid(plan: Checkout, orderId: string, { buyer, name }: Shopping): Promise<void> {
  if (plan.method === 'cash' || plan.pays === 'never') return;
  const order = await settled(orderId, buyer, [OrderStatus.PENDING]);
  const handoff = order.payment?.handoff;
  if (order.status !== OrderStatus.AWAITING_PAYMENT || handoff === undefined) return;
  const provider = buyer.dial(TestProviderService);
  const tries =
    plan.pays === 'at the second try' ? ['declined', 'paid'] : plan.pays === 'twice' ? ['paid', 'paid'] : ['paid'];
  for (const [index, outcome] of tries.entries()) {
    const signed = await insist(() =>
      provider.payTestOrder({
        requestId: `${name}-pay-${index}`,
        providerOrderId: handoff.providerOrderId,
        outcome: outcome === 'paid' ? TestPaymentOutcome.PAID : TestPaymentOutcome.DECLINED,
      }),
    );
    if (outcome !== 'paid' || !plan.appTells || signed.providerSignature === '') continue;
    await insist(() =>
      buyer.dial(PaymentService).capturePayment({
        requestId: `${name}-tell-${index}`,
        paymentId: order.payment?.paymentId ?? '',
        providerPaymentId: signed.providerPaymentId,
        providerSignature: signed.providerSignature,
      }),
    );
  }
}

async function afterwards(plan: Checkout, orderId: string, { buyer, shopkeeper, name }: Shopping): Promise<void> {
  if (plan.after === 'nothing') return;
  const orders = buyer.dial(OrderService);
  if (plan.after === 'cancel') {
    await insist(() => orders.cancelOrder({ requestId: `${name}-cancel`, orderId }));
    return;
  }
  const order = await settled(orderId, buyer, [OrderStatus.PENDING, OrderStatus.AWAITING_PAYMENT]);
  if (order.status !== OrderStatus.CONFIRMED) return;
  const line = order.parts[0]?.lines[0];
  const items = line === undefined ? [] : [{ lineId: line.id, quantity: 1 }];
  if (plan.after === 'cancel a piece') {
    await insist(() => orders.cancelOrder({ requestId: `${name}-piece`, orderId, items }));
    return;
  }
  for (const part of order.parts) {
    await insist(() =>
      shopkeeper.dial(OrderService).updateFulfillment({
        requestId: `${name}-deliver-${part.id.slice(-8)}`,
        orderId,
        partId: part.id,
        status: PartStatus.DELIVERED,
      }),
    );
  }
  if (plan.after !== 'return') return;
  const { returnId } = await insist(() =>
    orders.requestReturn({ requestId: `${name}-return`, orderId, items, reason: 'too small' }),
  );
  await insist(() =>
    shopkeeper.dial(OrderService).resolveReturn({
      requestId: `${name}-receive`,
      orderId,
      returnId,
      decision: ReturnDecision.RECEIVE,
      restock: true,
    }),
  );
}

/** The order once it stands anywhere else; as it is, when it takes longer than a customer waits. */
async function settled(orderId: string, buyer: Buyer, unsettled: readonly OrderStatus[]): Promise<Order> {
  const giveUpMs = Date.now() + insistMs;
  for (;;) {
    const { order } = await insist(() => buyer.dial(OrderService).getOrder({ orderId }));
    if (order === undefined) throw new Error('GetOrder answered nothing');
    if (!unsettled.includes(order.status) || Date.now() > giveUpMs) return order;
    await sleep(100);
  }
}
