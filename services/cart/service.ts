import { z } from 'zod';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { type Database, databaseOf, openDatabase } from '#platform/database.postgres.ts';
import { databaseVariables, redisVariables } from '#platform/engine-config.ts';
import { consume } from '#platform/outbox.postgres.ts';
import { defineService, type Env, handle } from '#platform/service.ts';
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
  ...redisVariables,
});

export type CartConfig = z.infer<typeof config>;

const group = 'cart';

/** What guests and users mean to buy. */
export const cartService = defineService({
  name: 'cart',
  contract: [CartService],
  config,
  async open({ config, log, now, newId, dial, events, trace, metrics }) {
    const migrations = new URL('./migrations/', import.meta.url);
    const database = await openDatabase({ ...databaseOf(config), schema: 'cart', migrations, log, plansOnce: true });
    const closing: (() => Promise<void>)[] = [() => database.close()];
    const close = async (): Promise<void> => {
      for (const end of closing.toReversed()) await end();
    };
    const { store, handlers, engines } = await openPrimary(
      { config, database, log, now, newId, metrics },
      closing,
    ).catch(async (error: unknown) => {
      await close();
      throw error;
    });
    const listening = consume({ bus: events, database, group, handlers, trace });
    const subscription = await listening.catch(async (error: unknown) => {
      await close();
      throw error;
    });
    const sweeper = startSweeper({ store, now, log });
    closing.push(
      () => sweeper.close(),
      () => subscription.close(),
    );
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
      engines,
      close,
    };
  },
});

type PrimaryOptions = Pick<Env<CartConfig>, 'config' | 'log' | 'now' | 'newId' | 'metrics'> & {
  readonly database: Database;
};

/** Where carts are: in Redis where there is one, with PostgreSQL behind it; else in PostgreSQL. */
async function openPrimary({ config, ...env }: PrimaryOptions, closing: (() => Promise<void>)[]) {
  const { database, log, now } = env;
  const { REDIS_URL } = config;
  if (REDIS_URL === undefined) {
    return { store: createPostgresStore(database), handlers: cartEventHandlers(now), engines: [] };
  }
  const { openRedis } = await import('#platform/connection.redis.ts');
  const { openRedisPrimary } = await import('./primary.redis.ts');
  const redis = await openRedis({ ...config, REDIS_URL }, log);
  const primary = openRedisPrimary({ ...env, redis, group });
  closing.push(() => primary.close());
  return { store: primary.store, handlers: primary.handlers, engines: [redis.state(true)] };
}
