import { setTimeout as pause } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import type { Order } from '#gen/only2u/order/v1/order_pb.ts';
import { newId } from '#platform/ids.ts';
import { openPool, type Database } from '#platform/pool.postgres.ts';
import { reasonOf } from './kills/buyer.ts';
import { sell, type Sold } from './buying.ts';
import { gather, patiently, type Buyer } from './crowd.ts';
import { emptyCart, type CartCommand, type ModelCart } from './model-cart.ts';
import type { ModelOrder, OrderCommand } from './model-order.ts';
import type { Done } from './model-outcomes.ts';
import type { CouponChange } from './model-commands.ts';
import type { Account, TestShop } from './shop.ts';

export type People = { readonly vendors: readonly Account[]; readonly admin: Account };

export type ModelVariant = { readonly id: string; readonly product: number };

export type ModelCoupon = {
  readonly id: string;
  readonly code: string;
  readonly paused: boolean;
  readonly maxUses: number;
  readonly deleted: boolean;
};

/** What was sent, to be sent again. */
export type Sent = { readonly orderId: string; call(): Promise<unknown> };

export type PlaceRequest = { readonly requestId: string; readonly quoteToken: string; readonly paymentMethod: 1 | 2 };

/** A change of a coupon, with the limit that it sets. */
export type CouponStep = { readonly change: CouponChange; readonly maxUses: number };

/** What happened, by what the shop answered. */
export type Happened =
  | { readonly on: 'order'; readonly orderId: string; readonly done: Done<OrderCommand> }
  | { readonly on: 'cart'; readonly user: number; readonly done: Done<CartCommand> }
  | { readonly on: 'stock'; readonly variantId: string; readonly delta: number; readonly answer: string }
  | { readonly on: 'coupon'; readonly code: string; readonly done: Done<CouponStep> }
  | {
      readonly on: 'place';
      readonly user: number;
      readonly request: PlaceRequest;
      readonly isNew: boolean;
      readonly isReused: boolean;
      readonly answer: Order | string;
    }
  | { readonly on: 'other'; readonly answer: string };

/** A part of the shop that nobody else touches, and what the model says of it. */
export type World = {
  readonly shop: TestShop;
  readonly people: People;
  readonly users: readonly Buyer[];
  readonly products: readonly Sold[];
  readonly variants: readonly ModelVariant[];
  readonly orderRows: Database;
  readonly paymentRows: Database;
  /** By variant: what is in the warehouse but for what orders took. */
  readonly delivered: Map<string, number>;
  /** By product: each price that it ever had. */
  readonly prices: readonly bigint[][];
  readonly coupons: Map<string, ModelCoupon>;
  readonly carts: ModelCart[];
  readonly orders: Map<string, ModelOrder>;
  /** As they were placed, to be paid. */
  readonly placed: Map<string, Order>;
  /** By request: the order that it made. */
  readonly made: Map<string, string>;
  /** By quote_token: the order that used it. */
  readonly usedQuotes: Map<string, string>;
  readonly lastPlaced: (PlaceRequest | undefined)[];
  readonly lastQuote: (string | undefined)[];
  /** By order that was not confirmed: what was perhaps taken out of its customer's cart and put in again since. */
  readonly putInAgain: Map<string, Set<string>>;
  readonly sent: Sent[];
  close(): Promise<void>;
};

const piecesAtFirst = 6;
export const firstPrices = [60_000n, 110_000n] as const;
export const percentOff = 1_000;
export const amountOff = 5_000n;
export const leastSubtotal = 100_000n;
export const usersEach = 1;

export const requestId = () => newId('req');

/** Three customers, two vendors with two variants each, and two coupons: a share for three orders, and an amount for two, one a user. */
export async function openWorld(shop: TestShop, people: People): Promise<World> {
  const users = await gather(shop, 3);
  const products = await Promise.all(
    people.vendors.map((vendor, index) =>
      sell(shop, vendor, { pieces: piecesAtFirst, minorUnits: firstPrices[index] ?? 1n, posted: true }),
    ),
  );
  const variants = products.flatMap(({ variantIds }, product) => variantIds.map((id) => ({ id, product })));
  const coupons = shop.client(CouponService, people.admin.token);
  const newCode = () => newId('cpn').toUpperCase().replace('_', '-');
  const share = {
    currency: 'INR',
    maxUses: 3,
    discount: { case: 'percentage', value: { basisPoints: percentOff } },
  } as const;
  const amount = {
    currency: 'INR',
    maxUses: 2,
    maxUsesPerUser: usersEach,
    minimumSubtotal: { minorUnits: leastSubtotal, currency: 'INR' },
    discount: { case: 'fixed', value: { amount: { minorUnits: amountOff, currency: 'INR' } } },
  } as const;
  const made = new Map<string, ModelCoupon>();
  for (const terms of [share, amount]) {
    const { coupon } = await coupons.createCoupon({ requestId: requestId(), coupon: { ...terms, code: newCode() } });
    const { id = '', code = '', maxUses = 0 } = coupon ?? {};
    made.set(code, { id, code, paused: false, maxUses, deleted: false });
  }
  const orderRows = openPool({ url: shop.databaseUrlOf('order'), schema: 'order_service' });
  const paymentRows = openPool({ url: shop.databaseUrlOf('payment'), schema: 'payment' });
  return {
    shop,
    people,
    users,
    products,
    variants,
    orderRows,
    paymentRows,
    delivered: new Map(variants.map(({ id }) => [id, piecesAtFirst])),
    prices: firstPrices.map((price) => [price]),
    coupons: made,
    carts: users.map(() => emptyCart),
    orders: new Map(),
    placed: new Map(),
    made: new Map(),
    usedQuotes: new Map(),
    putInAgain: new Map(),
    lastPlaced: [],
    lastQuote: [],
    sent: [],
    async close() {
      for (const { client } of users) await client(CartService).clearCart({ requestId: requestId() });
      await orderRows.close();
      await paymentRows.close();
    },
  };
}

const tries = 20;
const again: readonly Code[] = [Code.Aborted];
const bugs: readonly Code[] = [Code.Internal, Code.Unknown, Code.DataLoss, Code.Unimplemented, Code.DeadlineExceeded];

/** What the call answers, or the reason for which it was refused. What is no refusal is thrown. */
export async function answerOf<T>(call: () => Promise<T>): Promise<{ readonly answer: string; readonly value?: T }> {
  for (let count = 1; ; count += 1) {
    try {
      return { answer: 'ok', value: await patiently(call) };
    } catch (error) {
      const { code } = ConnectError.from(error);
      const reason = reasonOf(error);
      if (bugs.includes(code) || reason === Code[code]) throw error;
      if (!again.includes(code) || count >= tries) return { answer: reason };
      await pause(20 * count);
    }
  }
}
