import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { OrderService, type Order } from '#gen/only2u/order/v1/order_pb.ts';
import { InventoryService } from '#gen/only2u/product/v1/inventory_pb.ts';
import { audit } from './audit.ts';
import type { ModelCart } from './model-cart.ts';
import { answerOf, type ModelCoupon, type World } from './model-world.ts';

/** What the shop says when nothing is left to be done. */
export type Seen = {
  readonly orders: ReadonlyMap<string, Order>;
  readonly carts: readonly ModelCart[];
  /** By variant: what can be bought. */
  readonly available: ReadonlyMap<string, number>;
  readonly coupons: ReadonlyMap<string, Omit<ModelCoupon, 'id'> & { readonly uses: number; readonly spent: bigint }>;
  /** By order: what of the customer's money is there. */
  readonly kept: ReadonlyMap<string, bigint>;
  /** Where the books disagree with each other. */
  readonly problems: readonly string[];
};

export async function look(world: World): Promise<Seen> {
  const { shop, users, variants, coupons, people } = world;
  await shop.settled();
  const listed = await Promise.all(users.map(({ client }) => client(OrderService).listOrders({ pageSize: 100 })));
  const shown = await Promise.all(users.map(({ client }) => client(CartService).getCart({})));
  const { stocks } = await shop.client(InventoryService).getStock({ variantIds: variants.map(({ id }) => id) });
  const orders = new Map(listed.flatMap((page) => page.orders.toReversed().map((order) => [order.id, order])));
  const paid = await world.paymentRows.query<{ order_id: string; net: bigint }>(
    'select order_id, captured - refunded as net from payment where order_id = any ($1)',
    [[...orders.keys()]],
  );
  const found = await Promise.all(
    [...coupons.values()].map(async ({ id, code, maxUses }) => {
      const { value } = await answerOf(() =>
        shop.client(CouponService, people.admin.token).getCoupon({ couponId: id }),
      );
      const coupon = value?.coupon;
      const state = {
        code,
        paused: coupon?.paused ?? false,
        maxUses: coupon?.maxUses ?? maxUses,
        deleted: coupon === undefined,
      };
      return [code, { ...state, uses: coupon?.uses ?? 0, spent: coupon?.spent?.minorUnits ?? 0n }] as const;
    }),
  );
  return {
    orders,
    carts: shown.map(({ cart }) => ({
      pieces: sorted((cart?.items ?? []).map(({ variantId, quantity }) => [variantId, quantity])),
      codes: (cart?.coupons ?? []).map(({ code }) => code).sort(),
    })),
    available: new Map(stocks.map(({ variantId, available }) => [variantId, available])),
    coupons: new Map(found),
    kept: new Map(paid.map(({ order_id: id, net }) => [id, net])),
    problems: (await audit(shop.databaseUrlOf)).problems,
  };
}

function sorted(pieces: readonly (readonly [string, number])[]): Readonly<Record<string, number>> {
  return Object.fromEntries(pieces.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
