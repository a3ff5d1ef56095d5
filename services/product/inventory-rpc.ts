import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  AdjustStockResponseSchema,
  CommitReservationResponseSchema,
  InventoryService,
  ReleaseReservationResponseSchema,
  ReservationState,
  ReserveStockResponseSchema,
  type ReservationSchema,
  type ReserveStockRequest,
  type ReserveStockResponse,
  type StockSchema,
} from '#gen/only2u/product/v1/inventory_pb.ts';
import { invalidField } from '#platform/fault.ts';
import { currentCall, requireUser } from '#platform/rpc/call.ts';
import { handle, type Env, type Handlers } from '#platform/service.ts';
import type { InventoryStore } from './inventory-store.ts';
import {
  adjust,
  availableOf,
  commit,
  defaultHoldMs,
  OutOfStock,
  release,
  reservationNotFound,
  reserve,
  variantNotFound,
  type Reservation,
  type Stock,
} from './inventory.ts';
import { assertMayChange, maySee, type Actor } from './product.ts';
import { repeatable } from '#platform/repeatable.ts';

export type InventoryRpcOptions = Pick<Env, 'now' | 'newId'> & { readonly store: InventoryStore };

/** The methods of InventoryService. */
export function handleInventory({ store, now, newId }: InventoryRpcOptions): Handlers {
  const { method } = InventoryService;

  function hold(request: ReserveStockRequest): Promise<ReserveStockResponse> {
    const time = now();
    const expireTime = new Date(
      time.getTime() + (request.holdDuration ? durationMs(request.holdDuration) : defaultHoldMs),
    );
    return store.change(repeatable(method.reserveStock, request, { actor: workload(), now: time }), async (tx) => {
      const stocks = await tx.lockStocks(request.items.map((item) => item.variantId));
      for (const { variantId, product } of stocks) {
        if (product.status !== 'published') throw variantNotFound(variantId); // it was taken off sale meanwhile
      }
      const items = reserve(stocks, request.items);
      const reservation: Reservation = { id: newId('rsv'), state: 'held', items, expireTime, createTime: time };
      await tx.hold(reservation);
      return create(ReserveStockResponseSchema, { reservation: encodeReservation(reservation) });
    });
  }

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
      const variantIds = request.items.map((item) => item.variantId);
      const twice = variantIds.findIndex((id, index) => variantIds.indexOf(id) !== index);
      if (twice !== -1) {
        throw invalidField(`items[${twice}].variant_id`, 'VARIANT_TWICE', 'is named before; add the pieces up');
      }
      try {
        return await hold(request);
      } catch (error) {
        // What is held beyond its time is free, though the sweeper has not come by yet.
        if (!(error instanceof OutOfStock)) throw error;
        const short = error.shortages.map((shortage) => shortage.variantId);
        if ((await store.expire({ now: now(), limit: maxExpired, variantIds: short })) === 0) throw error;
        return hold(request);
      }
    },

    commitReservation(request) {
      const time = now();
      return store.change(
        repeatable(method.commitReservation, request, { actor: workload(), now: time }),
        async (tx) => {
          const before = await tx.lockReservation(request.reservationId);
          if (before === undefined) throw reservationNotFound(request.reservationId);
          const after = commit(before, time);
          if (after !== before) await tx.commit(before, time);
          return create(CommitReservationResponseSchema, { reservation: encodeReservation(after) });
        },
      );
    },

    releaseReservation(request) {
      const time = now();
      return store.change(
        repeatable(method.releaseReservation, request, { actor: workload(), now: time }),
        async (tx) => {
          const before = await tx.lockReservation(request.reservationId);
          if (before === undefined) throw reservationNotFound(request.reservationId);
          const after = release(before);
          if (after !== before) await tx.release(before, time);
          return create(ReleaseReservationResponseSchema, { reservation: encodeReservation(after) });
        },
      );
    },
  });
}

const maxExpired = 1_000; // holds ended for one customer who waits; the sweeper does the rest

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

function encodeReservation({ id, items, state, expireTime }: Reservation): MessageInitShape<typeof ReservationSchema> {
  return {
    id,
    items: items.map(({ variantId, quantity }) => ({ variantId, quantity })),
    state: states[state],
    expireTime: timestampFromDate(expireTime),
  };
}
