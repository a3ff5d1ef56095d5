import { Counter } from 'prom-client';
import { z } from 'zod';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { OrderService } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentService } from '#gen/only2u/payment/v1/payment_pb.ts';
import { InventoryService } from '#gen/only2u/product/v1/inventory_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { UserService } from '#gen/only2u/user/v1/user_pb.ts';
import { secret } from '#platform/config.ts';
import { databaseOf, openDatabase } from '#platform/database.postgres.ts';
import { databaseVariables } from '#platform/engine-config.ts';
import { redisVariables } from '#platform/engine-config.ts';
import { consume } from '#platform/outbox.postgres.ts';
import { pageTokens } from '#platform/page-token.ts';
import { createPostgresPubSub } from '#platform/pubsub.postgres.ts';
import { defineService, handle } from '#platform/service.ts';
import { startTasks } from '#platform/tasks.postgres.ts';
import { createChangeRpc } from './change-rpc.ts';
import { createCheckout } from './checkout.grpc.ts';
import { onPaymentChanged } from './payment-events.postgres.ts';
import { createEraseTask, eraseTask, onUserDeleted } from './erasure.postgres.ts';
import { createInvoiceRpc } from './invoice-rpc.ts';
import { createPlaceRpc } from './place-rpc.ts';
import { createPricing } from './pricing.grpc.ts';
import { createQuoteRpc } from './quote-rpc.ts';
import { createQuoteTokens } from './quote-token.ts';
import { createReadRpc } from './read-rpc.ts';
import { createFlatShipping, indianRates } from './shipping.ts';
import { advanceTask, createPostgresOrders, migrations } from './store.postgres.ts';
import { createAdvanceTask } from './tasks.ts';
import { createGst, readTaxClasses } from './tax-rates.ts';
import { findState } from './tax-state.ts';
import { createWatchers } from './watchers.ts';

const config = z.object({
  ...redisVariables,
  ...databaseVariables,
  PAGE_TOKEN_KEY: secret(),
  /** Seals quotes; the same in every process of the service. */
  QUOTE_KEY: secret(),
  /** How long a customer may take to pay; the stock is held as long. */
  PAYMENT_WINDOW_SECONDS: z.coerce.number().int().min(5).max(79_200).default(900),
  /** Who sells, on invoices; lines of the address are separated by semicolons. */
  SELLER_NAME: z.string().min(1).default('Only2U'),
  SELLER_ADDRESS: z.string().default(''),
  SELLER_GSTIN: z.string().max(15).default(''),
  /** Where the shop sells from: whether GST is shared with the state depends on it. */
  SELLER_COUNTRY: z.string().length(2).default('IN'),
  SELLER_REGION: z
    .string()
    .refine((region) => findState(region) !== undefined, 'is no state of India')
    .default('Karnataka'),
  /** Classes of tax by category, such as "cat_books=exempt,cat_shoes=footwear". */
  TAX_CLASSES: z.string().default('').refine(isTaxClasses, 'is no list of category=class'),
});

function isTaxClasses(text: string): boolean {
  try {
    readTaxClasses(text);
    return true;
  } catch {
    return false;
  }
}

/** What somebody has bought: from the quote to the delivery, or back. */
export const orderService = defineService({
  name: 'order',
  contract: [OrderService],
  config,
  async open({ config, log, now, newId, dial, trace, metrics, events }) {
    const database = await openDatabase({
      ...databaseOf(config),
      schema: 'order_service',
      migrations,
      log,
      events,
      plansOnce: true,
    });
    const redisUrl = config.REDIS_URL;
    const redis =
      redisUrl === undefined
        ? undefined
        : await (await import('#platform/pubsub.redis.ts')).openRedisPubSub({ ...config, REDIS_URL: redisUrl }, log);
    const watchers = createWatchers({ pubsub: redis ?? createPostgresPubSub(database), log });
    const store = createPostgresOrders({ database, changed: watchers.tell });
    const coupons = dial(CouponService);
    const peers = { inventory: dial(InventoryService), coupons, payments: dial(PaymentService) };
    const ended = new Counter({
      name: 'order_moves_total',
      help: 'Orders that came to stand somewhere by their checkout; reason is why they were closed.',
      labelNames: ['status', 'reason'],
      registers: [metrics],
    });
    const checkout = createCheckout({
      store,
      peers,
      paymentWindowMs: config.PAYMENT_WINDOW_SECONDS * 1_000,
      moved: ({ status, closeReason: reason }) => ended.inc({ status, reason }),
      now,
      newId,
    });
    const seller = {
      name: config.SELLER_NAME,
      addressLines: config.SELLER_ADDRESS.split(';')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
      region: config.SELLER_REGION,
      countryCode: config.SELLER_COUNTRY,
      gstin: config.SELLER_GSTIN,
    };
    const pricing = createPricing({
      cart: dial(CartService),
      product: dial(ProductService),
      coupon: coupons,
      user: dial(UserService),
      taxRules: createGst(readTaxClasses(config.TAX_CLASSES)),
      shippingRules: createFlatShipping(indianRates),
      seller,
      now,
    });
    const tokens = createQuoteTokens(config.QUOTE_KEY);
    const handlers = [onPaymentChanged(now), onUserDeleted()];
    const consuming = consume({ bus: events, database, group: 'order', handlers, trace });
    const consumer = await consuming.catch(async (error: unknown) => {
      await redis?.close();
      await database.close();
      throw error;
    });
    const tasks = startTasks({
      database,
      log,
      trace,
      handlers: {
        [advanceTask]: createAdvanceTask({ store, checkout, now }),
        [eraseTask]: createEraseTask({ store, now }),
      },
    });
    return {
      handlers: [
        handle(OrderService, {
          ...createQuoteRpc({ pricing, tokens, isFirstOrder: store.isFirstOrder, now, newId }),
          ...createPlaceRpc({ store, checkout, pricing, tokens, watchers, log, now, newId }),
          ...createReadRpc({ store, pageTokens: pageTokens(config.PAGE_TOKEN_KEY, now), watchers }),
          ...createChangeRpc({ store, checkout, log, now, newId }),
          ...createInvoiceRpc({ store, seller }),
        }),
      ],
      database,
      async close() {
        await consumer.close();
        await tasks.close();
        await watchers.close();
        await redis?.close();
        await database.close();
      },
    };
  },
});
