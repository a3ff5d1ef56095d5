import { randomUUID } from 'node:crypto';
import { type DescMessage, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, type Client } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { CategoryService } from '#gen/only2u/product/v1/category_pb.ts';
import { ProductService, ProductStatus, type Product, type ProductSchema } from '#gen/only2u/product/v1/product_pb.ts';
import type { Subscribing } from '#platform/event-bus.ts';
import { openTestDatabase } from '#platform/testing/database.ts';
import { openTestService, type TestService } from '#platform/testing/service.ts';
import { productService } from './service.ts';
import { migrations } from './store.postgres.ts';

type Clients = {
  readonly products: Client<typeof ProductService>;
  readonly categories: Client<typeof CategoryService>;
};

/** The product service in memory on a database of its own, and who calls it. For tests alone. */
export type ProductShop = {
  readonly app: TestService;
  readonly guest: Clients;
  readonly customer: Clients;
  /** usr_v */
  readonly vendor: Clients;
  /** usr_w */
  readonly otherVendor: Clients;
  readonly admin: Clients;
  /** A product of usr_v. */
  create(product?: MessageInitShape<typeof ProductSchema>): Promise<Product>;
  /** Has the service handle an event of others, now. */
  tell<S extends DescMessage>(schema: S, event: MessageShape<S>, id?: string): Promise<void>;
  close(): Promise<void>;
};

export const requestId = (): string => randomUUID();

export const inr = (minorUnits: bigint) => ({ minorUnits, currency: 'INR' });

/** The least that a product needs. */
export const shirt = {
  title: 'Plain Shirt',
  status: ProductStatus.PUBLISHED,
  variants: [{ price: inr(49_900n) }],
} satisfies MessageInitShape<typeof ProductSchema>;

/** `more` is configuration, such as REDIS_URL. */
export async function openProductShop(more: Readonly<Record<string, unknown>> = {}): Promise<ProductShop> {
  const database = await openTestDatabase('product', migrations);
  const subscriptions: Subscribing[] = [];
  const service: typeof productService = {
    ...productService,
    open(env) {
      const events: typeof env.events = {
        ...env.events,
        subscribe(subscribing) {
          subscriptions.push(subscribing);
          return env.events.subscribe(subscribing);
        },
      };
      return productService.open({ ...env, events });
    },
  };
  const app = await openTestService(service, {
    config: { DATABASE_URL: database.url, PAGE_TOKEN_KEY: 'for tests only, 32 characters or more', ...more },
  });
  const as = (id: string, ...roles: readonly string[]): Clients => {
    const caller = app.as(id === '' ? {} : { user: { id, roles, sessionId: 'ses_1' } });
    return { products: caller.client(ProductService), categories: caller.client(CategoryService) };
  };
  const vendor = as('usr_v', 'vendor');
  return {
    app,
    guest: as(''),
    customer: as('usr_c', 'customer'),
    vendor,
    otherVendor: as('usr_w', 'vendor'),
    admin: as('usr_a', 'admin'),
    async create(product = shirt) {
      const made = await vendor.products.createProduct({ requestId: requestId(), product: { ...shirt, ...product } });
      if (made.product === undefined) throw new Error('the product that was made is missing');
      return made.product;
    },
    async tell(schema, event, id = randomUUID()) {
      const about = { id, topic: schema.typeName, key: '', traceparent: '', time: new Date() };
      const message = { ...about, body: toBinary(schema, event) };
      const listening = subscriptions.filter(({ topics }) => topics.includes(schema.typeName));
      for (const { handle } of listening) await handle(message, new AbortController().signal);
    },
    async close() {
      await app.close();
      await database.close();
    },
  };
}

export type Refusal = { readonly code: string; readonly reason: string; readonly fields: readonly string[] };

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
  const [bad] = error.findDetails(BadRequestSchema);
  return {
    code: Code[error.code],
    reason: info?.reason ?? '',
    fields: bad?.fieldViolations.map(({ field }) => field) ?? [],
  };
}
