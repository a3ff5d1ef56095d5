import { Fault } from '#platform/fault.ts';
import { recall, type Hold } from './inventory-order.ts';
import type { InventoryStore } from './inventory-store.ts';
import { OutOfStock, reserve, variantNotFound, type Reservation } from './inventory.ts';

const attempts = 4; // overdue pieces given back, an overdue hold of the order ended, and one to spare
const maxExpired = 1_000; // holds ended for one customer who waits; the sweeper does the rest

/**
 * Sets pieces aside for an order, or answers the reservation that was made before. What others hold beyond their time is
 * given back first where it is missing, though the sweeper has not come by yet.
 */
export async function reserveStock(store: Pick<InventoryStore, 'hold' | 'expire'>, hold: Hold): Promise<Reservation> {
  const now = hold.createTime;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const outcome = await store.hold(hold);
    if (outcome.kind === 'held') return outcome.reservation;
    if (outcome.kind === 'known') {
      const recalled = recall(outcome.known, hold);
      if (recalled !== undefined) return recalled;
      for (const { reservation } of outcome.known) {
        await store.expire({ now, limit: 1, reservationId: reservation.id });
      }
      continue;
    }
    for (const { variantId, product } of outcome.stocks) {
      if (product.status !== 'published') throw variantNotFound(variantId); // it was taken off sale meanwhile
    }
    try {
      reserve(outcome.stocks, hold.items);
    } catch (error) {
      if (!(error instanceof OutOfStock) || !outcome.overdue) throw error;
      const variantIds = error.shortages.map((shortage) => shortage.variantId);
      if ((await store.expire({ now, limit: maxExpired, variantIds })) === 0) throw error;
    }
  }
  throw new Fault('aborted', 'CONCURRENT_CHANGE', 'Others changed the same data at the same time; try again.', {
    retryAfterMs: 100,
  });
}
