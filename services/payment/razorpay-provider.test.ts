import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Fault } from '#platform/fault.ts';
import { newId } from '#platform/ids.ts';
import { describeProvider } from './provider.contract.ts';
import type { Provider } from './provider.ts';
import { createRazorpay } from './razorpay-provider.ts';
import { openRazorpayStandIn, type RazorpayStandIn, type Trouble } from './razorpay-stand-in.testing.ts';
import { signatureOf } from './signature.ts';

const price = { minorUnits: 49_900n, currency: 'INR' };
const signal = (ms = 5_000): AbortSignal => AbortSignal.timeout(ms);

function providerOf(standIn: RazorpayStandIn, options: { readonly keySecret?: string } = {}): Provider {
  return createRazorpay({ ...standIn, webhookSecrets: ['the next one', standIn.webhookSecret], ...options });
}

describe('razorpay', () => {
  describeProvider(async () => {
    const standIn = await openRazorpayStandIn();
    return {
      provider: providerOf(standIn),
      pay: async (orderId) => standIn.pay(orderId),
      decline: async (orderId) => void standIn.pay(orderId, 'failed'),
      event: async (chargeId) => standIn.event('payment.captured', chargeId),
      close: () => standIn.close(),
    };
  });
});

describe('when razorpay is in trouble', () => {
  let standIn: RazorpayStandIn;
  let provider: Provider;
  beforeEach(async () => {
    standIn = await openRazorpayStandIn();
    provider = providerOf(standIn);
  });
  afterEach(() => standIn.close());

  async function reasonOf(work: Promise<unknown>): Promise<string> {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error instanceof Fault ? error.reason : String(error);
  }
  const order = (receipt = newId('pay'), again = false, ms = 5_000) =>
    provider.createOrder({ receipt, amount: price, again }, signal(ms));

  test.each<Trouble>(['resets', 'loses-the-answer', 'garbage', 'too-long', 401, 409, 429, 500, 502])(
    '%s: it is asked again later, and the order is made once',
    async (trouble) => {
      const receipt = newId('pay');
      standIn.troubles.push(trouble);
      expect(await reasonOf(order(receipt))).toBe('PAYMENT_PROVIDER_UNAVAILABLE');
      const id = await order(receipt, true);
      expect(standIn.orders.map((one) => one.id)).toEqual([id]);
    },
  );

  test('who does not answer in time is away', async () => {
    standIn.troubles.push('hangs');
    expect(await reasonOf(order(newId('pay'), false, 50))).toBe('PAYMENT_PROVIDER_UNAVAILABLE');
  });

  test('who is not there is away', async () => {
    await standIn.close();
    expect(await reasonOf(order())).toBe('PAYMENT_PROVIDER_UNAVAILABLE');
  });

  test('a refund whose answer was lost is found, not sent again', async () => {
    const { chargeId } = standIn.pay(await order(), 'captured');
    const asked = { refundId: newId('rfd'), chargeId, amount: price };
    standIn.troubles.push(undefined, 'loses-the-answer');
    expect(await reasonOf(provider.refund(asked, signal()))).toBe('PAYMENT_PROVIDER_UNAVAILABLE');
    const done = await provider.refund(asked, signal());
    expect(standIn.refunds.map(({ id }) => id)).toEqual([done.id]);
    expect(standIn.calls.filter((call) => call.startsWith('POST') && call.endsWith('/refund'))).toHaveLength(1);
  });

  test('a capture whose answer was lost is captured', async () => {
    const { chargeId } = standIn.pay(await order());
    standIn.troubles.push('loses-the-answer');
    expect(await reasonOf(provider.capture(chargeId, price, signal()))).toBe('PAYMENT_PROVIDER_UNAVAILABLE');
    expect(await provider.capture(chargeId, price, signal())).toMatchObject({ state: 'captured' });
  });

  test('what it refuses, it refuses for good, in its own code and without its words', async () => {
    const small = provider.createOrder(
      { receipt: newId('pay'), amount: { ...price, minorUnits: 1n }, again: false },
      signal(),
    );
    const error = await small.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      reason: 'PAYMENT_PROVIDER_REFUSED',
      metadata: { provider_reason: 'BAD_REQUEST_ERROR input_validation_failed' },
    });
  });

  test('a wrong key is nothing that a customer learns of', async () => {
    const wrong = providerOf(standIn, { keySecret: 'wrong' });
    const asked = wrong.createOrder({ receipt: newId('pay'), amount: price, again: false }, signal());
    const error = await asked.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'PAYMENT_PROVIDER_UNAVAILABLE' });
    expect(String(error)).not.toMatch(/key|Authentication/i);
  });

  test('an authorization that ran out never was ours', async () => {
    const orderId = await order();
    const { chargeId } = standIn.pay(orderId);
    Object.assign(standIn.payments[0] ?? {}, { status: 'refunded', captured: false });
    expect(await provider.findCharge(chargeId, signal())).toMatchObject({ fact: { state: 'authorized' } });
  });

  test('a refund’s event tells of the charge too, and events about other things tell nothing', async () => {
    const { chargeId } = standIn.pay(await order(), 'captured');
    const { id } = await provider.refund({ refundId: 'rfd_1', chargeId, amount: price }, signal());
    const { body, signature } = standIn.event('refund.processed', chargeId, id);
    expect(provider.readEvent(body, signature).facts).toMatchObject([
      { kind: 'charge', state: 'captured' },
      { kind: 'refund', id, refundId: 'rfd_1', state: 'succeeded' },
    ]);
    const other = Buffer.from(
      JSON.stringify({ event: 'settlement.processed', created_at: 1, payload: { settlement: {} } }),
    );
    expect(provider.readEvent(other, signatureOf(standIn.webhookSecret, other))).toMatchObject({
      orderId: '',
      facts: [],
    });
  });

  test.each(['', '{', '[]', '{"event":1}', '{"event":"x","created_at":"now"}', '\0'])('%j is no event', (text) => {
    const body = Buffer.from(text);
    expect(() => provider.readEvent(body, signatureOf(standIn.webhookSecret, body))).toThrow(/can’t be read/);
  });
});
