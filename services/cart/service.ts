import { z } from 'zod';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { databaseOf, openDatabase } from '#platform/database.postgres.ts';
import { databaseVariables } from '#platform/engine-config.ts';
import { consume } from '#platform/outbox.postgres.ts';
import { defineService, handle } from '#platform/service.ts';
import { createCarts } from './carts.ts';
import { createCoupons } from './coupons.grpc.ts';
import { cartEventHandlers } from './events.postgres.ts';
import { gatherLookups } from './gathering.ts';
import { createOffers } from './offers.grpc.ts';
import { createCartRpc } from './rpc.ts';
import { createPostgresStore } from './store.postgres.ts';
import { startSweeper } from './sweeper.ts';

const config = z.object({
  ...databaseVariables,
});

/** What guests and users mean to buy. */
export const cartService = defineService({
  name: 'cart',
  contract: [CartService],
  config,
  async open({ config, log, now, newId, dial, events, trace }) {
    const migrations = new URL('./migrations/', import.meta.url);
    const database = await openDatabase({ ...databaseOf(config), schema: 'cart', migrations, log, plansOnce: true });
    const handlers = cartEventHandlers(now);
    const listening = consume({ bus: events, database, group: 'cart', handlers, trace });
    const subscription = await listening.catch(async (error: unknown) => {
      await database.close();
      throw error;
    });
    const store = createPostgresStore(database);
    const sweeper = startSweeper({ store, now, log });
    const carts = createCarts({
      store,
      findOffers: gatherLookups(createOffers(dial(ProductService))),
      findQuote: createCoupons(dial(CouponService)),
      now,
      newId,
    });
    return {
      handlers: [handle(CartService, createCartRpc({ carts, now }))],
      database,
      async close() {
        await subscription.close();
        await sweeper.close();
        await database.close();
      },
    };
  },
});
