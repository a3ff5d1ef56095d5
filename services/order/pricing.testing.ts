import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import { z } from 'zod';
import { CartService, type GetCartContentsResponseSchema } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService, type Purchase, type QuoteCouponResponseSchema } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { OrderService } from '#gen/only2u/order/v1/order_pb.ts';
import { ProductService, type SellableVariant, type SellableVariantSchema } from '#gen/only2u/product/v1/product_pb.ts';
import { type AddressSchema, UserService } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import { Fault } from '#platform/fault.ts';
import type { Money } from '#platform/money.ts';
import type { Service } from '#platform/service.ts';
import { openTestService, stub } from '#platform/testing/service.ts';
import { createPricing, type Priced } from './pricing.grpc.ts';
import { createQuoteRpc } from './quote-rpc.ts';
import { createQuoteTokens, type QuoteTokens } from './quote-token.ts';
import { createFlatShipping, indianRates } from './shipping.ts';
import { createGst } from './tax-rates.ts';

/** What the peers of a test answer; each may wait, or throw. */
export type Peers = {
  readonly address: () => Answer<MessageInitShape<typeof AddressSchema>>;
  readonly cart: () => Answer<MessageInitShape<typeof GetCartContentsResponseSchema>>;
  readonly variants: () => Answer<readonly VariantInit[]>;
  readonly coupons: (purchase: Purchase) => Answer<MessageInitShape<typeof QuoteCouponResponseSchema>>;
};

type Answer<T> = T | Promise<T>;
type VariantInit = MessageInitShape<typeof SellableVariantSchema>;
type VariantChanges = Partial<Omit<SellableVariant, '$typeName' | '$unknown' | 'price'>> & { readonly price?: Money };

export type Quoting = {
  readonly client: Client<typeof OrderService>;
  readonly tokens: QuoteTokens;
  /** What the peers were asked, in this order. */
  readonly asked: readonly string[];
  /** What pricing answered last. */
  last(): Priced;
  close(): Promise<void>;
};

export const quotedAt = new Date('2026-03-01T10:00:00Z');
export const asha = { id: 'usr_asha', roles: ['customer'], sessionId: 'ses_1' };
export const noSuch = (reason: string): Fault => new Fault('not-found', reason, 'Text of a service inside.');

export const variant = (variantId: string, changes: VariantChanges = {}): VariantInit => ({
  variantId,
  productId: `prd_of_${variantId}`,
  vendorId: 'usr_vendor',
  productTitle: 'Linen shirt',
  variantTitle: 'M',
  price: { minorUnits: 40_000n, currency: 'INR' },
  productType: 'Shirt',
  onSale: true,
  tracked: true,
  available: 20,
  maxQuantity: 20,
  requiresShipping: true,
  taxable: true,
  weightGrams: 250,
  ...changes,
});

const usual: Peers = {
  address: () => ({
    id: 'adr_1',
    recipient: 'Asha Rao',
    lines: ['12 MG Road'],
    city: 'Bengaluru',
    region: 'Karnataka',
    countryCode: 'IN',
  }),
  cart: () => ({ cartId: 'crt_1', contents: [{ variantId: 'var_1', quantity: 1 }], couponCodes: [] }),
  variants: () => [variant('var_1')],
  coupons: () => ({}),
};

/** QuoteOrder alone, in memory, with peers that answer what the test says and are held to their contracts. */
export async function openQuoting(changes: Partial<Peers> = {}, { firstOrder = false } = {}): Promise<Quoting> {
  const peers = { ...usual, ...changes };
  const asked: string[] = [];
  const answers: Priced[] = [];
  const tokens = createQuoteTokens('for tests only, 32 characters or more');
  const service: Service<object> = {
    name: 'order',
    contract: [OrderService],
    config: z.object({}),
    async open({ dial }) {
      const pricing = createPricing({
        cart: dial(CartService),
        product: dial(ProductService),
        coupon: dial(CouponService),
        user: dial(UserService),
        taxRules: createGst(),
        shippingRules: createFlatShipping(indianRates),
        seller: { countryCode: 'IN', region: 'Karnataka' },
        now: () => quotedAt,
      });
      const rpc = createQuoteRpc({
        pricing: {
          async quote(what) {
            const priced = await pricing.quote(what);
            answers.push(priced);
            return priced;
          },
        },
        tokens,
        newId,
        isFirstOrder: async () => firstOrder,
        now: () => quotedAt,
      });
      return { handlers: [stub(OrderService, rpc)], close: async () => undefined };
    },
  };
  const app = await openTestService(service, {
    peers: [
      stub(UserService, {
        async getAddress() {
          asked.push('address');
          return { address: await peers.address() };
        },
      }),
      stub(CartService, {
        async getCartContents() {
          asked.push('cart');
          return peers.cart();
        },
      }),
      stub(ProductService, {
        async batchGetVariants() {
          asked.push('variants');
          return { variants: [...(await peers.variants())] };
        },
      }),
      stub(CouponService, {
        async quoteCoupon({ purchase }) {
          asked.push('coupons');
          if (purchase === undefined) throw new Error('no purchase');
          return peers.coupons(purchase);
        },
      }),
    ],
  });
  return {
    client: app.as({ user: asha }).client(OrderService),
    tokens,
    asked,
    last() {
      const answer = answers.at(-1);
      if (answer === undefined) throw new Error('nothing was priced');
      return answer;
    },
    close: () => app.close(),
  };
}
