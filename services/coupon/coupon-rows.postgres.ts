import { brokenUnique, type Sql } from '#platform/database.postgres.ts';
import type { Money } from '#platform/money.ts';
import { codeTaken, type Coupon } from './coupon.ts';
import type { KnownCoupon } from './problem.ts';
import type { CouponFilter } from './store.ts';
import type { Discount } from './terms.ts';

export async function findCoupon(sql: Sql, id: string): Promise<Coupon | undefined> {
  const rows = await sql.query<CouponRow>(`select ${columns} from coupon c where id = $1 and delete_time is null`, [
    id,
  ]);
  return rows.map(toCoupon)[0];
}

export async function lockCoupon(tx: Sql, id: string): Promise<Coupon | undefined> {
  const rows = await tx.query<CouponRow>(
    `select ${columns} from coupon c where id = $1 and delete_time is null for no key update`,
    [id],
  );
  return rows.map(toCoupon)[0];
}

export async function listCoupons(sql: Sql, { vendorId, before, limit }: CouponFilter): Promise<Coupon[]> {
  const from = before === '' ? '~' : before; // after every id, so that one plan reads any page from its place
  const rows =
    vendorId === ''
      ? await sql.query<CouponRow>(
          `select ${columns} from coupon c where delete_time is null and id < $1 order by id desc limit $2`,
          [from, limit],
        )
      : await sql.query<CouponRow>(
          `select ${columns} from coupon c where vendor_id = $3 and delete_time is null and id < $1
           order by id desc limit $2`,
          [from, limit, vendorId],
        );
  return rows.map(toCoupon);
}

export async function findByCodes(sql: Sql, codes: readonly string[], userId: string): Promise<KnownCoupon[]> {
  const rows = await sql.query<KnownRow>(byCodes, [codes, userId]);
  return rows.map(toKnown);
}

/**
 * The same, held in the order of their ids, which is everybody's order. What is said of the coupons themselves is of the
 * moment when the last lock was had; what is said of the user may be older.
 */
export async function lockByCodes(tx: Sql, codes: readonly string[], userId: string): Promise<KnownCoupon[]> {
  const rows = await tx.query<KnownRow>(`${byCodes} for no key update of c`, [codes, userId]);
  return rows.map(toKnown);
}

/** Adds coupons; throws COUPON_CODE_TAKEN when another has the code. */
export async function insertCoupon(tx: Sql, coupon: Coupon): Promise<void> {
  try {
    await tx.query(`insert into coupon (${written}) ${fromJson}`, [JSON.stringify([toRow(coupon)])]);
  } catch (error) {
    throw brokenUnique(error) === 'coupon_code' ? codeTaken(coupon.code) : error;
  }
}

/** Adds coupons unless there is one, or was one. Answers whether it did; two that start at once add them once. */
export async function insertFirst(sql: Sql, coupons: readonly Coupon[]): Promise<boolean> {
  const added = await sql.query(
    `insert into coupon (${written}) ${fromJson} where not exists (select from coupon)
     on conflict do nothing returning 1`,
    [JSON.stringify(coupons.map(toRow))],
  );
  return added.length > 0;
}

export async function updateCoupon(tx: Sql, coupon: Coupon): Promise<void> {
  await tx.query(
    `update coupon c set title = n.title, minimum_subtotal = n.minimum_subtotal, start_time = n.start_time,
       end_time = n.end_time, product_ids = n.product_ids, category_ids = n.category_ids,
       first_order_only = n.first_order_only, max_uses = n.max_uses, max_uses_per_user = n.max_uses_per_user,
       budget = n.budget, stackable = n.stackable, paused = n.paused, version = n.version, update_time = n.update_time
     from (${fromJson}) n where c.id = n.id`,
    [JSON.stringify([toRow(coupon)])],
  );
}

export async function deleteCoupon(tx: Sql, id: string, now: Date): Promise<void> {
  await tx.query('update coupon set delete_time = $2 where id = $1', [id, now]);
}

const written = `id, code, title, vendor_id, discount, currency, minimum_subtotal, start_time, end_time, product_ids,
  category_ids, first_order_only, max_uses, max_uses_per_user, budget, stackable, paused, version, create_time, update_time`;

const fromJson = `select ${written} from json_to_recordset($1::json) as given (id text, code text, title text, vendor_id text,
  discount json, currency text, minimum_subtotal bigint, start_time timestamptz, end_time timestamptz, product_ids text[],
  category_ids text[], first_order_only boolean, max_uses integer, max_uses_per_user integer, budget bigint,
  stackable boolean, paused boolean, version integer, create_time timestamptz, update_time timestamptz)`;

const columns = `c.id, c.code, c.title, c.vendor_id, c.discount, c.currency, c.minimum_subtotal, c.start_time, c.end_time,
  c.product_ids, c.category_ids, c.first_order_only, c.max_uses, c.max_uses_per_user, c.budget, c.stackable, c.paused,
  c.uses, c.spent, c.version, c.create_time, c.update_time`;

