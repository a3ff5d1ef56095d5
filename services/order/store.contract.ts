import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { EmptySchema, StringValueSchema } from '@bufbuild/protobuf/wkt';
import { newId } from '#platform/ids.ts';
import { close, confirm, placeOrder } from './order-checkout.ts';
import { moved, totalOf, type Order } from './order.ts';
import { sampleLine, samplePart, sampleQuote } from './quote.samples.ts';
import type { OrderListing, OrderStore } from './store.ts';

export type OrdersUnderTest = {
  readonly store: OrderStore;
  /** Whom the store told of, after the commit. */
  readonly changed: readonly string[];
  /** The topics of what others are told. */
  told(): Promise<readonly string[]>;
  /** When somebody has to see to an order; undefined when nobody has to. */
  due(id: string): Promise<Date | 'now' | undefined>;
  close(): Promise<void>;
};

const time = new Date('2026-05-01T10:00:00Z');
const fingerprint = new Uint8Array([1, 2, 3]);
const asked = (userId = 'usr_asha', requestId = newId('req'), quote: Uint8Array = randomBytes(16)) => {
  return { userId, requestId, quote };
};
const held = { reservationId: 'rsv_1', paymentId: 'pay_1' };

function makeOrder({ userId = 'usr_asha', vendors = ['usr_v'], requestId = newId('req') } = {}): Order {
  const parts = vendors.map((vendorId) => samplePart({ vendorId, lines: [sampleLine({ vendorId })] }));
  const placing = { id: newId('ord'), userId, requestId, method: 'online', purchase: '', now: time, newId } as const;
  return placeOrder(sampleQuote({ parts }), placing);
}

const confirmed = (order: Order): Order => confirm(order, { ...held, captured: totalOf(order) }, time);
const step = { kind: 'STEP', message: 'Something happened.' };
const repeat = (requestId = newId('req'), content = '') => ({
  actor: 'usr_asha',
  method: 'test',
  requestId,
  request: create(StringValueSchema, { value: content }),
  schema: EmptySchema,
  now: time,
});

