import { z } from 'zod';
import type { ChargeFact, Fact, RefundFact } from './facts.ts';
import {
  isProviderRefusal,
  providerRefused,
  signatureInvalid,
  webhookMalformed,
  type Provider,
  type ProviderMovement,
  type Span,
} from './provider.ts';
import { createRazorpayHttp } from './razorpay-http.ts';
import { isSignature } from './signature.ts';

export type RazorpayOptions = {
  readonly url: string;
  readonly keyId: string;
  readonly keySecret: string;
  /** Any of them may have signed an event. */
  readonly webhookSecrets: readonly string[];
};

const pageSize = 100; // the most that Razorpay gives
const amount = z.number().int().min(0);
const seconds = z.number().int();
const orderShape = z.object({ id: z.string(), amount, currency: z.string(), receipt: z.string().nullish() });
const paymentShape = z.object({
  id: z.string(),
  amount,
  currency: z.string(),
  status: z.string(),
  order_id: z.string().nullish(),
  captured: z.boolean().nullish(),
  error_description: z.string().nullish(),
  created_at: seconds,
});
const refundShape = z.object({
  id: z.string(),
  amount,
  currency: z.string(),
  payment_id: z.string(),
  receipt: z.string().nullish(),
  status: z.enum(['pending', 'processed', 'failed']),
  created_at: seconds,
});
const eventShape = z.object({
  event: z.string(),
  created_at: seconds,
  payload: z
    .object({
      payment: z.object({ entity: z.unknown() }).optional(),
      refund: z.object({ entity: z.unknown() }).optional(),
    })
    .optional(),
});

type RazorpayPayment = z.infer<typeof paymentShape>;
type RazorpayRefund = z.infer<typeof refundShape>;

/** Razorpay, by its published API: razorpay.com/docs/api, read 2026-11. */
export function createRazorpay(options: RazorpayOptions): Provider {
  const { keyId, keySecret, webhookSecrets } = options;
  const http = createRazorpayHttp(options);

  async function findOrder(receipt: string, signal: AbortSignal): Promise<string | undefined> {
    const found = await http.get(`/orders?receipt=${encodeURIComponent(receipt)}`, listOf(orderShape), signal);
    return found.items.find((order) => order.receipt === receipt)?.id;
  }

  async function findRefund(chargeId: string, refundId: string, signal: AbortSignal): Promise<RefundFact | undefined> {
    for (let skip = 0; ; skip += pageSize) {
      const path = `/payments/${encodeURIComponent(chargeId)}/refunds?count=${pageSize}&skip=${skip}`;
      const { items } = await http.get(path, listOf(refundShape), signal);
      const mine = items.find(({ receipt }) => receipt === refundId);
      if (mine !== undefined) return refundFactOf(mine);
      if (items.length < pageSize) return undefined;
    }
  }

  async function getPayment(id: string, signal: AbortSignal): Promise<RazorpayPayment | undefined> {
    return http.get(`/payments/${encodeURIComponent(id)}`, paymentShape, signal).catch((error: unknown) => {
      if (isProviderRefusal(error)) return undefined;
      throw error;
    });
  }

  async function* pages<T>(kind: string, shape: z.ZodType<T>, { start, end }: Span, signal: AbortSignal) {
    // Whole seconds, both ends included.
    const span = `from=${Math.ceil(start.getTime() / 1_000)}&to=${Math.ceil(end.getTime() / 1_000) - 1}`;
    for (let skip = 0; ; skip += pageSize) {
      const { items } = await http.get(`/${kind}?${span}&count=${pageSize}&skip=${skip}`, listOf(shape), signal);
      if (items.length > 0) yield items;
      if (items.length < pageSize) return;
    }
  }

  return {
    name: 'razorpay',
    keyId,
    ordersAreDerived: false,

    async createOrder({ receipt, amount: price, again }, signal) {
      const known = again ? await findOrder(receipt, signal) : undefined;
      if (known !== undefined) return known;
      const order = {
        amount: Number(price.minorUnits),
        currency: price.currency,
        receipt,
        notes: { payment: receipt },
      };
      try {
        return (await http.post('/orders', order, orderShape, signal)).id;
      } catch (error) {
        if (!isProviderRefusal(error)) throw error;
        const made = await findOrder(receipt, signal); // a receipt is unique there: another call may have been first
        if (made === undefined) throw error;
        return made;
      }
    },

    async listCharges(orderId, signal) {
      const path = `/orders/${encodeURIComponent(orderId)}/payments`;
      const { items } = await http.get(path, listOf(paymentShape), signal);
      return items.flatMap(chargeFactsOf);
    },

    async findCharge(chargeId, signal) {
      const payment = await getPayment(chargeId, signal);
      const [fact] = payment === undefined ? [] : chargeFactsOf(payment);
      return fact && { orderId: payment?.order_id ?? '', fact };
    },

    async capture(chargeId, price, signal) {
      const path = `/payments/${encodeURIComponent(chargeId)}/capture`;
      const asked = { amount: Number(price.minorUnits), currency: price.currency };
      const taken = await http.post(path, asked, paymentShape, signal).catch(async (error: unknown) => {
        if (!isProviderRefusal(error)) throw error;
        const now = await getPayment(chargeId, signal); // "already captured" is a refusal there
        if (now === undefined || !isCaptured(now)) throw error;
        return now;
      });
      const [fact] = chargeFactsOf(taken);
      if (fact?.state !== 'captured') throw providerRefused('PAYMENT_NOT_CAPTURED');
      return fact;
    },

    async refund({ refundId, chargeId, amount: price }, signal) {
      const known = await findRefund(chargeId, refundId, signal);
      if (known !== undefined) return known;
      const path = `/payments/${encodeURIComponent(chargeId)}/refund`;
      const asked = {
        amount: Number(price.minorUnits),
        speed: 'normal',
        receipt: refundId,
        notes: { refund: refundId },
      };
      return refundFactOf(
        await http.post(path, asked, refundShape, signal, { 'x-refund-idempotency': refundId }), // done once, even when we look too early
      );
    },

    isSigned: ({ orderId, chargeId, signature }) => isSignature(signature, [keySecret], `${orderId}|${chargeId}`),

    readEvent(body, signature) {
      if (!isSignature(signature, webhookSecrets, body)) throw signatureInvalid();
      const { created_at, payload } = parseEvent(body);
      const payment = readEntity(paymentShape, payload?.payment?.entity);
      const refund = readEntity(refundShape, payload?.refund?.entity);
      const facts: Fact[] = payment === undefined ? [] : [...chargeFactsOf(payment)];
      if (refund !== undefined) facts.push(refundFactOf(refund));
      return { time: new Date(created_at * 1_000), orderId: payment?.order_id ?? '', facts };
    },

    async *listMovements(span, signal) {
      for await (const page of pages('payments', paymentShape, span, signal)) {
        yield page
          .filter(isCaptured)
          .map((one): ProviderMovement => ({ kind: 'captured', id: one.id, amount: priceOf(one) }));
      }
      for await (const page of pages('refunds', refundShape, span, signal)) {
        const done = page.filter(({ status }) => status === 'processed');
        yield done.map((one): ProviderMovement => ({ kind: 'refunded', id: one.id, amount: priceOf(one) }));
      }
    },
  };
}

