import { createClient, createRouterTransport, type Interceptor } from '@connectrpc/connect';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService, type Purchase } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { PaymentMethod, PaymentService, PaymentStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import { InventoryService, ReservationState } from '#gen/only2u/product/v1/inventory_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { UserService } from '#gen/only2u/user/v1/user_pb.ts';
import { Fault } from '#platform/fault.ts';
import { toConnectError } from '#platform/rpc/status.ts';
import type { Handlers } from '#platform/service.ts';
import { stub } from '#platform/testing/service.ts';
import type { Peers } from './peers.grpc.ts';

type Item = { readonly variantId: string; readonly quantity: number };
type Reservation = {
  readonly id: string;
  readonly orderId: string;
  readonly items: readonly Item[];
  readonly expireTime: Date;
  state: ReservationState;
  restocked: number;
};
type Payment = {
  readonly id: string;
  readonly orderId: string;
  readonly amount: bigint;
  readonly method: PaymentMethod;
  status: PaymentStatus;
  captured: bigint;
  readonly refunds: Map<string, bigint>;
  readonly collections: Map<string, bigint>;
};

/**
 * The rest of the shop, as its contracts say that it answers, with books of its own: pieces, coupon uses and money. For tests
 * alone. `meddle` is called around each call, and may throw: before it has an effect, or after.
 */
export type FakeShop = {
  readonly handlers: readonly Handlers[];
  readonly peers: Peers;
  now: Date;
  /** Pieces on the shelf, held or not. */
  stock: Map<string, number>;
  /** What is in everybody's cart. */
  cart: Item[];
  couponCodes: string[];
  /** What a code takes off. */
  couponAmount: bigint;
  couponUsesLeft: number;
  /** Awaited before a cart is answered. */
  onCart: () => Promise<void>;
  /** Told what coupons are asked for. */
  onQuote: (purchase: Purchase) => void;
  price: bigint;
  /** Whether payments are captured as soon as they are made. */
  paysAtOnce: boolean;
  meddle: (call: string, when: 'before' | 'after') => void;
  readonly calls: string[];
  readonly payments: Map<string, Payment>;
  readonly reservations: Map<string, Reservation>;
  /** Orders that use coupons up. */
  readonly redeemed: Set<string>;
  /** The customer pays at the provider; false when it was canceled before, and the money went straight back. */
  pay(orderId: string): boolean;
  /** Pieces that are sold and not put back. */
  sold(): number;
  held(): number;
  captured(orderId: string): bigint;
  refunded(orderId: string): bigint;
};

const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });
const refuse = (reason: string, kind: 'failed-precondition' | 'not-found' | 'already-exists' = 'failed-precondition') =>
  new Fault(kind, reason, `The peer's own words for ${reason}.`);
const vendors: Readonly<Record<string, string>> = { var_1: 'usr_v', var_2: 'usr_w' };

