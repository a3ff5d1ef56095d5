import type { Env } from '#platform/service.ts';
import { moneyMessage } from './encode.ts';
import { effectsDone } from './order-fulfillment.ts';
import type { Order } from './order.ts';
import type { Peers } from './peers.grpc.ts';

export type SettleOptions = Pick<Env, 'now'> & { readonly peers: Peers; readonly signal: AbortSignal };

/**
 * Does what changes after the confirmation have made necessary: cash to be noted, money, pieces and coupons to be given back. What
 * works is noted in the order that is answered, whatever else fails; throws when nothing works.
 */
export async function settle(order: Order, { peers, now, signal }: SettleOptions): Promise<Order> {
  const { inventory, coupons, payments } = peers;
  const { id: orderId, currency } = order;
  const failures: unknown[] = [];

  async function doneOf<T>(todo: readonly T[], nameOf: (one: T) => string, work: (one: T) => Promise<unknown>) {
    const done: string[] = [];
    for (const one of todo) {
      await work(one).then(
        () => done.push(nameOf(one)),
        (error: unknown) => failures.push(error),
      );
    }
    return done;
  }

  if (order.status === 'canceling' && order.method === 'cash')
    await payments.cancelPayment({ requestId: `${orderId}:cancel`, orderId }, { signal });
  // Cash first: what was not noted as taken can't be refunded.
  const collections = await doneOf(
    order.collections.filter(({ done }) => !done),
    ({ partId }) => partId,
    ({ partId, amount }) =>
      payments.collectPayment({ requestId: partId, orderId, amount: moneyMessage(amount, currency) }, { signal }),
  );
  const refunds = await doneOf(
    order.refunds.filter(({ sent }) => !sent),
    ({ id }) => id,
    ({ id, amount, reason }) => {
      const request = { requestId: id, orderId, amount: moneyMessage(amount, currency), reason: reason.slice(0, 255) };
      return payments.refundPayment(request, { signal });
    },
  );
  const restocks = await doneOf(
    order.restocks.filter(({ done }) => !done),
    ({ id }) => id,
    ({ id, items }) => {
      const request = { requestId: id, reservationId: order.reservationId, items: [...items] };
      return inventory.restockItems(request, { signal });
    },
  );
  const released = await doneOf(
    order.couponUse === 'due' ? [orderId] : [],
    (id) => id,
    () => coupons.releaseCoupon({ requestId: `${orderId}:release`, orderId }, { signal }),
  );
  const coupon = released.length > 0;
  const nothing = collections.length + refunds.length + restocks.length === 0 && !coupon;
  if (nothing && failures.length > 0) throw failures[0];
  return effectsDone(order, { collections, refunds, restocks, coupon }, now());
}
