import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DescService } from '@bufbuild/protobuf';
import { type Client, createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { KeyService, OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import { type Role } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import { type Dial, type RunOptions, startShop } from '#platform/run.ts';
import { createTestDatabase } from '#platform/testing/database.ts';
import { services } from '#services/all.ts';
import { unsettled } from './audit.ts';
import { engineQuietMs, openShopEngines } from './shop-engines.ts';
import { startShopProcesses } from './shop-processes.ts';

/** What the gateway answered. */
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  // What came is JSON of any shape; tests say what they expect of it.
  readonly body: JsonBody;
};

export type JsonBody = { readonly [name: string]: JsonBody } & { readonly [index: number]: JsonBody };

export type Account = {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly token: string;
};

/** The whole shop with mutual TLS between its services, on free ports and a database of its own, as curl sees it. */
export type TestShop = {
  readonly url: string;
  addressOf(service: string): string;
  /** The folder with the development CA's certificates. */
  readonly dataDir: string;
  /** Clients as the workload "operator". */
  readonly dial: Dial;
  /** POSTs JSON to "ProductService/GetProduct" or the like; `package` is found by the service's name. */
  call(
    method: string,
    body: object,
    options?: { readonly token?: string; readonly headers?: Record<string, string> },
  ): Promise<Answer>;
  /** A typed client of the edge, as JSON, with the token of whoever calls. */
  client<S extends DescService>(contract: S, token?: string): Client<S>;
  /** Resolves when nothing is left to be done: no event on its way, no task due, no order or refund half done. */
  settled(): Promise<void>;
  /** Where a service keeps its data. */
  databaseUrlOf(service: string): string;
  /** Signs somebody up, with a role besides customer if one is named. */
  signUp(role?: Role): Promise<Account>;
  /** Ends all services and starts them again on the same data, at other ports: make clients anew. */
  restart(): Promise<void>;
  close(): Promise<void>;
};

const packages: Readonly<Record<string, string>> = {
  AuthService: 'only2u.user.v1',
  UserService: 'only2u.user.v1',
  ProductService: 'only2u.product.v1',
  CategoryService: 'only2u.product.v1',
  InventoryService: 'only2u.product.v1',
  CartService: 'only2u.cart.v1',
  CouponService: 'only2u.coupon.v1',
  OrderService: 'only2u.order.v1',
  PaymentService: 'only2u.payment.v1',
  TestProviderService: 'only2u.payment.v1',
};

const settleWithinMs = { here: 20_000, onEngines: 90_000 };

/** What the shop's tokens come from. */
export const userSecret = 'a secret of thirty-two bytes or more, for tests';

const octet = () => randomInt(256);

export async function openTestShop(
  variables: Readonly<Record<string, string>> = {},
  names: readonly string[] = services.map(({ name }) => name),
): Promise<TestShop> {
  const folder = await mkdtemp(join(tmpdir(), 'only2u-test-'));
  const database = await createTestDatabase();
  const engines = process.env['TEST_SHOP'] === 'engines' ? await openShopEngines() : undefined;
  const options: RunOptions = {
    entries: services,
    names,
    variables: {
      ONLY2U_DATA: folder,
      DATABASE_URL: database.url,
      QUOTE_KEY: 'a key of thirty-two bytes or more, for tests',
      PAGE_TOKEN_KEY: 'a key of thirty-two bytes or more, for tests',
      USER_SECRET: userSecret,
      ADMIN_PORT: '0',
      LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'fatal',
      GATEWAY_RATE_LIMITS: 'off',
      TEST_PROVIDER: 'on',
      GATEWAY_TRUSTED_PROXIES: '127.0.0.1', // so that each caller has an address of its own
      ...Object.fromEntries(services.map(({ name }) => [`${name.toUpperCase()}_PORT`, '0'])),
      ...engines?.variables,
      ...variables,
    },
    fetchKeys: async (dial) => (await dial(KeyService).getKeys({})).jwksJson,
  };
  const run = engines === undefined ? runHere : startShopProcesses; // several of each service on engines
  let shop = await run(options).catch(async (error: unknown) => {
    await engines?.close(); // an open connection would keep the tests' process
    await database.close();
    throw error;
  });
  const addressOf = (name: string): string => shop.addressOf(name);
  const test: TestShop = {
    get url() {
      return `http://${addressOf('gateway')}`;
    },
    addressOf,
    dataDir: folder,
    dial: (contract, workload) => shop.dial(contract, workload), // also what it may not call: the server says so
    async call(method, body, { token, headers = {} } = {}) {
      const [service = ''] = method.split('/');
      const response = await fetch(`${test.url}/${packages[service] ?? ''}.${method}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-forwarded-for': `10.${octet()}.${octet()}.${octet()}`,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
    },
    client(contract, token) {
      const sign: Interceptor = (next) => (request) => {
        request.header.set('x-forwarded-for', `10.${octet()}.${octet()}.${octet()}`);
        if (token !== undefined) request.header.set('authorization', `Bearer ${token}`);
        return next(request);
      };
      const transport = { baseUrl: test.url, httpVersion: '1.1', useBinaryFormat: false } as const;
      return createClient(contract, createConnectTransport({ ...transport, interceptors: [sign] }));
    },
    async settled() {
      const quietMs = engines === undefined ? 0 : engineQuietMs;
      const giveUpMs = Date.now() + (engines === undefined ? settleWithinMs.here : settleWithinMs.onEngines);
      let quietSinceMs: number | undefined;
      for (;;) {
        const lookedMs = Date.now();
        const open = [...((await engines?.unsettled()) ?? []), ...(await unsettled(() => database.url))];
        quietSinceMs = open.length > 0 ? undefined : (quietSinceMs ?? lookedMs);
        if (quietSinceMs !== undefined && lookedMs - quietSinceMs >= quietMs) return;
        if (Date.now() > giveUpMs) throw new Error(`still open: ${open.join('; ')}`);
        await pause(engines === undefined ? 50 : 250); // between two looks
      }
    },
    databaseUrlOf: () => database.url,
    async signUp(role) {
      const email = `${newId('mail')}@example.com`;
      const password = newId('pass');
      const { status, body } = await test.call('AuthService/SignUp', {
        requestId: newId('req'),
        email,
        password,
        displayName: 'Asha',
      });
      if (status !== 200) throw new Error(`sign-up was refused: ${JSON.stringify(body)}`);
      if (role !== undefined) {
        await shop.dial(OperatorService).grantRole({ requestId: newId('req'), email, password, role });
      }
      const signedIn = await test.call('AuthService/SignIn', { requestId: newId('req'), email, password });
      return {
        id: String(body['user']?.['id']),
        email,
        password,
        token: String(signedIn.body['tokens']?.['accessToken']),
      };
    },
    async restart() {
      await shop.close();
      shop = await run(options);
    },
    async close() {
      await shop.close();
      await engines?.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return test;
}

type Running = { addressOf(service: string): string; readonly dial: Dial; close(): Promise<void> };

/** All services in this process, on the embedded defaults. */
async function runHere(options: RunOptions): Promise<Running> {
  const shop = await startShop(options);
  const dial = await shop.dialAsOperator();
  return {
    addressOf: (name) => shop.addresses.get(name) ?? '',
    dial: (contract, workload) => dial(contract, workload) as Client<typeof contract>, // also what it may not call: the server says so
    close: () => shop.close(),
  };
}
