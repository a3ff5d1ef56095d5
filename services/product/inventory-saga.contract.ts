import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Fault } from '#platform/fault.ts';
import { reserveStock } from './inventory-reserve.ts';
import {
  ask,
  change,
  closeOrder,
  counts,
  end,
  later,
  restockIn,
  type InventoryUnderTest,
} from './inventory-store.testing.ts';
import type { Reservation } from './inventory.ts';

const step = fc.oneof(
  fc.record({
    kind: fc.constant('reserve' as const),
    order: fc.nat(2),
    variants: fc.uniqueArray(fc.nat(1), { minLength: 1 }),
    quantity: fc.integer({ min: 1, max: 3 }),
    seconds: fc.constantFrom(5, 900),
  }),
  fc.record({ kind: fc.constantFrom('commit' as const, 'release' as const), which: fc.nat(4) }),
  fc.record({ kind: fc.constant('restock' as const), which: fc.nat(4), variant: fc.nat(1), quantity: fc.nat(2) }),
  fc.record({ kind: fc.constant('close' as const), order: fc.nat(2) }),
  fc.record({ kind: fc.constant('expire' as const) }),
);

/** What holds of every InventoryStore when workers that know nothing of each other drive the same orders at once. */
export function describeSagas(name: string, open: () => Promise<InventoryUnderTest>): void {
  describe(name, () => {
    let opened: InventoryUnderTest | undefined;

    afterEach(async () => {
      await opened?.close();
      opened = undefined;
    });

    test('whatever workers do to the same orders at once, each piece is somewhere exactly once', async () => {
      const under = await open();
      opened = under;
      const { store, addProduct, ledgerOf } = under;
      let runs = 0;
      const workers = fc.array(fc.array(step, { maxLength: 8 }), { minLength: 2, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(workers, async (parallel) => {
          const run = `ord_${runs++}`;
          const ids = await addProduct({ onHand: 8 }, { onHand: 3 });
          const made = new Map<string, Reservation>();
          const closed = new Set<string>();
          const find = (which: number): string => [...made.keys()][which] ?? 'rsv_none';
          await Promise.all(
            parallel.map(async (steps) => {
              for (const step of steps) {
                try {
                  if (step.kind === 'reserve') {
                    const items = step.variants.map((at) => ({ variantId: ids[at] ?? '', quantity: step.quantity }));
                    const orderId = `${run}_${step.order}`;
                    const hold = ask(items, { orderId, expireTime: later(step.seconds) });
                    const reservation = await reserveStock(store, hold);
                    made.set(reservation.id, reservation);
                  } else if (step.kind === 'commit' || step.kind === 'release') {
                    if (made.has(find(step.which))) await end(store, find(step.which), step.kind, later(1));
                  } else if (step.kind === 'restock') {
                    const items = [{ variantId: ids[step.variant] ?? '', quantity: step.quantity + 1 }];
                    if (made.has(find(step.which))) await restockIn(store, find(step.which), items);
                  } else if (step.kind === 'close') {
                    await closeOrder(store, `${run}_${step.order}`, later(1));
                    closed.add(`${run}_${step.order}`);
                  } else {
                    await store.expire({ now: later(6), limit: 3 });
                  }
                } catch (error) {
                  if (!(error instanceof Fault)) throw error;
                }
              }
            }),
          );

          const sold = [0, 0];
          const held = [0, 0];
          const live = new Map<string, number>();
          for (const id of made.keys()) {
            const now = await change(store, (tx) => tx.lockReservation(id));
            if (now?.state !== 'committed' && now?.state !== 'held') continue;
            live.set(now.orderId, (live.get(now.orderId) ?? 0) + 1);
            expect(closed.has(now.orderId)).toBe(false);
            for (const { variantId, quantity, restocked } of now.items) {
              expect(restocked).toBeLessThanOrEqual(now.state === 'committed' ? quantity : 0);
              const at = ids.indexOf(variantId);
              if (now.state === 'held') held[at] = (held[at] ?? 0) + quantity;
              else sold[at] = (sold[at] ?? 0) + quantity - restocked;
            }
          }
          expect([...live.values()].every((count) => count === 1)).toBe(true);
          for (const [at, id] of ids.entries()) {
            const onHand = ([8, 3][at] ?? 0) - (sold[at] ?? 0);
            expect(await counts(store, id)).toEqual([onHand, held[at]]);
            expect(onHand - (held[at] ?? 0)).toBeGreaterThanOrEqual(0);
            expect(await ledgerOf(id)).toBe(onHand);
          }
        }),
        { numRuns: 60 },
      );
    }, 60_000);
  });
}