const byCodes = `select ${columns},
    case when c.max_uses_per_user = 0 or $2 = '' then 0
      else (select count(*)::integer from redemption r where r.coupon_id = c.id and r.user_id = $2 and r.live)
    end as uses_by_user,
    c.first_order_only and exists (
      select from coupon_order o where o.user_id = $2 and o.first_order and o.state = 1) as first_order_taken
  from coupon c where c.code = any($1) and c.delete_time is null order by c.id`;

type CouponRow = {
  readonly id: string;
  readonly code: string;
  readonly title: string;
  readonly vendor_id: string;
  readonly discount: StoredDiscount;
  readonly currency: string;
  readonly minimum_subtotal: bigint | null;
  readonly start_time: Date | null;
  readonly end_time: Date | null;
  readonly product_ids: string[];
  readonly category_ids: string[];
  readonly first_order_only: boolean;
  readonly max_uses: number;
  readonly max_uses_per_user: number;
  readonly budget: bigint | null;
  readonly stackable: boolean;
  readonly paused: boolean;
  readonly uses: number;
  readonly spent: bigint;
  readonly version: number;
  readonly create_time: Date;
  readonly update_time: Date;
};

type KnownRow = CouponRow & { readonly uses_by_user: number; readonly first_order_taken: boolean };

// Amounts as JSON numbers are exact: the largest is 9e12, and 2^53 is a thousand times that.
type StoredDiscount =
  | { readonly kind: 'percentage'; readonly basisPoints: number; readonly maxDiscount?: number | undefined }
  | { readonly kind: 'fixed'; readonly amount: number }
  | { readonly kind: 'free-shipping'; readonly maxDiscount?: number | undefined }
  | Extract<Discount, { kind: 'buy-x-get-y' }>;

function toStored(discount: Discount): StoredDiscount {
  switch (discount.kind) {
    case 'fixed':
      return { kind: discount.kind, amount: Number(discount.amount.minorUnits) };
    case 'percentage':
    case 'free-shipping': {
      const most = discount.maxDiscount;
      return { ...discount, maxDiscount: most === undefined ? undefined : Number(most.minorUnits) };
    }
    case 'buy-x-get-y':
      return discount;
  }
}

function fromStored(stored: StoredDiscount, currency: string): Discount {
  switch (stored.kind) {
    case 'fixed':
      return { kind: stored.kind, amount: { minorUnits: BigInt(stored.amount), currency } };
    case 'percentage':
    case 'free-shipping': {
      const most = stored.maxDiscount;
      return { ...stored, maxDiscount: most === undefined ? undefined : { minorUnits: BigInt(most), currency } };
    }
    case 'buy-x-get-y':
      return stored;
  }
}

function toRow(coupon: Coupon): object {
  return {
    id: coupon.id,
    code: coupon.code,
    title: coupon.title,
    vendor_id: coupon.vendorId,
    discount: toStored(coupon.discount),
    currency: coupon.currency,
    minimum_subtotal: coupon.minimumSubtotal && Number(coupon.minimumSubtotal.minorUnits),
    start_time: coupon.startTime,
    end_time: coupon.endTime,
    product_ids: coupon.productIds,
    category_ids: coupon.categoryIds,
    first_order_only: coupon.firstOrderOnly,
    max_uses: coupon.maxUses,
    max_uses_per_user: coupon.maxUsesPerUser,
    budget: coupon.budget && Number(coupon.budget.minorUnits),
    stackable: coupon.stackable,
    paused: coupon.paused,
    version: coupon.version,
    create_time: coupon.createTime,
    update_time: coupon.updateTime,
  };
}

function toCoupon(row: CouponRow): Coupon {
  const { currency } = row;
  const amount = (minorUnits: bigint | null): Money | undefined =>
    minorUnits === null ? undefined : { minorUnits, currency };
  return {
    id: row.id,
    code: row.code,
    title: row.title,
    vendorId: row.vendor_id,
    discount: fromStored(row.discount, currency),
    currency,
    minimumSubtotal: amount(row.minimum_subtotal),
    startTime: row.start_time ?? undefined,
    endTime: row.end_time ?? undefined,
    productIds: row.product_ids,
    categoryIds: row.category_ids,
    firstOrderOnly: row.first_order_only,
    maxUses: row.max_uses,
    maxUsesPerUser: row.max_uses_per_user,
    budget: amount(row.budget),
    stackable: row.stackable,
    paused: row.paused,
    uses: row.uses,
    spent: row.spent,
    version: row.version,
    createTime: row.create_time,
    updateTime: row.update_time,
  };
}

function toKnown(row: KnownRow): KnownCoupon {
  return { coupon: toCoupon(row), usesByUser: row.uses_by_user, firstOrderTaken: row.first_order_taken };
}
