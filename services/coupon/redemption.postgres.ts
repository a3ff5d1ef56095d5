import type { Database, Sql } from '#platform/database.postgres.ts';
import { Fault } from '#platform/fault.ts';
import { findByCodes, lockByCodes } from './coupon-rows.postgres.ts';
import type { CouponDiscount } from './discount.ts';
import type { KnownCoupon } from './problem.ts';
import type { Decision, OrderRedemption } from './redemption.ts';
import type { RedemptionRequest } from './store.ts';

/**
 * Two statements where all goes well: the first holds the coupons, the second counts. Whatever of the user the first one read
 * before it had the locks, the second asks again, for what it sees is of a moment after them.
 */
export function redeem(
  database: Database,
  request: RedemptionRequest,
  decide: (known: readonly KnownCoupon[]) => Decision,
): Promise<OrderRedemption> {
  return database.transaction(async (tx) => {
    const { orderId, userId, codes } = request;
    const known = codes.length === 0 ? [] : await lockByCodes(tx, codes, userId);
    const decision = decide(known);
    if (decision.refusal === undefined && (await use(tx, request, decision.discounts, known))) {
      return { state: 'redeemed', discounts: decision.discounts };
    }
    const stored = await findOrder(tx, orderId);
    if (stored !== undefined) return stored;
    const { refusal } = decision.refusal === undefined ? decide(await findByCodes(tx, codes, userId)) : decision;
    throw (
      refusal ?? new Fault('aborted', 'CONCURRENT_CHANGE', 'Another order gave the coupon back just now; try again.')
    );
  });
}

/** Answers whether it counted: not where there is the order already, nor where the user has used enough. */
async function use(
  tx: Sql,
  { orderId, userId, now }: RedemptionRequest,
  discounts: readonly CouponDiscount[],
  known: readonly KnownCoupon[],
): Promise<boolean> {
  const counted = discounts.filter(({ amount }) => amount > 0n); // what took nothing off is not used up
  const used = new Set(counted.map(({ couponId }) => couponId));
  const firstOrder = known.some(({ coupon }) => coupon.firstOrderOnly && used.has(coupon.id));
  const placed = await tx.query(
    `with asked as (select * from unnest($6::text[], $7::bigint[]) as a (coupon_id, amount)),
     placed as (
       insert into coupon_order (order_id, user_id, state, first_order, discounts, create_time, update_time)
       select $1, $2, 1, $3, $4::json, $5, $5
       where not exists (
         select from asked join coupon c on c.id = asked.coupon_id
         where c.max_uses_per_user > 0 and c.max_uses_per_user <= (
           select count(*) from redemption r where r.coupon_id = c.id and r.user_id = $2 and r.live))
       on conflict do nothing returning order_id),
     noted as (
       insert into redemption (order_id, coupon_id, user_id, amount)
       select placed.order_id, asked.coupon_id, $2, asked.amount from placed, asked),
     counted as (
       update coupon c set uses = c.uses + 1, spent = c.spent + asked.amount
       from placed, asked where c.id = asked.coupon_id)
     select 1 from placed`,
    [
      orderId,
      userId,
      firstOrder,
      JSON.stringify(discounts.map(toStored)),
      now,
      counted.map(({ couponId }) => couponId),
      counted.map(({ amount }) => amount),
    ],
  );
  return placed.length > 0;
}

/**
 * Two statements. The first closes the order; what it used is held before, since who redeems has coupons before orders. The
 * second gives back what it sees only now: a redemption that was under way may have ended while the first one waited.
 */
export function release(database: Database, orderId: string, now: Date): Promise<boolean> {
  return database.transaction(async (tx) => {
    const [closed] = await tx.query<{ user_id: string }>(
      `with held as materialized (
           select 1 from coupon where id in (select coupon_id from redemption where order_id = $1 and live)
           order by id for no key update)
         insert into coupon_order as known (order_id, user_id, state, first_order, create_time, update_time)
         select $1, '', 2, false, $2, $2 from (select count(*) from held) as first
         on conflict (order_id) do update set state = 2, discounts = null, update_time = $2 where known.state = 1
         returning user_id`,
      [orderId, now],
    );
    if (closed === undefined || closed.user_id === '') return false;
    const returned = await tx.query(
      `with freed as (
           update redemption set live = false where order_id = $1 and live returning coupon_id, amount),
         held as materialized (
           select c.id, freed.amount from freed join coupon c on c.id = freed.coupon_id
           order by c.id for no key update of c)
         update coupon c set uses = c.uses - 1, spent = c.spent - held.amount from held where c.id = held.id returning 1`,
      [orderId],
    );
    return returned.length > 0;
  });
}

async function findOrder(tx: Sql, orderId: string): Promise<OrderRedemption | undefined> {
  const [row] = await tx.query<{ discounts: readonly StoredDiscount[] | null }>(
    'select discounts from coupon_order where order_id = $1',
    [orderId],
  );
  if (row === undefined) return undefined;
  if (row.discounts === null) return { state: 'closed' };
  return { state: 'redeemed', discounts: row.discounts.map(fromStored) };
}

// Amounts as JSON numbers are exact, as in coupon-rows.postgres.ts.
type StoredDiscount = Omit<CouponDiscount, 'amount' | 'lineAmounts' | 'shippingAmount'> & {
  readonly amount: number;
  readonly lineAmounts: readonly number[];
  readonly shippingAmount: number;
};

function toStored(discount: CouponDiscount): StoredDiscount {
  const { amount, lineAmounts, shippingAmount, ...rest } = discount;
  return {
    ...rest,
    amount: Number(amount),
    lineAmounts: lineAmounts.map(Number),
    shippingAmount: Number(shippingAmount),
  };
}

function fromStored(stored: StoredDiscount): CouponDiscount {
  const { amount, lineAmounts, shippingAmount, ...rest } = stored;
  return {
    ...rest,
    amount: BigInt(amount),
    lineAmounts: lineAmounts.map(BigInt),
    shippingAmount: BigInt(shippingAmount),
  };
}
