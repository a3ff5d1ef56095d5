import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId } from '#platform/ids.ts';
import { isProviderRefusal, type Provider, type ProviderMovement } from './provider.ts';

/** A provider under test, and what customers do at it. */
export type ProviderUnderTest = {
  readonly provider: Provider;
  /** A customer pays on the provider's page. */
  pay(orderId: string, name: string): Promise<{ readonly chargeId: string; readonly signature: string }>;
  /** The bank declines. */
  decline(orderId: string): Promise<void>;
  /** An event that the provider would send of a charge. */
  event(chargeId: string): Promise<{ readonly body: Buffer; readonly signature: string }>;
  close(): Promise<void>;
};

const price = { minorUnits: 49_900n, currency: 'INR' };
const signal = (): AbortSignal => AbortSignal.timeout(5_000);

/** What every provider that takes money online has to do. */
export function describeProvider(open: () => Promise<ProviderUnderTest>): void {
  let under: ProviderUnderTest;
  let provider: Provider;
  beforeAll(async () => {
    under = await open();
    ({ provider } = under);
  });
  afterAll(() => under.close());

  const order = (receipt = newId('pay'), again = false) =>
    provider.createOrder({ receipt, amount: price, again }, signal());

  async function captured() {
    const orderId = await order();
    const { chargeId } = await under.pay(orderId, orderId);
    return { orderId, chargeId, fact: await provider.capture(chargeId, price, signal()) };
  }

  test('the same receipt asked for again is the same order', async () => {
    const receipt = newId('pay');
    const id = await order(receipt);
    expect(await order(receipt, true)).toBe(id);
    expect(await order(receipt)).toBe(id); // though nobody said that it might be there
    expect(await order()).not.toBe(id);
  });

  test('an order that nobody tried to pay has no charges', async () => {
    expect(await provider.listCharges(await order(), signal())).toEqual([]);
  });

  test('what was paid is held, then captured, and no more than once', async () => {
    const orderId = await order();
    const { chargeId } = await under.pay(orderId, orderId);
    const held = await provider.findCharge(chargeId, signal());
    expect(held).toMatchObject({ orderId, fact: { id: chargeId, state: 'authorized', amount: price } });
    const fact = await provider.capture(chargeId, price, signal());
    expect(fact).toMatchObject({ id: chargeId, state: 'captured', amount: price });
    expect(await provider.capture(chargeId, price, signal())).toEqual(fact);
    expect(await provider.listCharges(orderId, signal())).toEqual([fact]);
  });

  test('another amount than is held is not captured', async () => {
    const orderId = await order();
    const { chargeId } = await under.pay(orderId, orderId);
    const asked = provider.capture(chargeId, { ...price, minorUnits: 1n }, signal());
    expect(isProviderRefusal(await asked.catch((error: unknown) => error))).toBe(true);
  });

  test('a declined try is told with its reason', async () => {
    const orderId = await order();
    await under.decline(orderId);
    const [charge] = await provider.listCharges(orderId, signal());
    expect(charge?.state).toBe('failed');
    expect(charge?.failure).not.toBe('');
  });

  test('a charge that there is not is not found', async () => {
    expect(await provider.findCharge('pay_none', signal())).toBeUndefined();
  });

  test('the same refund is done once, and refunds together never exceed the charge', async () => {
    const { chargeId } = await captured();
    const asked = { refundId: newId('rfd'), chargeId, amount: { ...price, minorUnits: 40_000n } };
    const done = await provider.refund(asked, signal());
    expect(done).toMatchObject({ chargeId, refundId: asked.refundId, state: 'succeeded', amount: asked.amount });
    expect((await provider.refund(asked, signal())).id).toBe(done.id);
    const more = provider.refund({ ...asked, refundId: newId('rfd') }, signal());
    expect(isProviderRefusal(await more.catch((error: unknown) => error))).toBe(true);
  });

  test('only the provider’s own signature over both ids fits', async () => {
    const orderId = await order();
    const { chargeId, signature } = await under.pay(orderId, orderId);
    expect(provider.isSigned({ orderId, chargeId, signature })).toBe(true);
    expect(provider.isSigned({ orderId, chargeId: `${chargeId}x`, signature })).toBe(false);
    expect(provider.isSigned({ orderId: 'order_other', chargeId, signature })).toBe(false);
    expect(provider.isSigned({ orderId, chargeId, signature: '' })).toBe(false);
  });

  test('an event is read when its signature is over just these bytes', async () => {
    const { orderId, chargeId } = await captured();
    const { body, signature } = await under.event(chargeId);
    expect(provider.readEvent(body, signature)).toMatchObject({
      orderId,
      facts: [{ id: chargeId, state: 'captured' }],
    });
    for (const [bytes, sign] of [
      [Buffer.concat([body, Buffer.from(' ')]), signature],
      [body, ''],
      [body, signature.slice(0, -1)],
      [body, 'é'.repeat(32)],
    ] as const) {
      expect(() => provider.readEvent(bytes, sign)).toThrow(/signature/);
    }
  });

  test('every movement is in the books of its time, and none of another', async () => {
    const before = new Date(Date.now() - 60_000);
    const { chargeId } = await captured();
    const asked = { refundId: newId('rfd'), chargeId, amount: price };
    const refund = await provider.refund(asked, signal());
    const list = async (start: Date, end: Date): Promise<ProviderMovement[]> => {
      const all: ProviderMovement[] = [];
      for await (const page of provider.listMovements({ start, end }, signal())) all.push(...page);
      return all;
    };
    const found = await list(before, new Date(Date.now() + 60_000));
    expect(found).toContainEqual({ kind: 'captured', id: chargeId, amount: price });
    expect(found).toContainEqual({ kind: 'refunded', id: refund.id, amount: price });
    expect(await list(new Date(0), before)).toEqual([]);
  });
}