/** What every OrderStore keeps, whatever it stands on. */
export function describeOrderStore(name: string, open: () => Promise<OrdersUnderTest>): void {
  describe(name, () => {
    let under: OrdersUnderTest;
    let store: OrderStore;

    beforeEach(async () => {
      under = await open();
      store = under.store;
    });

    afterEach(() => under.close());

    async function add(order: Order, { quote }: { readonly quote: Uint8Array } = asked()): Promise<Order> {
      expect(await store.insert(order, { fingerprint, quote })).toBe(true);
      return order;
    }

    async function addConfirmed(options?: Parameters<typeof makeOrder>[0]): Promise<Order> {
      const placed = await add(makeOrder(options));
      const order = confirmed(placed);
      expect(await store.replace(placed, order, { schedules: true })).toBe(true);
      return order;
    }

    test('an order is found as it was written', async () => {
      const order = await add(makeOrder());
      expect(await store.find(order.id)).toEqual(order);
      expect(await store.find('ord_none')).toBeUndefined();
      expect(await under.due(order.id)).toEqual(new Date(time.getTime() + 10_000));
    });

    test('the request that placed an order finds it, for its user alone', async () => {
      const order = await add(makeOrder({ requestId: 'req_1' }));
      const { placed, usedBy } = await store.findBefore(asked('usr_asha', 'req_1'));
      expect(placed?.order).toEqual(order);
      expect([...(placed?.fingerprint ?? [])]).toEqual([1, 2, 3]);
      expect(usedBy).toBeUndefined();
      expect((await store.findBefore(asked('usr_b', 'req_1'))).placed).toBeUndefined();
    });

    test('the quote that an order was placed by finds it, for its user alone, and whatever became of it', async () => {
      const { quote } = asked();
      const order = await add(makeOrder(), { quote });
      const again = asked('usr_asha', 'another', quote);
      expect(await store.findBefore(again)).toMatchObject({ placed: undefined, usedBy: order.id });
      expect((await store.findBefore({ ...again, userId: 'usr_b' })).usedBy).toBeUndefined();
      await store.replace(order, close(order, { reason: 'X', message: 'x' }, time), { schedules: true });
      expect((await store.findBefore(again)).usedBy).toBe(order.id);
      expect(await store.insert(makeOrder(), { fingerprint, quote })).toBe(false);
    });

    test.each([
      ['request', 'req_1', undefined],
      ['quote', undefined, randomBytes(16)],
    ])('of the same %s at once, one places an order, and plans what follows', async (_, requestId, quote) => {
      const orders = Array.from({ length: 10 }, () => makeOrder(requestId === undefined ? {} : { requestId }));
      const trace = () => ({ fingerprint, quote: quote ?? randomBytes(16) });
      const made = await Promise.all(orders.map((order) => store.insert(order, trace())));
      expect(made.filter(Boolean)).toHaveLength(1);
      const found = await Promise.all(orders.map(({ id }) => store.find(id)));
      const due = await Promise.all(orders.map(({ id }) => under.due(id)));
      for (const [index, order] of found.entries())
        expect([order === undefined, due[index] === undefined]).toEqual([!made[index], !made[index]]);
    });

    test('a first order is one before which all others were canceled', async () => {
      expect(await store.isFirstOrder('usr_asha')).toBe(true);
      const placed = await add(makeOrder());
      expect(await store.isFirstOrder('usr_asha')).toBe(false);
      expect((await store.findBefore(asked())).firstOrder).toBe(false);
      await store.replace(placed, close(placed, { reason: 'X', message: 'x' }, time), { schedules: true });
      expect(await store.isFirstOrder('usr_asha')).toBe(true);
      expect((await store.findBefore(asked())).firstOrder).toBe(true);
    });

    test('an order is replaced only where it is what was read', async () => {
      const before = await add(makeOrder());
      const [one, other] = [moved(before, {}, step, time), moved(before, { carrier: 'x' } as object, step, time)];
      const won = await Promise.all([one, other].map((after) => store.replace(before, after, { schedules: true })));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(under.changed).toEqual([before.id]);
      expect((await store.find(before.id))?.version).toBe(2);
    });

    test('others are told when an order comes to stand somewhere else, and nobody sees to it when nothing is left', async () => {
      const order = await addConfirmed();
      expect(await under.told()).toEqual(['only2u.order.v1.OrderChanged', 'only2u.order.v1.OrderConfirmed']);
      expect(await under.due(order.id)).toBeUndefined();
      await store.replace(order, moved(order, { captured: 1n }, step, time), { schedules: true });
      expect(await under.told()).toHaveLength(2);
    });

    test('who is the task itself leaves it alone', async () => {
      const placed = await add(makeOrder());
      await store.replace(placed, confirmed(placed), { schedules: false });
      expect(await under.due(placed.id)).toEqual(new Date(time.getTime() + 10_000));
    });

    test('a change happens once for a request, and waits for those before it', async () => {
      const { id } = await addConfirmed();
      const once = repeat();
      const work = (order: Order | undefined) => {
        if (order === undefined) throw new Error('no order');
        return Promise.resolve({ order: moved(order, {}, step, time), answer: create(EmptySchema) });
      };
      await Promise.all([once, once, repeat(), repeat()].map((request) => store.change(id, request, work)));
      expect((await store.find(id))?.version).toBe(2 + 3);
      const again = await store.change(id, once, () => Promise.reject(new Error('is not asked again')));
      expect(again.order.version).toBe(2 + 3);
    });

    test('a change that throws leaves nothing behind', async () => {
      const order = await addConfirmed();
      const fails = store.change(order.id, repeat(), async (_, tx) => {
        await tx.nextInvoice('usr_v', '2627');
        throw new Error('no');
      });
      await expect(fails).rejects.toThrow('no');
      expect(await store.find(order.id)).toEqual(order);
    });

    test('invoice numbers have no gaps and no doubles, whoever fails', async () => {
      const orders = await Promise.all(Array.from({ length: 12 }, () => addConfirmed()));
      const taken: number[] = [];
      const ship = ({ id }: Order, fails: boolean) =>
        store.change(id, repeat(), async (order, tx) => {
          if (order === undefined) throw new Error('no order');
          const { series, number } = await tx.nextInvoice('usr_v', '2627');
          expect(series).toBe(1);
          if (fails) throw new Error('the carrier is late');
          const after = moved(order, {}, step, time);
          taken.push(number);
          return { order: after, answer: create(EmptySchema) };
        });
      await Promise.allSettled(orders.map((order, index) => ship(order, index % 3 === 0)));
      expect([...taken].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    });

    test('each vendor and each year has numbers of its own', async () => {
      const { id } = await addConfirmed();
      const next = async (vendorId: string, year: string) => {
        let found: unknown;
        await store.change(id, repeat(), async (order, tx) => {
          if (order === undefined) throw new Error('no order');
          found = await tx.nextInvoice(vendorId, year);
          return { order: moved(order, {}, step, time), answer: create(EmptySchema) };
        });
        return found;
      };
      expect(await next('usr_v', '2627')).toEqual({ series: 1, number: 1 });
      expect(await next('usr_w', '2627')).toEqual({ series: 2, number: 1 });
      expect(await next('usr_v', '2728')).toEqual({ series: 1, number: 1 });
      expect(await next('usr_v', '2627')).toEqual({ series: 1, number: 2 });
    });

    describe('a list', () => {
      async function pages(listing: Pick<OrderListing, 'of' | 'status'>): Promise<string[]> {
        const ids: string[] = [];
        for (;;) {
          const page = await store.list({ ...listing, before: ids.at(-1) ?? '', limit: 2 });
          if (page.length === 0) return ids;
          ids.push(...page.map(({ id }) => id));
        }
      }
      const latestFirst = (orders: readonly Order[]) => orders.map(({ id }) => id).sort((a, b) => (a < b ? 1 : -1));

      test('shows a customer’s orders, the latest first, by status too', async () => {
        const placed = [await add(makeOrder()), await add(makeOrder()), await add(makeOrder())];
        const done = [await addConfirmed(), await addConfirmed()];
        await add(makeOrder({ userId: 'usr_b' }));
        const of = { userId: 'usr_asha' };
        expect(await pages({ of, status: undefined })).toEqual(latestFirst([...placed, ...done]));
        expect(await pages({ of, status: 'pending' })).toEqual(latestFirst(placed));
        expect(await pages({ of, status: 'shipped' })).toEqual([]);
      });

      test('shows a vendor what is confirmed and its own, and follows the order', async () => {
        await add(makeOrder());
        const sold = [await addConfirmed(), await addConfirmed({ vendors: ['usr_v', 'usr_w'] }), await addConfirmed()];
        await addConfirmed({ vendors: ['usr_w'] });
        const of = { vendorId: 'usr_v' };
        expect(await pages({ of, status: undefined })).toEqual(latestFirst(sold));
        const [first] = sold;
        if (first === undefined) throw new Error('no order');
        await store.replace(first, moved(first, { status: 'shipped' }, step, time), { schedules: true });
        expect(await pages({ of, status: 'shipped' })).toEqual([first.id]);
        expect(await pages({ of, status: 'confirmed' })).toEqual(latestFirst(sold.slice(1)));
      });

      test('shows an admin all', async () => {
        const all = [await add(makeOrder()), await addConfirmed({ userId: 'usr_b' })];
        expect(await pages({ of: 'all', status: undefined })).toEqual(latestFirst(all));
        expect(await pages({ of: 'all', status: 'pending' })).toEqual(latestFirst(all.slice(0, 1)));
      });
    });
  });
}
