import { randomUUID } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type Client } from '@connectrpc/connect';
import { CouponService, type Coupon, type CouponSchema } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { BadRequestSchema, ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import type { Money } from '#platform/money.ts';
import { openTestDatabase } from '#platform/testing/database.ts';
import { openTestService } from '#platform/testing/service.ts';
import { inr, time } from './coupon.testing.ts';
import { couponService } from './service.ts';
import { migrations } from './store.postgres.ts';

type CouponClient = Client<typeof CouponService>;

/** The coupon service in memory on a database of its own, and who calls it. For tests alone. */
export type CouponShop = {
  readonly admin: CouponClient;
  /** usr_v */
  readonly vendor: CouponClient;
  /** usr_w */
  readonly otherVendor: CouponClient;
  readonly customer: CouponClient;
  readonly guest: CouponClient;
  readonly cart: CouponClient;
  readonly order: CouponClient;
  /** A coupon of the house, unless a vendor makes it. */
  create(coupon?: MessageInitShape<typeof CouponSchema>, by?: CouponClient): Promise<Coupon>;
  /** Lets the service's clock show another time. */
  setTime(now: Date): void;
  close(): Promise<void>;
};

export async function openCouponShop(config: Readonly<Record<string, string>> = {}): Promise<CouponShop> {
  const database = await openTestDatabase('coupon', migrations);
  let now = time;
  const app = await openTestService(couponService, {
    config: { DATABASE_URL: database.url, PAGE_TOKEN_KEY: 'for tests only, 32 characters or more', ...config },
    now: () => now,
  });
  const as = (id: string, ...roles: readonly string[]): CouponClient =>
    app.as(id === '' ? {} : { user: { id, roles, sessionId: 'ses_1' } }).client(CouponService);
  const admin = as('usr_a', 'admin');
  let made = 0;
  return {
    admin,
    vendor: as('usr_v', 'vendor'),
    otherVendor: as('usr_w', 'vendor'),
    customer: as('usr_c', 'customer'),
    guest: as(''),
    cart: app.as({ caller: 'cart' }).client(CouponService),
    order: app.as({ caller: 'order' }).client(CouponService),
    async create(coupon = {}, by = admin) {
      const code = `CODE-${++made}`;
      const answer = await by.createCoupon({ requestId: requestId(), coupon: { ...tenPercent, code, ...coupon } });
      if (answer.coupon === undefined) throw new Error('the coupon that was made is missing');
      return answer.coupon;
    },
    setTime(to) {
      now = to;
    },
    async close() {
      await app.close();
      await database.close();
    },
  };
}

export const requestId = (): string => randomUUID();

export const tenPercent = {
  currency: 'INR',
  discount: { case: 'percentage', value: { basisPoints: 1_000 } },
  stackable: true,
} satisfies MessageInitShape<typeof CouponSchema>;

export type LineInit = {
  readonly variantId: string;
  readonly productId: string;
  readonly vendorId: string;
  readonly categoryIds: string[];
  readonly quantity: number;
  readonly unitPrice: Money;
};

export function line(changes: Partial<LineInit> = {}): LineInit {
  const of = { variantId: 'var_1', productId: 'prd_1', vendorId: 'usr_v', categoryIds: ['cat_1'], quantity: 1 };
  return { ...of, unitPrice: inr(10_000), ...changes };
}

export type PurchaseInit = {
  readonly lines: LineInit[];
  readonly shipping: Money;
  readonly userId: string;
  readonly firstOrder: boolean;
  readonly codes: string[];
};

/** One line of ₹100 by usr_c with ₹50 of shipping. */
export function purchase(codes: readonly string[], changes: Partial<PurchaseInit> = {}): PurchaseInit {
  const of = { lines: [line()], shipping: inr(5_000), userId: 'usr_c', firstOrder: true };
  return { ...of, codes: [...codes], ...changes };
}

export type Refusal = {
  readonly code: string;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
};

/** How a call was refused; throws when it was not. */
export async function refusal(work: Promise<unknown>): Promise<Refusal> {
  const error = await work.then(
    () => {
      throw new Error('the call was not refused');
    },
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw error;
  const [info] = error.findDetails(ErrorInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  return {
    code: Code[error.code],
    reason: info?.reason ?? '',
    metadata: info?.metadata ?? {},
    fields: bad?.fieldViolations.map(({ field }) => field) ?? [],
  };
}
