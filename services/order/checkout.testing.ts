import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import { create, toBinary } from '@bufbuild/protobuf';
import { PurchaseSchema } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import type { Database, Sql } from '#platform/database.postgres.ts';
import { newId } from '#platform/ids.ts';
import { runDueTasks } from '#platform/tasks.postgres.ts';
import { changeWith } from '#platform/change.postgres.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { createCheckout, type AdvanceOptions, type Checkout } from './checkout.grpc.ts';
import { notePayment, placeOrder } from './order-checkout.ts';
import { totalOf, type Order, type PaymentMethod } from './order.ts';
import { sampleLine, samplePart, sampleQuote } from './quote.samples.ts';
import { createFakeShop, type FakeShop } from './shop.testing.ts';
import { advanceTask, createPostgresOrders, migrations, orderChange } from './store.postgres.ts';
import type { OrderStore } from './store.ts';
import { createAdvanceTask } from './tasks.ts';

export type Asked = { readonly method?: PaymentMethod; readonly coupon?: boolean };

type Opened = {
  readonly store: OrderStore;
  readonly checkout: Checkout;
  /** Does what is due by the shop's clock. */
  readonly runDue: () => Promise<unknown>;
};

/** The checkout on a database of its own, with the rest of the shop and a clock that the test moves. For tests alone. */
export type CheckoutBench = {
  shop: FakeShop;
  /** Called before each statement of the store; may throw, as a connection that is lost does. */
  beforeStatement: () => void;
  readonly statements: readonly string[];
  readonly database: TestDatabase;
  open(): Opened;
  /** Two pieces of var_1. */
  makeOrder(asked?: Asked): Order;
  place(asked?: Asked): Promise<Opened & { readonly order: Order }>;
  reload(id: string): Promise<Order>;
  /** What the payment service tells of a payment. */
  tell(order: Order): Promise<void>;
  later(ms: number): void;
  /** What has to hold of an order that came to rest. */
  assertBooks(order: Order): void;
  close(): Promise<void>;
};

export const windowMs = 15 * 60_000;

/** What a request that nobody looks at again is known by. */
export const traced = () => ({ fingerprint: new Uint8Array(32), quote: randomBytes(16) });

export const inline = (): AdvanceOptions => ({ signal: AbortSignal.timeout(60_000), schedules: true });

export async function openCheckoutBench(): Promise<CheckoutBench> {
  const database = await openTestDatabase('order_service', migrations);
  const statements: string[] = [];

  function meddled(): Database {
    const wrap = (sql: Sql): Sql => ({
      async query(text, values) {
        bench.beforeStatement();
        statements.push(text);
        return sql.query(text, values);
      },
    });
    return {
      ...database,
      ...wrap(database),
      transaction: (work, options) =>
        database.transaction(async (tx) => {
          // Marks of a commit hang on the transaction itself, so it is changed and not wrapped.
          const { query } = wrap({ query: tx.query });
          return work(Object.assign(tx, { query }));
        }, options),
    };
  }

  const bench: CheckoutBench = {
    shop: createFakeShop(),
    beforeStatement: () => undefined,
    statements,
    database,

    open() {
      const store = createPostgresOrders({ database: meddled(), changed: () => undefined });
      const now = () => bench.shop.now;
      const { peers } = bench.shop;
      const checkout = createCheckout({ store, peers, paymentWindowMs: windowMs, now, newId });
      const handlers = { [advanceTask]: createAdvanceTask({ store, checkout, now }) };
      return { store, checkout, runDue: () => runDueTasks({ database, handlers, now }) };
    },

    makeOrder({ method = 'online', coupon = false } = {}) {
      const discount = coupon ? 1_000n : 0n;
      const lines = [sampleLine({ vendorId: 'usr_v', quantity: 2, unitPrice: 40_000n, discount })];
      const coupons = coupon ? [{ code: 'WELCOME', amount: 1_000n }] : [];
      const quote = sampleQuote({ parts: [samplePart({ vendorId: 'usr_v', lines })], coupons });
      const said = create(PurchaseSchema, {
        userId: 'usr_asha',
        codes: ['WELCOME'],
        lines: [{ variantId: 'var_1', productId: 'prd_1', vendorId: 'usr_v', quantity: 2 }],
      });
      return placeOrder(quote, {
        id: newId('ord'),
        userId: 'usr_asha',
        requestId: newId('req'),
        method,
        purchase: coupon ? Buffer.from(toBinary(PurchaseSchema, said)).toString('base64') : '',
        now: bench.shop.now,
        newId,
      });
    },

    async place(asked) {
      const opened = bench.open();
      const placed = bench.makeOrder(asked);
      await opened.store.insert(placed, traced());
      return { ...opened, order: await opened.checkout.advance(placed, inline()) };
    },

    async reload(id) {
      const order = await createPostgresOrders({ database, changed: () => undefined }).find(id);
      if (order === undefined) throw new Error('the order is gone');
      return order;
    },

    async tell({ id }) {
      const { shop } = bench;
      const change = await orderChange(database, id, (found) => notePayment(found, shop.captured(id), shop.now));
      if (change !== undefined) await changeWith(database, change);
    },

    later(ms) {
      bench.shop.now = new Date(bench.shop.now.getTime() + ms);
    },

    assertBooks(order) {
      const { shop } = bench;
      const kept = order.status !== 'canceled';
      const pieces = order.parts.flatMap((part) => part.lines).reduce((n, line) => n + line.quantity, 0);
      expect({
        sold: shop.sold(),
        held: shop.held(),
        stock: shop.stock.get('var_1'),
        couponUses: 10 - shop.couponUsesLeft,
        money: shop.captured(order.id) - shop.refunded(order.id),
      }).toEqual({
        sold: kept ? pieces : 0,
        held: 0,
        stock: kept ? 10 - pieces : 10,
        couponUses: kept && order.coupons.length > 0 ? 1 : 0,
        money: kept && order.method === 'online' ? totalOf(order) : 0n,
      });
    },

    close: () => database.close(),
  };
  return bench;
}
