import { randomUUID } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, type Client } from '@connectrpc/connect';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { OrderService, type Order } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentChangedSchema } from '#gen/only2u/payment/v1/events_pb.ts';
import { PaymentMethod, PaymentStatus } from '#gen/only2u/payment/v1/payment_pb.ts';
import { newId } from '#platform/ids.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { openTestService } from '#platform/testing/service.ts';
import { orderService } from './service.ts';
import { createFakeShop, type FakeShop } from './shop.testing.ts';
import { migrations } from './store.postgres.ts';

/** The order service in memory on a database of its own, with the rest of the shop, and who calls it. For tests alone. */
export type OrderDesk = {
  readonly shop: FakeShop;
  readonly database: TestDatabase;
  /** A client of whoever calls, with these roles besides customer. */
  as(id: string, ...roles: readonly string[]): Client<typeof OrderService>;
  /** The customer that `buy` is for. */
  readonly asha: Client<typeof OrderService>;
  /** Sell var_1 and var_2. */
  readonly vendor: Client<typeof OrderService>;
  readonly otherVendor: Client<typeof OrderService>;
  readonly admin: Client<typeof OrderService>;
  /** A quote of what is in the cart. */
  quote(): Promise<string>;
  /** Places an order of what is in the cart. */
  buy(method?: PaymentMethod): Promise<Order>;
  /** Pays at the provider, and waits until the order knows. */
  pay(order: Order): Promise<Order>;
  /** Waits until the order is so. */
  until(orderId: string, is: (order: Order) => boolean): Promise<Order>;
  close(): Promise<void>;
};

export const requestId = (): string => randomUUID();

export async function openOrderDesk(): Promise<OrderDesk> {
  const database = await openTestDatabase('order_service', migrations);
  const shop = createFakeShop();
  shop.now = new Date(); // tasks are due by the database's clock
  const app = await openTestService(orderService, {
    config: {
      DATABASE_URL: database.url,
      PAGE_TOKEN_KEY: 'for tests only, 32 characters or more',
      QUOTE_KEY: 'for tests only, 32 characters or more',
    },
    peers: shop.handlers,
    now: () => shop.now,
  });
  const as = (id: string, ...roles: readonly string[]) =>
    app.as({ user: { id, roles: ['customer', ...roles], sessionId: 'ses_1' } }).client(OrderService);
  const asha = as('usr_asha');
  const admin = as('usr_a', 'admin');
  const required = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('what was asked for is missing');
    return value;
  };

  async function quote(): Promise<string> {
    return required((await asha.quoteOrder({ addressId: 'adr_1' })).quote).quoteToken;
  }

  async function until(orderId: string, is: (order: Order) => boolean): Promise<Order> {
    for await (const { order } of admin.watchOrder({ orderId })) if (order !== undefined && is(order)) return order;
    throw new Error('the order came to rest before');
  }

  return {
    shop,
    database,
    as,
    asha,
    vendor: as('usr_v', 'vendor'),
    otherVendor: as('usr_w', 'vendor'),
    admin,
    quote,
    async buy(paymentMethod = PaymentMethod.ONLINE) {
      return required(
        (await asha.placeOrder({ requestId: requestId(), quoteToken: await quote(), paymentMethod })).order,
      );
    },
    async pay(order) {
      if (!shop.pay(order.id)) throw new Error('the payment was canceled before');
      const captured = { minorUnits: shop.captured(order.id), currency: 'INR' };
      const status = PaymentStatus.CAPTURED;
      const event = create(PaymentChangedSchema, { orderId: order.id, status, amount: captured, captured });
      const body = toBinary(PaymentChangedSchema, event);
      const { typeName: topic } = PaymentChangedSchema;
      const message = { id: newId('evt'), topic, key: order.id, body, traceparent: '', time: shop.now };
      await app.bus.publish([message]);
      return until(order.id, ({ status }) => status !== order.status);
    },
    until,
    async close() {
      await app.close();
      await database.close();
    },
  };
}

export type Refusal = {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
};

/** How a call was refused; throws when it was not. */
export async function refusal(work: Promise<unknown>): Promise<Refusal> {
  const error = await work.then(
    () => {
      throw new Error('the call was not refused');
    },
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw error;
  const [info] = error.findDetails(ErrorInfoSchema);
  const { rawMessage: message } = error;
  return { code: Code[error.code], reason: info?.reason ?? '', message, metadata: info?.metadata ?? {} };
}
