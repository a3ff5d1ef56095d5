import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Database, Sql } from '#platform/database.postgres.ts';
import { openPool } from '#platform/pool.postgres.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { coupon, inr, line, purchase, time } from './coupon.testing.ts';
import { decide } from './redemption.ts';
import { describeCouponStore } from './store.contract.ts';
import { createPostgresStore, migrations } from './store.postgres.ts';
import { add } from './store.testing.ts';

describeCouponStore('coupons in PostgreSQL', async () => {
  const database = await openTestDatabase('coupon', migrations);
  const second = openPool({ url: database.url, schema: 'coupon' });
  return {
    store: createPostgresStore(database),
    another: createPostgresStore(second),
    counted: () =>
      database.query(
        `select c.id, count(r.coupon_id)::integer as uses, coalesce(sum(r.amount), 0)::bigint as spent
         from coupon c left join redemption r on r.coupon_id = c.id and r.live
         where c.delete_time is null group by c.id`,
      ),
    async close() {
      await second.close();
      await database.close();
    },
  };
});

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('coupon', migrations);
}, 30_000);
afterAll(() => database.close());

/** Counts statements, those that begin and end a transaction included. */
function counting(inner: Database): { readonly counted: Database; statements(): number } {
  let statements = 0;
  const count = (sql: Sql): Sql => ({
    query(text, values) {
      statements++;
      return sql.query(text, values);
    },
  });
  const counted: Database = {
    ...inner,
    ...count(inner),
    transaction(work, options) {
      statements += 2;
      return inner.transaction((tx) => work(count(tx)), options);
    },
  };
  return {
    counted,
    statements() {
      const before = statements;
      statements = 0;
      return before;
    },
  };
}

test('a quote is one statement, a redemption of any codes and its release four each', async () => {
  const { counted, statements } = counting(database);
  const store = createPostgresStore(counted);
  const coupons = [coupon({ maxUsesPerUser: 1, firstOrderOnly: true }), coupon({ maxUses: 1 })];
  const codes = coupons.map(({ code }) => code);
  const of = purchase({ codes, lines: [line(1_000)] });
  const ask = { orderId: 'ord_1', userId: 'usr_c', codes, now: time };
  const redeem = () => store.redeem(ask, (known) => decide(known, { purchase: of, expected: inr(190) }, time));
  await add(store, ...coupons);
  statements();
  await store.findByCodes(codes, 'usr_c');
  expect(statements()).toBe(1);
  await redeem();
  expect(statements()).toBe(4);
  await redeem();
  expect(statements()).toBe(4); // the coupon is used up, so the order is looked up instead of written
  await store.release('ord_1', time);
  expect(statements()).toBe(4);
  await store.release('ord_1', time);
  expect(statements()).toBe(3);
});

test('a release that waits for a redemption under way gives back what that used', async () => {
  const { promise: written, resolve: tellWritten } = Promise.withResolvers<undefined>();
  const { promise: mayCommit, resolve: letCommit } = Promise.withResolvers<undefined>();
  const slow: Database = {
    ...database,
    transaction: (work, options) =>
      database.transaction(async (tx) => {
        const result = await work(tx);
        tellWritten(undefined);
        await mayCommit;
        return result;
      }, options),
  };
  const [store, one] = [createPostgresStore(database), coupon()];
  await add(store, one);
  const of = purchase({ codes: [one.code], lines: [line(1_000)] });
  const redeeming = createPostgresStore(slow).redeem(
    { orderId: 'ord_2', userId: 'usr_c', codes: of.codes, now: time },
    (known) => decide(known, { purchase: of, expected: inr(100) }, time),
  );
  await written;
  const releasing = store.release('ord_2', time);
  const waiting = async (): Promise<boolean> =>
    (
      await database.query(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
    ).length > 0;
  while (!(await waiting()));
  letCommit(undefined);
  expect((await redeeming).state).toBe('redeemed');
  expect(await releasing).toBe(true);
  expect(await store.find(one.id)).toMatchObject({ uses: 0, spent: 0n });
});

test('however many orders wait for a coupon, quotes are answered', async () => {
  const { promise: held, resolve: tellHeld } = Promise.withResolvers<undefined>();
  const { promise: mayEnd, resolve: letEnd } = Promise.withResolvers<undefined>();
  const [store, one] = [createPostgresStore(database), coupon()];
  await add(store, one);
  const holding = database.transaction(async (tx) => {
    await tx.query('select 1 from coupon where id = $1 for update', [one.id]);
    tellHeld(undefined);
    await mayEnd;
  });
  await held;
  const of = purchase({ codes: [one.code], lines: [line(1_000)] });
  const redeeming = Array.from({ length: 20 }, (_, index) =>
    store.redeem({ orderId: `ord_w${index}`, userId: 'usr_c', codes: of.codes, now: time }, (known) =>
      decide(known, { purchase: of, expected: inr(100) }, time),
    ),
  );
  expect(await store.findByCodes([one.code], 'usr_c')).toHaveLength(1);
  letEnd(undefined);
  await holding;
  await Promise.all(redeeming);
  expect(await store.find(one.id)).toMatchObject({ uses: 20 });
});
