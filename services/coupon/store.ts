import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { OnceOptions } from '#platform/request-id.postgres.ts';
import type { Coupon } from './coupon.ts';
import type { KnownCoupon } from './problem.ts';
import type { Decision, OrderRedemption } from './redemption.ts';

export type CouponFilter = {
  /** "" for everybody's. */
  readonly vendorId: string;
  /** Coupons made before this one, by id; "" for the latest. */
  readonly before: string;
  readonly limit: number;
};

/** Who uses which codes for what. */
export type RedemptionRequest = {
  readonly orderId: string;
  readonly userId: string;
  /** In capitals, each once. */
  readonly codes: readonly string[];
  readonly now: Date;
};

/** Where coupons and their uses are kept. A deleted coupon is found by none of these; its uses stay and can be given back. */
export type CouponStore = {
  find(id: string): Promise<Coupon | undefined>;
  /** The latest first. */
  list(filter: CouponFilter): Promise<Coupon[]>;
  /** Those of the codes that there are, with what the user ("" for a guest) has used of them; all of one moment. */
  findByCodes(codes: readonly string[], userId: string): Promise<KnownCoupon[]>;
  /**
   * Runs `work` in one transaction, once for the request id: whoever repeats the request gets the first answer. All that
   * `work` did is undone when it throws; it may run more than once, so it only asks `tx`.
   */
  change<R extends DescMessage>(
    repeat: OnceOptions<R>,
    work: (tx: CouponTx) => Promise<MessageShape<R>>,
  ): Promise<MessageShape<R>>;
  /**
   * Uses coupons for an order, all or none. `decide` is given the coupons, held so that nobody else uses them meanwhile, and
   * may be asked again. Answers what there is already when the order was seen before; throws the refusal otherwise.
   */
  redeem(request: RedemptionRequest, decide: (known: readonly KnownCoupon[]) => Decision): Promise<OrderRedemption>;
  /** Gives back what the order used, and closes it for good. Answers whether this call gave anything back. */
  release(orderId: string, now: Date): Promise<boolean>;
  /** Adds the coupons if there never was one. Answers whether it did. */
  addFirst(coupons: readonly Coupon[]): Promise<boolean>;
};

/** Coupons inside of a transaction. */
export type CouponTx = {
  /** The coupon, held so that nobody else changes or uses it before the transaction ends. */
  lock(id: string): Promise<Coupon | undefined>;
  /** Throws COUPON_CODE_TAKEN when another has the code. */
  insert(coupon: Coupon): Promise<void>;
  /** Writes what its maker may change; never the counters. */
  update(coupon: Coupon): Promise<void>;
  delete(id: string, now: Date): Promise<void>;
};
