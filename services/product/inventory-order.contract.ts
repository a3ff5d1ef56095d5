import { afterEach, describe, expect, test } from '@jest/globals';
import { Fault } from '#platform/fault.ts';
import { recall, type Hold } from './inventory-order.ts';
import { reserveStock } from './inventory-reserve.ts';
import {
  ask,
  change,
  closeOrder,
  counts,
  end,
  later,
  reserveIn,
  restockIn,
  type InventoryUnderTest,
  type NewVariant,
} from './inventory-store.testing.ts';

/** What every InventoryStore keeps of orders that are asked for again and again, in whatever order the calls arrive. */
export function describeOrderStock(name: string, open: () => Promise<InventoryUnderTest>): void {
  describe(name, () => {
    let opened: InventoryUnderTest | undefined;

    afterEach(async () => {
      await opened?.close();
      opened = undefined;
    });

    async function setUp() {
      const under = await open();
      opened = under;
      const addVariant = async (variant: NewVariant): Promise<string> => (await under.addProduct(variant))[0] ?? '';
      return { ...under, addVariant };
    }

    async function reasonOf(work: Promise<unknown>): Promise<string> {
      const error = await work.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error === undefined) return '';
      if (error instanceof Fault) return error.reason;
      throw error;
    }

    const forOrder = (orderId: string, variantId: string, quantity = 1, more: Partial<Hold> = {}): Hold =>
      ask([{ variantId, quantity }], { orderId, ...more });

    test('the same request again is told the reservation that it made, as it stands', async () => {
      const { store, addVariant } = await setUp();
      const asked = ask([{ variantId: await addVariant({ onHand: 5 }), quantity: 2 }]);
      const made = await reserveStock(store, asked);
      const again: Hold = { ...asked, id: 'rsv_again', createTime: later(5), expireTime: later(905) };
      expect(await reserveStock(store, again)).toMatchObject(made);
      await end(store, made.id, 'release');
      expect(await reserveStock(store, again)).toMatchObject({ id: made.id, state: 'released' });
      expect(await reasonOf(reserveStock(store, { ...again, expireTime: later(60) }))).toBe('REQUEST_ID_REUSED');
      const other = reserveStock(store, { ...again, actor: 'workload cart' });
      expect(await other).toMatchObject({ id: 'rsv_again', state: 'held' });
    });

    test('a request that was refused may be made again', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 1 });
      const first = await reserveIn(store, [{ variantId: id, quantity: 1 }]);
      const asked = forOrder('ord_1', id);
      expect(await reasonOf(reserveStock(store, asked))).toBe('OUT_OF_STOCK');
      await end(store, first.id, 'release');
      expect(await reserveStock(store, asked)).toMatchObject({ id: asked.id, orderId: 'ord_1' });
    });

    test('an order holds one reservation, however many ask at once', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 100 });
      const asked = Array.from({ length: 50 }, () => forOrder('ord_1', id, 3));
      const answers = await Promise.all(asked.map((hold) => reserveStock(store, hold)));
      expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
      expect(await counts(store, id)).toEqual([100, 3]);
      expect(await reasonOf(reserveStock(store, forOrder('ord_1', id, 4)))).toBe('ORDER_ALREADY_RESERVED');
    });

    test('the same request 50 times at once, for no order, makes one reservation', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 100 });
      const asked = Array.from({ length: 50 }, () => ask([{ variantId: id, quantity: 2 }], { requestId: 'the same' }));
      const answers = await Promise.all(asked.map((hold) => reserveStock(store, hold)));
      expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
      expect(await counts(store, id)).toEqual([100, 2]);
    });

    test('an order’s last piece is its own when it asks again', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 1 });
      const made = await reserveStock(store, forOrder('ord_1', id));
      expect(await reserveStock(store, forOrder('ord_1', id))).toEqual(made);
      await end(store, made.id, 'commit');
      expect(await reserveStock(store, forOrder('ord_1', id))).toMatchObject({ id: made.id, state: 'committed' });
    });

    test('after its reservation was released or is over, an order gets a new one', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 1 });
      const first = await reserveStock(store, forOrder('ord_1', id));
      await end(store, first.id, 'release');
      const short = { createTime: later(1), expireTime: later(2) };
      const second = await reserveStock(store, forOrder('ord_1', id, 1, short));
      const third = await reserveStock(store, forOrder('ord_1', id, 1, { createTime: later(3) }));
      expect(new Set([first.id, second.id, third.id]).size).toBe(3);
      expect(await change(store, (tx) => tx.lockReservation(second.id))).toMatchObject({ state: 'expired' });
      expect(await counts(store, id)).toEqual([1, 1]);
    });

    test('a closed order holds nothing and gets nothing more, whether it held something or not', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 5 });
      const asked = forOrder('ord_1', id);
      await reserveStock(store, asked);
      for (const orderId of ['ord_1', 'ord_2', 'ord_1', 'ord_2']) await closeOrder(store, orderId);
      expect(await counts(store, id)).toEqual([5, 0]);
      expect(await reasonOf(reserveStock(store, asked))).toBe('ORDER_CLOSED');
      expect(await reasonOf(reserveStock(store, forOrder('ord_1', id)))).toBe('ORDER_CLOSED');
      expect(await reasonOf(reserveStock(store, forOrder('ord_2', id)))).toBe('ORDER_CLOSED');
    });

    test('an order whose pieces are sold is not closed', async () => {
      const { store, addVariant } = await setUp();
      const asked = forOrder('ord_1', await addVariant({ onHand: 5 }));
      const { id } = await reserveStock(store, asked);
      await end(store, id, 'commit');
      expect(await reasonOf(closeOrder(store, 'ord_1'))).toBe('RESERVATION_COMMITTED');
      expect(await reserveStock(store, asked)).toMatchObject({ id, state: 'committed' });
    });

    test('whoever closes an order while others reserve for it leaves nothing held', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 3 }); // most of them find nothing, some the last piece
      const orders = Array.from({ length: 60 }, (_, index) => `ord_${index}`);
      await Promise.all(
        orders.flatMap((orderId, index) => {
          const reserving = () => reasonOf(reserveStock(store, forOrder(orderId, id)));
          const closing = () => closeOrder(store, orderId).then(() => '');
          const calls = index % 2 === 0 ? [reserving, closing, reserving] : [closing, reserving, closing];
          return calls.map(async (call) => expect(['', 'ORDER_CLOSED', 'OUT_OF_STOCK']).toContain(await call()));
        }),
      );
      expect(await counts(store, id)).toEqual([3, 0]);
      for (const orderId of orders)
        expect(await reasonOf(reserveStock(store, forOrder(orderId, id)))).toBe('ORDER_CLOSED');
    }, 20_000);

    test('orders stay closed until they are forgotten', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 5 });
      await closeOrder(store, 'ord_1');
      expect(await store.forget({ before: later(0), limit: 10 })).toBe(0);
      expect(await store.forget({ before: later(1), limit: 10 })).toBe(1);
      expect(await reasonOf(reserveStock(store, forOrder('ord_1', id)))).toBe('');
    });

    test('a reservation is sold once, however many commit it, and either sold or given back', async () => {
      const { store, addVariant, ledgerOf } = await setUp();
      const id = await addVariant({ onHand: 60 });
      let sold = 0;
      for (let round = 0; round < 20; round++) {
        const made = await reserveIn(store, [{ variantId: id, quantity: 1 }]);
        const ends = (['commit', 'release', 'commit'] as const).map((how) => reasonOf(end(store, made.id, how)));
        const reasons = await Promise.all(ends);
        if (reasons[1] === 'RESERVATION_COMMITTED') sold += 1;
        else expect(reasons).toEqual(['RESERVATION_RELEASED', '', 'RESERVATION_RELEASED']);
      }
      expect(await counts(store, id)).toEqual([60 - sold, 0]);
      expect(await ledgerOf(id)).toBe(60 - sold);
    });

    test('a product may be deleted while its last pieces are asked for, held and sold', async () => {
      const { store, addProduct, deleteProductOf } = await setUp();
      for (let round = 0; round < 10; round++) {
        const ids = await addProduct({ onHand: 9 }, { onHand: 9 }, { onHand: 9 });
        const items = [...ids].reverse().map((variantId) => ({ variantId, quantity: 1 }));
        const reserving = async () => {
          const made = await reserveStock(store, ask(items));
          await end(store, made.id, 'commit');
        };
        const calls = [reserving, reserving, () => deleteProductOf(ids[0] ?? ''), reserving, reserving];
        for (const reason of await Promise.all(calls.map((call) => reasonOf(call()))))
          expect(['', 'VARIANT_NOT_FOUND']).toContain(reason);
      }
    });

    test('what was sold comes back once, in as many parts as it likes, and the search hears of it', async () => {
      const { store, addVariant, ledgerOf, searchSays } = await setUp();
      const id = await addVariant({ onHand: 7 });
      const { id: sold } = await reserveIn(store, [{ variantId: id, quantity: 7 }]);
      expect(await reasonOf(restockIn(store, sold, [{ variantId: id, quantity: 1 }]))).toBe(
        'RESERVATION_NOT_COMMITTED',
      );
      await end(store, sold, 'commit');
      expect(await searchSays(id)).toBe(false);
      const parts = Array.from({ length: 20 }, () =>
        reasonOf(restockIn(store, sold, [{ variantId: id, quantity: 2 }])),
      );
      const reasons = await Promise.all(parts);
      expect(reasons.filter((reason) => reason === '')).toHaveLength(3);
      expect(reasons.filter((reason) => reason === 'RESTOCK_EXCEEDS_COMMITTED')).toHaveLength(17);
      expect(await restockIn(store, sold, [{ variantId: id, quantity: 1 }])).toEqual([]);
      expect(await counts(store, id)).toEqual([7, 0]);
      expect(await ledgerOf(id)).toBe(7);
      expect(await searchSays(id)).toBe(true);
    });

    test('pieces of what is gone or was never counted are noted as back, and counted nowhere', async () => {
      const { store, addVariant, deleteProductOf, ledgerOf } = await setUp();
      const [kept, gone, free] = [
        await addVariant({ onHand: 5 }),
        await addVariant({ onHand: 5 }),
        await addVariant({ tracked: false }),
      ];
      const items = [kept, gone, free].map((variantId) => ({ variantId, quantity: 2 }));
      const { id } = await reserveIn(store, items);
      await end(store, id, 'commit');
      await deleteProductOf(gone);
      expect(await restockIn(store, id, items)).toEqual([gone, free]);
      expect(await counts(store, kept)).toEqual([5, 0]);
      expect(await counts(store, free)).toEqual([0, 0]);
      expect([await ledgerOf(kept), await ledgerOf(gone), await ledgerOf(free)]).toEqual([5, 3, 0]);
      expect(await reasonOf(restockIn(store, id, [{ variantId: gone, quantity: 1 }]))).toBe(
        'RESTOCK_EXCEEDS_COMMITTED',
      );
      const noted = await change(store, (tx) => tx.lockReservation(id));
      expect(noted?.items.map((item) => item.restocked)).toEqual([2, 2, 2]);
    });

    test('what a hold is told of an order is what `recall` decides by', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 5 });
      const first = forOrder('ord_1', id);
      await reserveStock(store, first);
      const again = forOrder('ord_1', id);
      const outcome = await store.hold(again);
      if (outcome.kind !== 'known') throw new Error(`the order was not known, but ${outcome.kind}`);
      expect(outcome.known).toMatchObject([
        { reservation: { id: first.id, orderId: 'ord_1' }, sameRequest: false, closing: false },
      ]);
      expect(recall(outcome.known, again)).toMatchObject({ id: first.id });
    });
  });
}
