import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  AdjustStockResponseSchema,
  InventoryService,
  ReleaseReservationResponseSchema,
  ReservationState,
  RestockItemsResponseSchema,
  type ReservationSchema,
  type StockSchema,
} from '#gen/only2u/product/v1/inventory_pb.ts';
import { invalidField } from '#platform/fault.ts';
import { repeatable } from '#platform/repeatable.ts';
import { currentCall, requireUser } from '#platform/rpc/call.ts';
import { handle, type Env, type Handlers } from '#platform/service.ts';
import { restock } from './inventory-order.ts';
import { reserveStock } from './inventory-reserve.ts';
import type { InventoryStore } from './inventory-store.ts';
import {
  adjust,
  availableOf,
  commit,
  defaultHoldMs,
  release,
  reservationNotFound,
  variantNotFound,
  type Reservation,
  type Stock,
  type Wanted,
} from './inventory.ts';
import { assertMayChange, maySee, type Actor } from './product.ts';

export type InventoryRpcOptions = Pick<Env, 'now' | 'newId'> & { readonly store: InventoryStore };

/** The methods of InventoryService. */
export function handleInventory({ store, now, newId }: InventoryRpcOptions): Handlers {
  const { method } = InventoryService;

  return handle(InventoryService, {
    async getStock({ variantIds }) {
      const stocks = await store.findStocks(variantIds);
      return { stocks: stocks.filter(({ product }) => maySee(product, actor())).map(encodeStock) };
    },

    adjustStock(request) {
      const user = requireUser();
      const by: Actor = { id: user.id, isAdmin: user.roles.includes('admin') };
      const time = now();
      return store.change(repeatable(method.adjustStock, request, { actor: user.id, now: time }), async (tx) => {
        const { variantId, delta, reason, requestId } = request;
        const [stock] = await tx.lockStocks([variantId]);
        if (stock === undefined || !maySee(stock.product, by)) throw variantNotFound(variantId);
        assertMayChange(stock.product, by);
        const after = adjust(stock, delta);
        await tx.move({ variantId, delta, kind: 'adjusted', reference: requestId, reason, actor: user.id, time });
        return create(AdjustStockResponseSchema, { stock: encodeStock(after) });
      });
    },

    async reserveStock(request) {
      const { requestId, orderId, items, holdDuration } = request;
      assertOnce(items);
      const createTime = now();
      const holdMs = holdDuration === undefined ? defaultHoldMs : durationMs(holdDuration);
      const expireTime = new Date(createTime.getTime() + holdMs);
      const hold = { id: newId('rsv'), actor: workload(), requestId, orderId, items, createTime, expireTime };
      return { reservation: encodeReservation(await reserveStock(store, hold)) };
    },

    async commitReservation({ reservationId }) {
      const time = now();
      const before = await store.commit(reservationId, time);
      if (before === undefined) throw reservationNotFound(reservationId);
      return { reservation: encodeReservation(commit(before, time)) };
    },

    releaseReservation(request) {
      const { reservationId, orderId } = request;
      const time = now();
      const repeat = repeatable(method.releaseReservation, request, { actor: workload(), now: time });
      return store.change(repeat, async (tx) => {
        const closing = orderId !== '';
        const before = await (closing ? tx.lockOrder(orderId) : tx.lockReservation(reservationId));
        if (before === undefined) {
          if (!closing) throw reservationNotFound(reservationId);
          await tx.closeOrder({ id: newId('rsv'), orderId, now: time });
          return create(ReleaseReservationResponseSchema);
        }
        const after = release(before);
        if (after !== before) await tx.release(before, { now: time, closing });
        const heldNothing = after.items.length === 0; // it stands for an order that was closed before
        return create(ReleaseReservationResponseSchema, heldNothing ? {} : { reservation: encodeReservation(after) });
      });
    },

    restockItems(request) {
      const { reservationId, items } = request;
      assertOnce(items);
      const time = now();
      const repeat = repeatable(method.restockItems, request, { actor: workload(), now: time });
      return store.change(repeat, async (tx) => {
        const reservation = await tx.lockReservation(reservationId);
        if (reservation === undefined) throw reservationNotFound(reservationId);
        restock(reservation, items);
        const uncountedVariantIds = await tx.restock(reservation, items, time);
        return create(RestockItemsResponseSchema, { uncountedVariantIds });
      });
    },
  });
}

function assertOnce(items: readonly Wanted[]): void {
  const variantIds = items.map((item) => item.variantId);
  const twice = variantIds.findIndex((id, index) => variantIds.indexOf(id) !== index);
  if (twice === -1) return;
  throw invalidField(`items[${twice}].variant_id`, 'VARIANT_TWICE', 'is named before; add the pieces up');
}

function actor(): Actor | undefined {
  const user = currentCall()?.user;
  return user && { id: user.id, isAdmin: user.roles.includes('admin') };
}

function workload(): string {
  return `workload ${currentCall()?.caller ?? ''}`;
}

function encodeStock(stock: Stock): MessageInitShape<typeof StockSchema> {
  const { variantId, onHand, reserved, tracked, backorderAllowed } = stock;
  return { variantId, onHand, reserved, available: availableOf(stock), tracked, backorderAllowed };
}

const states = {
  held: ReservationState.HELD,
  committed: ReservationState.COMMITTED,
  released: ReservationState.RELEASED,
  expired: ReservationState.EXPIRED,
} as const satisfies Record<Reservation['state'], ReservationState>;

function encodeReservation(reservation: Reservation): MessageInitShape<typeof ReservationSchema> {
  const { id, orderId, items, state, expireTime } = reservation;
  return {
    id,
    orderId,
    items: items.map(({ variantId, quantity }) => ({ variantId, quantity })),
    state: states[state],
    expireTime: timestampFromDate(expireTime),
  };
}
