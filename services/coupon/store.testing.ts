import { create } from '@bufbuild/protobuf';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import type { Coupon } from './coupon.ts';
import { time } from './coupon.testing.ts';
import type { CouponDiscount } from './discount.ts';
import type { CouponStore, CouponTx } from './store.ts';

export type StoreUnderTest = {
  readonly store: CouponStore;
  /** The same data, as another process has it. */
  readonly another: CouponStore;
  /** The number and sum of live redemptions by coupon, which each coupon's counters equal. */
  counted(): Promise<readonly { readonly id: string; readonly uses: number; readonly spent: bigint }[]>;
  close(): Promise<void>;
};

/** Runs `work` as one request; answers its text. */
export async function change(
  store: CouponStore,
  work: (tx: CouponTx) => Promise<string | undefined>,
  requestId = '',
): Promise<string> {
  const request = create(StringValueSchema);
  const repeat = { actor: 'usr_v', method: 'test', requestId, request, schema: StringValueSchema, now: time };
  const { value } = await store.change(repeat, async (tx) =>
    create(StringValueSchema, { value: (await work(tx)) ?? '' }),
  );
  return value;
}

export async function add(store: CouponStore, ...coupons: readonly Coupon[]): Promise<void> {
  await change(store, async (tx) => {
    for (const each of coupons) await tx.insert(each);
    return undefined;
  });
}

export async function remove(store: CouponStore, id: string): Promise<void> {
  await change(store, async (tx) => {
    await tx.delete(id, time);
    return undefined;
  });
}

/** A discount as a decision has it, for tests that reckon nothing. */
export function flat(couponId: string, code: string, amount: bigint): CouponDiscount {
  const off = { amount, lineAmounts: [amount], shippingAmount: 0n, freeShipping: false };
  return { couponId, code, currency: 'INR', ...off };
}