function listOf<T>(shape: z.ZodType<T>): z.ZodType<{ items: T[] }> {
  return z.object({ items: z.array(shape).max(1_000) });
}

function priceOf(entity: { readonly amount: number; readonly currency: string }) {
  return { minorUnits: BigInt(entity.amount), currency: entity.currency };
}

// What was captured stays so when it is refunded; what was only held is given back as "refunded" too, and never was ours.
function isCaptured({ status, captured }: RazorpayPayment): boolean {
  return status === 'captured' || (status === 'refunded' && captured === true);
}

/** Nothing for a try that has only begun. */
function chargeFactsOf(payment: RazorpayPayment): ChargeFact[] {
  const { id, status, error_description, created_at } = payment;
  const state = isCaptured(payment)
    ? 'captured'
    : status === 'authorized' || status === 'refunded'
      ? 'authorized'
      : status === 'failed'
        ? 'failed'
        : undefined;
  if (state === undefined) return [];
  const failure = state === 'failed' ? (error_description ?? '') : '';
  return [{ kind: 'charge', id, amount: priceOf(payment), state, failure, time: new Date(created_at * 1_000) }];
}

const refundStates = { pending: 'pending', processed: 'succeeded', failed: 'failed' } as const;

function refundFactOf(refund: RazorpayRefund): RefundFact {
  const { id, payment_id, receipt, status, created_at } = refund;
  return {
    kind: 'refund',
    id,
    chargeId: payment_id,
    refundId: receipt ?? '',
    amount: priceOf(refund),
    state: refundStates[status],
    time: new Date(created_at * 1_000),
  };
}

function parseEvent(body: Uint8Array): z.infer<typeof eventShape> {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(body).toString());
  } catch {
    throw webhookMalformed('it is no JSON');
  }
  const event = eventShape.safeParse(json);
  if (!event.success) throw webhookMalformed('it lacks what an event has');
  return event.data;
}

// Razorpay has many events about other things; what can't be read as a payment isn't one.
function readEntity<T>(shape: z.ZodType<T>, entity: unknown): T | undefined {
  const read = shape.safeParse(entity);
  return read.success ? read.data : undefined;
}
