import { z } from 'zod';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { secret } from '#platform/config.ts';
import { databaseOf, openDatabase } from '#platform/database.postgres.ts';
import { databaseVariables } from '#platform/engine-config.ts';
import { pageTokens } from '#platform/page-token.ts';
import { defineService, handle } from '#platform/service.ts';
import { createCouponRpc } from './coupon-rpc.ts';
import { createRedemptionRpc } from './redemption-rpc.ts';
import { sampleCoupons } from './samples.ts';
import { createPostgresStore, migrations } from './store.postgres.ts';

const config = z.object({
  ...databaseVariables,
  PAGE_TOKEN_KEY: secret(),
  /** Whether a shop that never had a coupon begins with two of the house: "on" with the embedded database unless told. */
  SAMPLE_COUPONS: z.enum(['on', 'off']).default('off'),
});

/** Discounts that somebody asks for by a code. */
export const couponService = defineService({
  name: 'coupon',
  contract: [CouponService],
  config,
  async open(env) {
    const { now, log } = env;
    const database = await openDatabase({
      ...databaseOf(env.config),
      schema: 'coupon',
      migrations,
      log,
      plansOnce: true,
    });
    const store = createPostgresStore(database);
    if (env.config.SAMPLE_COUPONS === 'on') {
      const coupons = sampleCoupons({ now: now(), newId: env.newId });
      const added = await store.addFirst(coupons).catch(async (error: unknown) => {
        await database.close();
        throw error;
      });
      if (added) log.info({ coupons: coupons.length }, 'the sample coupons are loaded');
    }
    const tokens = pageTokens(env.config.PAGE_TOKEN_KEY, now);
    return {
      handlers: [
        handle(CouponService, {
          ...createCouponRpc({ store, pageTokens: tokens, env }),
          ...createRedemptionRpc({ store, now }),
        }),
      ],
      database,
      close: () => database.close(),
    };
  },
});