export function createFakeShop(): FakeShop {
  const requests = new Map<string, Reservation>();
  const closedStock = new Set<string>();
  const closedCoupons = new Set<string>();
  const closedPayments = new Set<string>();
  const restocks = new Set<string>();
  const payments = new Map<string, Payment>();
  const reservations = new Map<string, Reservation>();
  const redeemed = new Set<string>();
  const calls: string[] = [];

  function call<T>(name: string, work: () => T): Promise<T> {
    calls.push(name);
    shop.meddle(name, 'before');
    const answer = work();
    shop.meddle(name, 'after');
    return Promise.resolve(answer);
  }

  function expireHolds(): void {
    for (const one of reservations.values())
      if (one.state === ReservationState.HELD && one.expireTime <= shop.now) one.state = ReservationState.EXPIRED;
  }

  const pieces = (items: readonly Item[], variantId?: string): number =>
    items
      .filter((item) => variantId === undefined || item.variantId === variantId)
      .reduce((n, item) => n + item.quantity, 0);
  const inState = (state: ReservationState) => [...reservations.values()].filter((one) => one.state === state);
  const alive = (orderId: string): Reservation | undefined =>
    [...reservations.values()].find(
      (one) =>
        one.orderId === orderId && (one.state === ReservationState.HELD || one.state === ReservationState.COMMITTED),
    );
  function reservationOf(id: string): Reservation {
    const found = reservations.get(id);
    if (found === undefined) throw refuse('RESERVATION_NOT_FOUND', 'not-found');
    return found;
  }
  const shown = (one: Reservation) => ({ id: one.id, orderId: one.orderId, state: one.state, items: [...one.items] });
  const shownPayment = (one: Payment) => ({
    payment: {
      id: one.id,
      orderId: one.orderId,
      status: one.status,
      amount: inr(one.amount),
      captured: inr(one.captured),
      ...(one.status === PaymentStatus.PENDING
        ? { handoff: { provider: 'test', providerOrderId: `at ${one.orderId}`, providerKeyId: 'key' } }
        : {}),
    },
  });
  function paymentOf(orderId: string): Payment {
    const found = payments.get(orderId);
    if (found === undefined) throw refuse('PAYMENT_NOT_FOUND', 'not-found');
    return found;
  }
  const sum = (amounts: Iterable<bigint>): bigint => [...amounts].reduce((all, amount) => all + amount, 0n);

  const handlers: Handlers[] = [
    stub(InventoryService, {
      reserveStock: ({ requestId, orderId, items, holdDuration }) =>
        call('reserve', () => {
          expireHolds();
          const known = requests.get(requestId) ?? alive(orderId);
          if (known !== undefined) return { reservation: shown(known) };
          if (closedStock.has(orderId)) throw refuse('ORDER_CLOSED');
          for (const { variantId, quantity } of items) {
            const taken = inState(ReservationState.HELD).reduce((n, one) => n + pieces(one.items, variantId), 0);
            if ((shop.stock.get(variantId) ?? 0) - taken < quantity) throw refuse('OUT_OF_STOCK');
          }
          const expireTime = new Date(shop.now.getTime() + Number(holdDuration?.seconds ?? 900n) * 1_000);
          const made = {
            id: `rsv_${reservations.size}`,
            orderId,
            items,
            expireTime,
            state: ReservationState.HELD,
            restocked: 0,
          };
          reservations.set(made.id, made);
          requests.set(requestId, made);
          return { reservation: shown(made) };
        }),
      commitReservation: ({ reservationId }) =>
        call('commit', () => {
          expireHolds();
          const one = reservationOf(reservationId);
          if (one.state === ReservationState.EXPIRED) throw refuse('RESERVATION_EXPIRED');
          if (one.state === ReservationState.RELEASED) throw refuse('RESERVATION_RELEASED');
          if (one.state === ReservationState.HELD)
            for (const { variantId, quantity } of one.items)
              shop.stock.set(variantId, (shop.stock.get(variantId) ?? 0) - quantity);
          one.state = ReservationState.COMMITTED;
          return { reservation: shown(one) };
        }),
      releaseReservation: ({ orderId }) =>
        call('release', () => {
          const one = alive(orderId);
          if (one?.state === ReservationState.COMMITTED) throw refuse('RESERVATION_COMMITTED');
          if (one !== undefined) one.state = ReservationState.RELEASED;
          closedStock.add(orderId);
          return {};
        }),
      restockItems: ({ requestId, reservationId, items }) =>
        call('restock', () => {
          const one = reservationOf(reservationId);
          if (one.state !== ReservationState.COMMITTED) throw refuse('RESERVATION_NOT_COMMITTED');
          if (restocks.has(requestId)) return {};
          if (one.restocked + pieces(items) > pieces(one.items)) throw refuse('RESTOCK_EXCEEDS_COMMITTED');
          one.restocked += pieces(items);
          restocks.add(requestId);
          for (const { variantId, quantity } of items)
            shop.stock.set(variantId, (shop.stock.get(variantId) ?? 0) + quantity);
          return {};
        }),
    }),
    stub(CouponService, {
      quoteCoupon({ purchase }) {
        if (purchase !== undefined) shop.onQuote(purchase);
        return {
          discounts: (purchase?.codes ?? []).map((code) => ({
            code,
            amount: inr(shop.couponAmount),
            lineAmounts: (purchase?.lines ?? []).map((_, index) => inr(index === 0 ? shop.couponAmount : 0n)),
            shippingAmount: inr(0n),
          })),
        };
      },
      redeemCoupon: ({ orderId, expectedDiscount }) =>
        call('redeem', () => {
          if (redeemed.has(orderId)) return {};
          if (closedCoupons.has(orderId)) throw refuse('ORDER_CLOSED');
          if (shop.couponUsesLeft === 0) throw refuse('COUPON_USED_UP');
          if (expectedDiscount?.minorUnits !== shop.couponAmount) throw refuse('COUPON_DISCOUNT_CHANGED');
          shop.couponUsesLeft -= 1;
          redeemed.add(orderId);
          return {};
        }),
      releaseCoupon: ({ orderId }) =>
        call('release coupon', () => {
          closedCoupons.add(orderId);
          const released = redeemed.delete(orderId);
          if (released) shop.couponUsesLeft += 1;
          return { released };
        }),
    }),
    stub(PaymentService, {
      createPayment: ({ orderId, amount, method }) =>
        call('pay', () => {
          const known = payments.get(orderId);
          if (known !== undefined) {
            if (known.amount !== amount?.minorUnits) throw refuse('PAYMENT_AMOUNT_CHANGED');
            return shownPayment(known);
          }
          if (closedPayments.has(orderId)) throw refuse('ORDER_CLOSED');
          const due = amount?.minorUnits ?? 0n;
          const paid = shop.paysAtOnce && method === PaymentMethod.ONLINE;
          const made: Payment = {
            id: `pay_${payments.size}`,
            orderId,
            amount: due,
            method,
            status: paid ? PaymentStatus.CAPTURED : PaymentStatus.PENDING,
            captured: paid ? due : 0n,
            refunds: new Map(),
            collections: new Map(),
          };
          payments.set(orderId, made);
          return shownPayment(made);
        }),
      cancelPayment: ({ orderId }) =>
        call('cancel payment', () => {
          closedPayments.add(orderId);
          const one = payments.get(orderId);
          if (one === undefined) return {};
          if (one.status !== PaymentStatus.CAPTURED) one.status = PaymentStatus.CANCELED;
          return shownPayment(one);
        }),
      refundPayment: ({ requestId, orderId, amount }) =>
        call('refund', () => {
          const one = paymentOf(orderId);
          const known = one.refunds.get(requestId);
          if (known !== undefined && known !== amount?.minorUnits) throw refuse('REQUEST_ID_REUSED', 'already-exists');
          if (known === undefined) {
            const after = sum(one.refunds.values()) + (amount?.minorUnits ?? 0n);
            if (after > one.captured) throw refuse('REFUND_EXCEEDS_CAPTURED');
            one.refunds.set(requestId, amount?.minorUnits ?? 0n);
          }
          return {};
        }),
      collectPayment: ({ requestId, orderId, amount }) =>
        call('collect', () => {
          const one = paymentOf(orderId);
          one.collections.set(requestId, amount?.minorUnits ?? 0n);
          one.captured = sum(one.collections.values());
          if (one.captured > one.amount) throw refuse('COLLECTION_EXCEEDS_DUE');
          return shownPayment(one);
        }),
    }),
    stub(CartService, {
      async getCartContents({ cartId }) {
        await shop.onCart();
        return { cartId: cartId || 'crt_1', contents: shop.cart, couponCodes: shop.couponCodes };
      },
    }),
    stub(UserService, {
      getAddress: ({ addressId }) => ({
        address: {
          id: addressId,
          recipient: 'Asha Rao',
          lines: ['12 MG Road'],
          city: 'Bengaluru',
          region: 'Karnataka',
          postalCode: '560001',
          countryCode: 'IN',
        },
      }),
    }),
    stub(ProductService, {
      batchGetVariants: ({ variantIds }) => ({
        variants: variantIds.map((variantId) => ({
          variantId,
          productId: `prd_of_${variantId}`,
          vendorId: vendors[variantId] ?? 'usr_v',
          productTitle: 'Linen shirt',
          variantTitle: 'M',
          price: inr(shop.price),
          productType: 'Shirt',
          onSale: true,
          tracked: true,
          available: shop.stock.get(variantId) ?? 0,
          maxQuantity: shop.stock.get(variantId) ?? 0,
          requiresShipping: true,
          taxable: true,
          weightGrams: 250,
        })),
      }),
    }),
  ];

  const transport = createRouterTransport(
    (router) => {
      for (const { contract, implementation } of handlers) router.service(contract, implementation);
    },
    { router: { interceptors: [faults] } },
  );
  const shop: FakeShop = {
    handlers,
    peers: {
      inventory: createClient(InventoryService, transport),
      coupons: createClient(CouponService, transport),
      payments: createClient(PaymentService, transport),
    },
    now: new Date('2026-05-01T10:00:00Z'),
    stock: new Map([
      ['var_1', 10],
      ['var_2', 10],
    ]),
    cart: [{ variantId: 'var_1', quantity: 2 }],
    couponCodes: [],
    couponAmount: 1_000n,
    couponUsesLeft: 10,
    onCart: () => Promise.resolve(),
    onQuote: () => undefined,
    price: 40_000n,
    paysAtOnce: false,
    meddle: () => undefined,
    calls,
    payments,
    reservations,
    redeemed,
    pay(orderId) {
      const one = paymentOf(orderId);
      if (one.status === PaymentStatus.CANCELED) return false;
      one.status = PaymentStatus.CAPTURED;
      one.captured = one.amount;
      return true;
    },
    sold: () => inState(ReservationState.COMMITTED).reduce((n, one) => n + pieces(one.items) - one.restocked, 0),
    held() {
      expireHolds();
      return inState(ReservationState.HELD).reduce((n, one) => n + pieces(one.items), 0);
    },
    captured: (orderId) => payments.get(orderId)?.captured ?? 0n,
    refunded: (orderId) => sum(payments.get(orderId)?.refunds.values() ?? []),
  };
  return shop;
}

const faults: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    throw toConnectError(error);
  }
};
