import { randomUUID } from 'node:crypto';
import { toBinary, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type Client } from '@connectrpc/connect';
import { CartService, type Cart } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService, type Purchase } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { ProductService, type SellableVariantSchema } from '#gen/only2u/product/v1/product_pb.ts';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import type { EventMessage } from '#platform/event-bus.ts';
import { Fault } from '#platform/fault.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { openTestService, stub, type TestService } from '#platform/testing/service.ts';
import { cartService } from './service.ts';

type Variant = MessageInitShape<typeof SellableVariantSchema> & { readonly variantId: string };

/** The cart service in memory on a database of its own, between a product and a coupon service that do as the test says. */
export type CartShop = {
  readonly app: TestService;
  readonly database: TestDatabase;
  /** What product answers; change it to have prices and stock change. */
  readonly variants: Map<string, Variant>;
  /** Puts something on offer: 10 pieces at ₹100.00 unless told. Answers its id. */
  offer(more?: Omit<MessageInitShape<typeof SellableVariantSchema>, '$typeName'>): string;
  /** Who does not answer. */
  readonly away: { product: boolean; coupon: boolean };
  /** What was asked of product, and of coupon. */
  readonly asked: { readonly variants: string[][]; readonly purchases: Purchase[] };
  /** Somebody who is not signed in. */
  guest(address?: string): Client<typeof CartService>;
  user(id: string): Client<typeof CartService>;
  /** As order calls for a user. */
  order(userId: string): Client<typeof CartService>;
  /** Delivers an event as the bus would. The same id is the same event. */
  tell<S extends DescMessage>(schema: S, event: MessageShape<S>, id?: string): Promise<void>;
  /** Lets time pass. */
  wait(ms: number): void;
  close(): Promise<void>;
};

export const dayMs = 86_400_000;
export const requestId = (): string => randomUUID();
export const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });

export async function openCartShop(): Promise<CartShop> {
  const database = await openTestDatabase('cart', new URL('./migrations/', import.meta.url));
  let time = new Date('2026-03-01T10:00:00.000Z').getTime();
  let deliver: ((message: EventMessage, signal: AbortSignal) => Promise<void>) | undefined;
  const variants: CartShop['variants'] = new Map();
  const away = { product: false, coupon: false };
  const asked: CartShop['asked'] = { variants: [], purchases: [] };
  const peers = [
    stub(ProductService, {
      async batchGetVariants({ variantIds }) {
        asked.variants.push(variantIds);
        if (away.product) throw new ConnectError('starting', Code.Unavailable);
        return { variants: variantIds.map((id) => variants.get(id)).filter((found) => found !== undefined) };
      },
    }),
    stub(CouponService, {
      async quoteCoupon({ purchase }) {
        if (purchase === undefined) throw new Error('a purchase was expected');
        asked.purchases.push(purchase);
        if (away.coupon) throw new ConnectError('starting', Code.Unavailable);
        return quote(purchase);
      },
    }),
  ];
  const service: typeof cartService = {
    ...cartService,
    open(env) {
      const events: typeof env.events = {
        ...env.events,
        subscribe(subscribing) {
          deliver = subscribing.handle;
          return env.events.subscribe(subscribing);
        },
      };
      return cartService.open({ ...env, events });
    },
  };
  const app = await openTestService(service, {
    config: { DATABASE_URL: database.url },
    peers,
    now: () => new Date(time),
  });
  const as = (id: string) => ({ id, roles: ['customer'], sessionId: 'ses_1' });
  return {
    app,
    database,
    variants,
    away,
    asked,
    offer(more = {}) {
      const variantId = more.variantId ?? `var_${randomUUID()}`;
      const named = { productId: `prd_${variantId}`, productTitle: 'Linen shirt', variantTitle: 'M', handle: 'shirt' };
      const sold = { vendorId: 'usr_vendor', price: inr(10_000n), onSale: true, maxQuantity: 10 };
      variants.set(variantId, { ...named, ...sold, categoryIds: ['cat_shirts'], ...more, variantId });
      return variantId;
    },
    guest: (address = '192.0.2.1') => app.as({ address }).client(CartService),
    user: (id) => app.as({ user: as(id) }).client(CartService),
    order: (userId) => app.as({ caller: 'order', user: as(userId) }).client(CartService),
    async tell(schema, event, id = randomUUID()) {
      const about = { id, topic: schema.typeName, key: '', traceparent: '', time: new Date(time) };
      const message = { ...about, body: toBinary(schema, event) };
      for (let tries = 1; ; tries++) {
        try {
          return await deliver?.(message, new AbortController().signal);
        } catch (error) {
          // The bus brings again what lost too many races.
          if (!(error instanceof Fault) || error.kind !== 'aborted' || tries === 10) throw error;
        }
      }
    },
    wait(ms) {
      time += ms;
    },
    async close() {
      await app.close();
      await database.close();
    },
  };
}

/** Takes 10% off for TEN, the shipping for SHIP, and says of USERS that a guest must sign in. */
function quote({ lines, codes, userId }: Purchase) {
  const known = codes.filter((code) => code === 'TEN' || code === 'SHIP' || (code === 'USERS' && userId !== ''));
  const discounts = known.map((code) => {
    const amounts = lines.map(({ unitPrice, quantity }) => ((unitPrice?.minorUnits ?? 0n) * BigInt(quantity)) / 10n);
    return {
      code,
      lineAmounts: amounts.map((amount) => inr(code === 'TEN' ? amount : 0n)),
      freeShipping: code === 'SHIP',
    };
  });
  const problems = codes
    .filter((code) => !known.includes(code))
    .map((code) => ({
      code,
      reason: code === 'USERS' ? 'SIGN_IN_REQUIRED' : 'COUPON_NOT_FOUND',
      message: 'It gives nothing.',
    }));
  return { discounts, problems };
}

/** The cart of an answer. */
export async function cartOf(answer: Promise<{ readonly cart?: Cart | undefined }>): Promise<Cart> {
  const { cart } = await answer;
  if (cart === undefined) throw new Error('a cart was expected');
  return cart;
}

/** What is in a cart, shortly. */
export function contents(cart: Cart): Record<string, number> {
  return Object.fromEntries(cart.items.map(({ variantId, quantity }) => [variantId, quantity]));
}

/** How a call was refused; throws when it was not. */
export async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (error === undefined) throw new Error('it was not refused');
  const info = error.findDetails(ErrorInfoSchema)[0];
  return {
    code: Code[error.code],
    reason: info?.reason ?? '',
    metadata: info?.metadata ?? {},
    message: error.rawMessage,
    fields: error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations.map(({ field }) => field)),
    retries: error.findDetails(RetryInfoSchema).length > 0,
  };
}
