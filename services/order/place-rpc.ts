import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Logger } from 'pino';
import { PurchaseSchema } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import type { OrderService, PlaceOrderRequest } from '#gen/only2u/order/v1/order_pb.ts';
import { Fault, invalidField, requestIdReused } from '#platform/fault.ts';
import { currentCall, requireUser } from '#platform/rpc/call.ts';
import type { Env } from '#platform/service.ts';
import type { Checkout } from './checkout.grpc.ts';
import { methodNumbers, orderMessage, wordFor } from './encode.ts';
import { placeOrder } from './order-checkout.ts';
import type { Order, PaymentMethod } from './order.ts';
import type { Pricing } from './pricing.grpc.ts';
import { changesSince, quoteChanged } from './quote-changes.ts';
import type { QuoteTokens } from './quote-token.ts';
import type { OrderStore, Placed, PlaceTrace } from './store.ts';
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
const quoteBytes = 16; // a token can't be made up, so chance alone has to be kept away
const handedOverMs = 2_000; // for what a peer's moment of absence left to the task

/** The method of OrderService that buys. */
export function createPlaceRpc(options: PlaceRpcOptions): Pick<ServiceImpl<typeof OrderService>, 'placeOrder'> {
  const { store, pricing, tokens, now, newId } = options;

  /** Answers the order that the same request placed, and refuses a quote that another request has used. */
  async function lookBefore(asked: Asked) {
    const { placed, usedBy, firstOrder } = await store.findBefore(asked);
    if (placed !== undefined) return { first: same(placed, asked), firstOrder };
    if (usedBy !== undefined) throw quoteUsed(usedBy);
    return { first: undefined, firstOrder };
  }

  /** A new order, at exactly the price that was quoted. */
  async function priced({ userId, requestId, quoteToken, method }: Asked, firstOrder: boolean): Promise<Order> {
    const sealed = tokens.open(quoteToken, userId, now());
    const { cartId, addressId, shippingOption } = sealed;
    const { quote, purchase: said } = await pricing.quote({ userId, cartId, addressId, shippingOption, firstOrder });
    const changes = changesSince(sealed, quote);
    if (changes.length > 0) throw quoteChanged(changes);
    const purchase =
      quote.coupons.length === 0
        ? ''
        : Buffer.from(toBinary(PurchaseSchema, create(PurchaseSchema, said))).toString('base64');
    return placeOrder(quote, { id: newId('ord'), userId, requestId, method, purchase, now: now(), newId });
  }

  /** The order of this request: the one that it placed before, or a new one. */
  async function orderFor(asked: Asked): Promise<{ readonly order: Order; readonly isNew: boolean }> {
    // Before anything is asked again: once the order is placed, the pieces that it took are missing.
    const { first, firstOrder } = await lookBefore(asked);
    if (first !== undefined) return { order: first, isNew: false };
    let refusal: unknown = new Error('the order that was in the way is gone');
    try {
      const order = await priced(asked, firstOrder);
      if (await store.insert(order, asked)) return { order, isNew: true };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      refusal = error;
    }
    // What stands in the way may be the very same, placed in between: it has the last pieces, or the quote.
    const { first: meanwhile } = await lookBefore(asked);
    if (meanwhile === undefined) throw refusal;
    return { order: meanwhile, isNew: false };
  }

  return {
    async placeOrder(request) {
      const { order, isNew } = await orderFor(askedBy(request, requireUser().id));
      if (!isNew) return { order: shown(await untilPlaced(order, inlineMs, options)) };
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

/** What a request asks for, and what it is known by. */
type Asked = PlaceTrace & Pick<Placed, 'fingerprint'> & { readonly quoteToken: string; readonly method: PaymentMethod };

function askedBy({ requestId, quoteToken, paymentMethod }: PlaceOrderRequest, userId: string): Asked {
  const method = wordFor(methodNumbers, paymentMethod);
  if (method === undefined) throw invalidField('payment_method', 'UNKNOWN', 'is no way to pay');
  const traceOf = (text: string): Uint8Array => createHash('sha256').update(text).digest();
  const fingerprint = traceOf(`${paymentMethod} ${quoteToken}`);
  return { userId, requestId, quoteToken, method, fingerprint, quote: traceOf(quoteToken).subarray(0, quoteBytes) };
}

function same({ order, fingerprint }: Placed, asked: Asked): Order {
  if (Buffer.compare(fingerprint, asked.fingerprint) === 0) return order;
  throw requestIdReused(asked.requestId);
}

function quoteUsed(orderId: string): Fault {
  const text = 'This quote was ordered before: look at that order, or ask for a new quote to buy the same again.';
  return new Fault('failed-precondition', 'QUOTE_USED', text, { metadata: { order_id: orderId } });
}

function shown(order: Order) {
  return orderMessage(order, { view: 'all', history: true });
}
