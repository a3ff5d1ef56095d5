import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  change,
  counts,
  end,
  later,
  move,
  reserveIn,
  time,
  type InventoryUnderTest,
  type NewVariant,
} from './inventory-store.testing.ts';
import { availableOf, OutOfStock, type Reservation } from './inventory.ts';

/** What every InventoryStore keeps, whatever it stands on. */
export function describeInventoryStore(name: string, open: () => Promise<InventoryUnderTest>): void {
  describe(name, () => {
    let opened: InventoryUnderTest | undefined;

    afterEach(async () => {
      await opened?.close();
      opened = undefined;
    });

    async function setUp() {
      const { addProduct, ...rest } = await open();
      opened = { addProduct, ...rest };
      const addVariant = async (variant: NewVariant): Promise<string> => (await addProduct(variant))[0] ?? '';
      return { ...rest, addProduct, addVariant };
    }

    test('stocks come in the order asked for, with whose they are; unknown ones are left out', async () => {
      const { store, addVariant } = await setUp();
      const [a, b] = [await addVariant({ onHand: 3 }), await addVariant({ tracked: false, backorderAllowed: true })];
      const stocks = await store.findStocks([b, 'var_unknown', a]);
      expect(stocks).toMatchObject([
        { variantId: b, onHand: 0, reserved: 0, tracked: false, backorderAllowed: true },
        { variantId: a, onHand: 3, tracked: true, product: { vendorId: 'usr_v', status: 'published' } },
      ]);
    });

    test('held pieces are reserved, committed ones are gone, released ones are back', async () => {
      const { store, addVariant, ledgerOf } = await setUp();
      const id = await addVariant({ onHand: 10 });
      const first = await reserveIn(store, [{ variantId: id, quantity: 3 }]);
      const second = await reserveIn(store, [{ variantId: id, quantity: 2 }]);
      expect(await counts(store, id)).toEqual([10, 5]);
      await end(store, first.id, 'commit');
      expect(await counts(store, id)).toEqual([7, 2]);
      await end(store, second.id, 'release');
      expect(await counts(store, id)).toEqual([7, 0]);
      expect(await ledgerOf(id)).toBe(7);
    });

    test('a reservation that was refused leaves nothing behind', async () => {
      const { store, addVariant } = await setUp();
      const [a, b] = [await addVariant({ onHand: 5 }), await addVariant({ onHand: 1 })];
      const both = reserveIn(store, [
        { variantId: a, quantity: 5 },
        { variantId: b, quantity: 2 },
      ]);
      await expect(both).rejects.toThrow(OutOfStock);
      expect([await counts(store, a), await counts(store, b)]).toEqual([
        [5, 0],
        [1, 0],
      ]);
    });

    test('what is untracked is never counted, and what allows backorders may fall below zero', async () => {
      const { store, addVariant, ledgerOf } = await setUp();
      const [free, owed] = [
        await addVariant({ tracked: false }),
        await addVariant({ backorderAllowed: true, onHand: 1 }),
      ];
      const held = await reserveIn(store, [
        { variantId: free, quantity: 9 },
        { variantId: owed, quantity: 4 },
      ]);
      expect(held.items.map((item) => item.counted)).toEqual([false, true]);
      expect(await counts(store, owed)).toEqual([1, 4]);
      await end(store, held.id, 'commit');
      expect(await counts(store, free)).toEqual([0, 0]);
      expect(await counts(store, owed)).toEqual([-3, 0]);
      expect(await ledgerOf(owed)).toBe(-3);
    });

    test('a reservation is read back as it was made', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 2 });
      const made = await reserveIn(store, [{ variantId: id, quantity: 2 }]);
      expect(await change(store, (tx) => tx.lockReservation(made.id))).toEqual(made);
      expect(await change(store, (tx) => tx.lockReservation('rsv_none'))).toBeUndefined();
    });

    test('holds beyond their time are given back, the others stay', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 10 });
      const short = await reserveIn(store, [{ variantId: id, quantity: 1 }], later(10));
      await reserveIn(store, [{ variantId: id, quantity: 2 }], later(20));
      expect(await store.expire({ now: later(9), limit: 100 })).toBe(0);
      expect(await store.expire({ now: later(10), limit: 100 })).toBe(1);
      expect(await counts(store, id)).toEqual([10, 2]);
      expect(await change(store, (tx) => tx.lockReservation(short.id))).toMatchObject({ state: 'expired' });
      expect(await store.expire({ now: later(10), limit: 100 })).toBe(0);
    });

    test('expiry is bounded, takes the longest overdue first, and can be asked for single variants', async () => {
      const { store, addVariant } = await setUp();
      const [a, b] = [await addVariant({ onHand: 10 }), await addVariant({ onHand: 10 })];
      await reserveIn(store, [{ variantId: a, quantity: 1 }], later(2));
      await reserveIn(store, [{ variantId: a, quantity: 2 }], later(1));
      await reserveIn(store, [{ variantId: b, quantity: 4 }], later(3));
      expect(await store.expire({ now: later(60), limit: 1 })).toBe(1);
      expect(await counts(store, a)).toEqual([10, 1]);
      expect(await store.expire({ now: later(60), limit: 10, variantIds: [b] })).toBe(1);
      expect(await counts(store, b)).toEqual([10, 0]);
      expect(await counts(store, a)).toEqual([10, 1]);
    });

    test('several sweepers at once give each hold back once', async () => {
      const { store, addVariant } = await setUp();
      const ids = await Promise.all([1, 2, 3].map(() => addVariant({ onHand: 100 })));
      for (let i = 0; i < 30; i++) {
        await reserveIn(
          store,
          ids.map((variantId) => ({ variantId, quantity: 1 })),
          later(1),
        );
      }
      const ended = await Promise.all(
        [1, 2, 3, 4, 5, 6, 7, 8].map(async () => {
          let sum = 0;
          for (let count = -1; count !== 0; sum += count) count = await store.expire({ now: later(60), limit: 3 });
          return sum;
        }),
      );
      expect(ended.reduce((a, b) => a + b)).toBe(30);
      for (const id of ids) expect(await counts(store, id)).toEqual([100, 0]);
    });

    test('ended reservations are forgotten, sold and held ones kept', async () => {
      const { store, addVariant } = await setUp();
      const id = await addVariant({ onHand: 10 });
      const [sold, freed, held] = [
        await reserveIn(store, [{ variantId: id, quantity: 1 }]),
        await reserveIn(store, [{ variantId: id, quantity: 1 }]),
        await reserveIn(store, [{ variantId: id, quantity: 1 }]),
      ];
      await end(store, sold.id, 'commit');
      await end(store, freed.id, 'release');
      expect(await store.forget({ before: time, limit: 10 })).toBe(0);
      expect(await store.forget({ before: later(1), limit: 10 })).toBe(1);
      const find = (reservation: Reservation) => change(store, (tx) => tx.lockReservation(reservation.id));
      expect([await find(sold), await find(freed), await find(held)]).toMatchObject(
        [{ state: 'committed' }, undefined, { state: 'held' }].map((state) => state ?? undefined),
      );
    });

    test('the search knows when the last piece is held, and when it is back', async () => {
      const { store, addVariant, searchSays } = await setUp();
      const id = await addVariant({ onHand: 1 });
      expect(await searchSays(id)).toBe(true);
      const held = await reserveIn(store, [{ variantId: id, quantity: 1 }]);
      expect(await searchSays(id)).toBe(false);
      await end(store, held.id, 'release');
      expect(await searchSays(id)).toBe(true);
      await move(store, id, -1);
      expect(await searchSays(id)).toBe(false);
      await move(store, id, 2);
      await reserveIn(store, [{ variantId: id, quantity: 2 }], later(1));
      expect(await searchSays(id)).toBe(false);
      await store.expire({ now: later(2), limit: 1 });
      expect(await searchSays(id)).toBe(true);
    });

    test('the search sees a product sell out whose last pieces go at the same time', async () => {
      const { store, addProduct, searchSays } = await setUp();
      for (let round = 0; round < 20; round++) {
        const ids = await addProduct({ onHand: 1 }, { onHand: 1 }, { onHand: 1 });
        const held = await Promise.all(ids.map((variantId) => reserveIn(store, [{ variantId, quantity: 1 }])));
        expect(await searchSays(ids[0] ?? '')).toBe(false);
        await Promise.all(held.map(({ id }) => end(store, id, 'release')));
        expect(await searchSays(ids[0] ?? '')).toBe(true);
      }
    });

    test('of 500 customers at once for 50 pieces, exactly 50 get one', async () => {
      const { store, addVariant, ledgerOf } = await setUp();
      const id = await addVariant({ onHand: 50 });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 500 }, () => reserveIn(store, [{ variantId: id, quantity: 1 }])),
      );
      const got = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      const refused = outcomes.flatMap((outcome): unknown[] => (outcome.status === 'rejected' ? [outcome.reason] : []));
      expect(got).toHaveLength(50);
      expect(refused.every((reason) => reason instanceof OutOfStock)).toBe(true);
      expect(await counts(store, id)).toEqual([50, 50]);
      await Promise.all(got.map((reservation) => end(store, reservation.id, 'commit')));
      expect(await counts(store, id)).toEqual([0, 0]);
      expect(await ledgerOf(id)).toBe(0);
    });

    test('orders that want the same variants in other orders don’t lock each other out', async () => {
      const { store, addVariant } = await setUp();
      const ids = await Promise.all([1, 2, 3, 4].map(() => addVariant({ onHand: 1_000 })));
      const orders = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? ids : [...ids].reverse()));
      const held = await Promise.all(
        orders.map((order) =>
          reserveIn(
            store,
            order.map((variantId) => ({ variantId, quantity: 1 })),
          ),
        ),
      );
      await Promise.all(held.map(({ id }, i) => end(store, id, i % 3 === 0 ? 'release' : 'commit')));
      for (const id of ids) expect(await counts(store, id)).toEqual([960, 0]);
    });

    test('whatever happens at the same time, nothing is sold twice and the ledger adds up', async () => {
      const { store, addVariant, ledgerOf } = await setUp();
      const step = fc.oneof(
        fc.record({
          kind: fc.constant('reserve'),
          variants: fc.uniqueArray(fc.nat(2), { minLength: 1 }),
          quantity: fc.integer({ min: 1, max: 4 }),
        }),
        fc.record({ kind: fc.constantFrom('commit', 'release'), which: fc.nat(5) }),
        fc.record({ kind: fc.constant('move'), variant: fc.nat(2), delta: fc.constantFrom(-3, -1, 1, 4) }),
        fc.record({ kind: fc.constant('expire'), seconds: fc.constantFrom(0, 30) }),
      );
      const customers = fc.array(fc.array(step, { maxLength: 6 }), { minLength: 2, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(customers, async (parallel) => {
          const ids = await Promise.all([5, 2, 8].map((onHand) => addVariant({ onHand })));
          const start = [5, 2, 8];
          const moved = [0, 0, 0];
          const soldPieces = [0, 0, 0];
          const sold = new Set<string>();
          const given = new Set<string>();
          const held: Reservation[] = [];
          await Promise.all(
            parallel.map(async (steps, customer) => {
              for (const step of steps) {
                try {
                  if ('variants' in step) {
                    const wanted = step.variants.map((index) => ({
                      variantId: ids[index] ?? '',
                      quantity: step.quantity,
                    }));
                    held.push(await reserveIn(store, wanted, later(customer % 2 === 0 ? 20 : 900)));
                  } else if ('which' in step) {
                    const target = held[step.which];
                    if (target === undefined) continue;
                    const after = await end(store, target.id, step.kind === 'commit' ? 'commit' : 'release', later(5));
                    (after.state === 'committed' ? sold : given).add(target.id);
                  } else if ('delta' in step) {
                    await move(store, ids[step.variant] ?? '', step.delta);
                    moved[step.variant] = (moved[step.variant] ?? 0) + step.delta;
                  } else {
                    await store.expire({ now: later(step.seconds), limit: 2 });
                  }
                } catch (error) {
                  if (!(error instanceof Error && error.name === 'Fault')) throw error;
                }
              }
            }),
          );
          expect([...sold].filter((id) => given.has(id))).toEqual([]);
          const open = [0, 0, 0];
          for (const { id, items } of held) {
            const now = await change(store, (tx) => tx.lockReservation(id));
            for (const { variantId, quantity } of items) {
              const index = ids.indexOf(variantId);
              if (now?.state === 'committed') soldPieces[index] = (soldPieces[index] ?? 0) + quantity;
              if (now?.state === 'held') open[index] = (open[index] ?? 0) + quantity;
            }
            expect(now?.state === 'committed').toBe(sold.has(id));
          }
          for (const [index, stock] of (await store.findStocks(ids)).entries()) {
            const expected = (start[index] ?? 0) + (moved[index] ?? 0) - (soldPieces[index] ?? 0);
            expect(stock.onHand).toBe(expected);
            expect(stock.reserved).toBe(open[index]);
            expect(availableOf(stock)).toBeGreaterThanOrEqual(0);
            expect(await ledgerOf(stock.variantId)).toBe(stock.onHand);
          }
        }),
        { numRuns: 25 },
      );
    }, 60_000);
  });
}
