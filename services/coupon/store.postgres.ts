import type { Database } from '#platform/database.postgres.ts';
import { once } from '#platform/request-id.postgres.ts';
import {
  deleteCoupon,
  findByCodes,
  findCoupon,
  insertCoupon,
  insertFirst,
  listCoupons,
  lockCoupon,
  updateCoupon,
} from './coupon-rows.postgres.ts';
import { createGate } from './gate.ts';
import { redeem, release } from './redemption.postgres.ts';
import type { CouponStore } from './store.ts';

/** The schema's numbered changes, for `openDatabase`. */
export const migrations = new URL('./migrations/', import.meta.url);

// Of the database's eight connections: those who wait for a coupon that everybody wants leave the others to quotes.
const redeemingAtATime = 4;

/** Coupons in PostgreSQL. The database stays the caller's to close. */
export function createPostgresStore(database: Database): CouponStore {
  const gate = createGate(redeemingAtATime);
  return {
    find: (id) => findCoupon(database, id),
    list: (filter) => listCoupons(database, filter),
    findByCodes: (codes, userId) => findByCodes(database, codes, userId),
    change: (repeat, work) =>
      database.transaction((tx) =>
        once(tx, repeat, () =>
          work({
            lock: (id) => lockCoupon(tx, id),
            insert: (coupon) => insertCoupon(tx, coupon),
            update: (coupon) => updateCoupon(tx, coupon),
            delete: (id, now) => deleteCoupon(tx, id, now),
          }),
        ),
      ),
    redeem: (request, decide) => gate(() => redeem(database, request, decide)),
    release: (orderId, now) => gate(() => release(database, orderId, now)),
    addFirst: (coupons) => insertFirst(database, coupons),
  };
}
