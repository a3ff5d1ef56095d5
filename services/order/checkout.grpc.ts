import { fromBinary } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { PurchaseSchema } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { PaymentStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import type { Env } from '#platform/service.ts';
import { methodNumbers, moneyMessage } from './encode.ts';
import { awaitPayment, close, closed, confirm, isPaid, notePayment, type Held } from './order-checkout.ts';
import { hasOpenEffects, totalOf, type Order } from './order.ts';
import {
  closeReasonFor,
  paymentTimedOut,
  placingTimedOut,
  refusalOf,
  soldOutAfterPayment,
  type Peers,
} from './peers.grpc.ts';
import { settle } from './settle.ts';
import type { OrderStore } from './store.ts';
import { takenOf } from './taken.grpc.ts';

export type CheckoutOptions = Pick<Env, 'now' | 'newId'> & {
  readonly store: OrderStore;
  readonly peers: Peers;
  /** How long a customer may take to pay. */
  readonly paymentWindowMs: number;
  /** Told of each order that came to stand somewhere else by this. */
  readonly moved?: (order: Order) => void;
};

export type AdvanceOptions = {
  readonly signal: AbortSignal;
  /** False for who is the scheduled task itself. */
  readonly schedules: boolean;
};

export type Checkout = {
  /**
   * Takes an order as far as it goes just now, and answers it. It may be called by several at once and again after any failure:
   * every step at a peer is named by the order's id and counts once there, and what is written down is a compare-and-set. So nothing
   * is written between the steps; a process that dies does them over.
   */
  advance(order: Order, options: AdvanceOptions): Promise<Order>;
};

const holdMarginMs = 7 * 60_000; // placing takes up to two minutes, and a payment at the last moment needs some to be told

export function createCheckout(options: CheckoutOptions): Checkout {
  const { store, peers, paymentWindowMs, now, newId } = options;
  const { inventory, coupons, payments } = peers;

  /** The order after its next step; undefined when nothing is to be done now. */
  async function next(order: Order, signal: AbortSignal): Promise<Order | undefined> {
    switch (order.status) {
      case 'pending':
        return place(order, signal);
      case 'awaiting-payment':
        if (isPaid(order)) return sell(order, order, signal);
        if (order.paymentExpireTime !== undefined && now() < order.paymentExpireTime) return undefined;
        return expire(order, signal);
      case 'canceling':
        return order.confirmTime === undefined ? giveBack(order, signal) : settle(order, { peers, now, signal });
      case 'confirmed':
      case 'shipped':
      case 'delivered':
        return hasOpenEffects(order) ? settle(order, { peers, now, signal }) : undefined;
      case 'canceled':
        return undefined;
    }
  }

  async function place(order: Order, signal: AbortSignal): Promise<Order> {
    if (now() >= order.placeLimitTime) return close(order, placingTimedOut, now());
    try {
      const reservationId = await reserve(order, 'reserve', signal);
      await redeem(order, signal);
      const { handoff, ...paid } = await pay(order, signal);
      const held = { reservationId, ...paid };
      if (isPaid({ ...order, captured: held.captured })) return await sell(order, held, signal);
      const expireTime = new Date(now().getTime() + paymentWindowMs);
      return awaitPayment(order, { ...held, handoff, expireTime }, now());
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      return close(order, closeReasonFor(refusal, error), now());
    }
  }

  /** Answers the reservation that the order has, or gets. */
  async function reserve(order: Order, name: string, signal: AbortSignal): Promise<string> {
    const request = {
      requestId: `${order.id}:${name}`,
      orderId: order.id,
      items: itemsOf(order),
      holdDuration: durationFromMs(paymentWindowMs + holdMarginMs),
    };
    const { reservation } = await inventory.reserveStock(request, { signal });
    if (reservation === undefined) throw new Error('a reservation was answered without itself');
    return reservation.id;
  }

  async function redeem(order: Order, signal: AbortSignal): Promise<void> {
    if (order.coupons.length === 0) return;
    const purchase = fromBinary(PurchaseSchema, Buffer.from(order.purchase, 'base64'));
    const discount = order.coupons.reduce((sum, coupon) => sum + coupon.amount, 0n);
    const expectedDiscount = moneyMessage(discount, order.currency);
    const request = { requestId: `${order.id}:redeem`, orderId: order.id, purchase, expectedDiscount };
    await coupons.redeemCoupon(request, { signal });
  }

  async function pay(order: Order, signal: AbortSignal) {
    const total = totalOf(order);
    if (total === 0n) return { paymentId: '', captured: 0n, handoff: undefined };
    const request = {
      requestId: `${order.id}:pay`,
      orderId: order.id,
      userId: order.userId,
      amount: moneyMessage(total, order.currency),
      method: methodNumbers[order.method],
    };
    const { payment } = await payments.createPayment(request, { signal });
    if (payment === undefined) throw new Error('a payment was answered without itself');
    const { provider = '', providerOrderId = '', providerKeyId = '' } = payment.handoff ?? {};
    const handoff = payment.handoff && { provider, providerOrderId, providerKeyId };
    return { paymentId: payment.id, captured: takenOf(order.method, payment), handoff };
  }

  /** Takes the reserved pieces out of the stock for good, reserved anew if their time was over. */
  async function sell(order: Order, held: Held, signal: AbortSignal): Promise<Order> {
    const commit = (reservationId: string) =>
      inventory.commitReservation({ requestId: `${order.id}:sell`, reservationId }, { signal });
    try {
      await commit(held.reservationId);
      return confirm(order, held, now());
    } catch (error) {
      if (refusalOf(error) !== 'RESERVATION_EXPIRED') throw error;
    }
    try {
      const reservationId = await reserve(order, `again${order.version}`, signal);
      await commit(reservationId);
      return confirm(order, { ...held, reservationId }, now());
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined || refusal === 'RESERVATION_EXPIRED') throw error;
      return close(order, order.method === 'online' ? soldOutAfterPayment : closeReasonFor(refusal, error), now());
    }
  }

  /** The time to pay is over: whether it was paid is decided once, where the money is. */
  async function expire(order: Order, signal: AbortSignal): Promise<Order> {
    const { captured } = await cancelPayment(order, signal);
    return captured >= totalOf(order) ? notePayment(order, captured, now()) : close(order, paymentTimedOut, now());
  }

  async function cancelPayment(order: Order, signal: AbortSignal): Promise<{ readonly captured: bigint }> {
    const request = { requestId: `${order.id}:cancel`, orderId: order.id };
    const { payment } = await payments.cancelPayment(request, { signal });
    if (payment === undefined || payment.status === PaymentStatus.CANCELED) return { captured: 0n };
    if (payment.status !== PaymentStatus.CAPTURED) throw new Error('a payment that was canceled is undecided');
    return { captured: takenOf(order.method, payment) };
  }

  /** Gives back what an order held that was never confirmed. Afterwards nobody can hold anything for it any more. */
  async function giveBack(order: Order, signal: AbortSignal): Promise<Order> {
    const { captured } = await cancelPayment(order, signal);
    if (captured > 0n) {
      const amount = moneyMessage(captured, order.currency);
      const request = { requestId: `${order.id}:refund`, orderId: order.id, amount, reason: order.closeReason };
      await payments.refundPayment(request, { signal });
    }
    if (order.coupons.length > 0)
      await coupons.releaseCoupon({ requestId: `${order.id}:release`, orderId: order.id }, { signal });
    await releaseStock(order, signal);
    return closed(order, { captured, refundId: newId('orf') }, now());
  }

  async function releaseStock(order: Order, signal: AbortSignal): Promise<void> {
    try {
      await inventory.releaseReservation({ requestId: `${order.id}:release`, orderId: order.id }, { signal });
    } catch (error) {
      if (refusalOf(error) !== 'RESERVATION_COMMITTED') throw error;
      // Sold by a run that was not quick enough to confirm it.
      const reservationId = await reserve(order, 'sold', signal);
      const request = { requestId: `${order.id}:restock`, reservationId, items: itemsOf(order) };
      await inventory.restockItems(request, { signal });
    }
  }

  return {
    async advance(start, { signal, schedules }) {
      let order = start;
      for (;;) {
        const after = await next(order, signal);
        if (after === undefined || after === order) return order;
        if (await store.replace(order, after, { schedules })) {
          if (after.status !== order.status) options.moved?.(after);
          order = after;
        } else {
          const found = await store.find(order.id); // somebody else was quicker
          if (found === undefined) throw new Error(`order ${order.id} is gone`);
          order = found;
        }
      }
    },
  };
}

function itemsOf(order: Order) {
  return order.parts.flatMap((part) => part.lines.map(({ variantId, quantity }) => ({ variantId, quantity })));
}
