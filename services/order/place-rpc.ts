import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Logger } from 'pino';
import { PurchaseSchema } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import type { OrderService, PlaceOrderRequest } from '#gen/only2u/order/v1/order_pb.ts';
import { invalidField, requestIdReused } from '#platform/fault.ts';
import { currentCall, requireUser } from '#platform/rpc/call.ts';
import type { Env } from '#platform/service.ts';
import type { Checkout } from './checkout.grpc.ts';
import { methodNumbers, orderMessage, wordFor } from './encode.ts';
import { placeOrder } from './order-checkout.ts';
import type { Order } from './order.ts';
import type { Pricing } from './pricing.grpc.ts';
import { changesSince, quoteChanged } from './quote-changes.ts';
import type { QuoteTokens } from './quote-token.ts';
import type { OrderStore, Placed } from './store.ts';
import type { Watchers } from './watchers.ts';

export type PlaceRpcOptions = Pick<Env, 'now' | 'newId'> & {
  readonly store: OrderStore;
  readonly checkout: Checkout;
  readonly pricing: Pricing;
  readonly tokens: QuoteTokens;
  readonly watchers: Watchers;
  readonly log: Logger;
};

const inlineMs = 8_000; // less than the task waits, so that it does not do the same beside
const handedOverMs = 2_000; // for what a peer's moment of absence left to the task

/** The method of OrderService that buys. */
export function createPlaceRpc(options: PlaceRpcOptions): Pick<ServiceImpl<typeof OrderService>, 'placeOrder'> {
  const { store, pricing, tokens, now, newId } = options;

  async function repeated(placed: Placed, fingerprint: Uint8Array, requestId: string) {
    return { order: shown(await untilPlaced(same(placed, fingerprint, requestId), inlineMs, options)) };
  }

  return {
    async placeOrder(request) {
      const { id: userId } = requireUser();
      const method = wordFor(methodNumbers, request.paymentMethod);
      if (method === undefined) throw invalidField('payment_method', 'UNKNOWN', 'is no way to pay');
      const { requestId, quoteToken } = request;
      const fingerprint = fingerprintOf(request);
      // Before anything is asked again: once the order is placed, the pieces that it took are missing.
      const { placed, firstOrder } = await store.findPlaced(userId, requestId);
      if (placed !== undefined) return repeated(placed, fingerprint, requestId);
      const sealed = tokens.open(quoteToken, userId, now());
      const { cartId, addressId, shippingOption } = sealed;
      const { quote, purchase: said } = await pricing.quote({ userId, cartId, addressId, shippingOption, firstOrder });
      const changes = changesSince(sealed, quote);
      if (changes.length > 0) throw quoteChanged(changes);
      const purchase =
        quote.coupons.length === 0
          ? ''
          : Buffer.from(toBinary(PurchaseSchema, create(PurchaseSchema, said))).toString('base64');
      const order = placeOrder(quote, { id: newId('ord'), userId, requestId, method, purchase, now: now(), newId });
      const first = await store.insert(order, fingerprint);
      if (first !== undefined) return repeated(first, fingerprint, requestId);
      // A peer that was away for a moment is no reason to answer PENDING: the task has the order then, and is waited for.
      return { order: shown(await untilPlaced(await advanceInline(order, options), handedOverMs, options)) };
    },
  };
}

/**
 * Takes an order as far as a call can wait for, and answers it as it stands then. What fails or takes longer goes on by its task.
 */
export async function advanceInline(
  order: Order,
  { store, checkout, log }: Pick<PlaceRpcOptions, 'store' | 'checkout' | 'log'>,
): Promise<Order> {
  try {
    return await forAWhile(inlineMs, (signal) => checkout.advance(order, { signal, schedules: true }));
  } catch (error) {
    log.warn({ err: error, order: order.id }, 'an order goes on by its task');
    await store.handOver(order.id).catch(() => undefined); // its task comes in any case, some seconds later
    return (await store.find(order.id)) ?? order;
  }
}

// Whoever did not place the order himself (a second tap, a call whose peer was away) waits for who does, and sees the same.
async function untilPlaced(order: Order, ms: number, { store, watchers, log }: PlaceRpcOptions): Promise<Order> {
  if (order.status !== 'pending') return order;
  let latest = order;
  try {
    const watch = await watchers.watch(order.id);
    try {
      await forAWhile(ms, async (signal) => {
        while (latest.status === 'pending' && !signal.aborted) {
          latest = (await store.find(order.id)) ?? latest;
          if (latest.status === 'pending') await watch.changed(signal);
        }
      });
      return latest;
    } finally {
      watch.close();
    }
  } catch (error) {
    log.warn({ err: error, order: order.id }, 'an order is answered while it is being placed');
    return latest;
  }
}

/** As long as a call may wait: until its caller has gone, or the rest is for the task. */
async function forAWhile<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  // Not AbortSignal.timeout, whose timers outlive the call and end in an error with a stack for each of them.
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), ms);
  const call = currentCall();
  try {
    return await work(call === undefined ? enough.signal : AbortSignal.any([call.signal, enough.signal]));
  } finally {
    clearTimeout(timer);
  }
}

function same({ order, fingerprint }: Placed, asked: Uint8Array, requestId: string): Order {
  if (Buffer.compare(fingerprint, asked) === 0) return order;
  throw requestIdReused(requestId);
}

function fingerprintOf({ quoteToken, paymentMethod }: PlaceOrderRequest): Uint8Array {
  return createHash('sha256').update(`${paymentMethod} ${quoteToken}`).digest();
}

function shown(order: Order) {
  return orderMessage(order, { view: 'all', history: true });
}
