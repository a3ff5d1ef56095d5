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
import { redeem, release } from './redemption.postgres.ts';
import type { CouponStore } from './store.ts';

/** The schema's numbered changes, for `openDatabase`. */
export const migrations = new URL('./migrations/', import.meta.url);

/** Coupons in PostgreSQL. The database stays the caller's to close. */
export function createPostgresStore(database: Database): CouponStore {
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
    redeem: redeem(database),
    release: release(database),
    addFirst: (coupons) => insertFirst(database, coupons),
  };
}
