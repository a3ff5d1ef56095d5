import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyService, OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import { type Role } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import { type Dial, startShop } from '#platform/run.ts';
import { createTestDatabase } from '#platform/testing/database.ts';
import { services } from '#services/all.ts';

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
  /** Signs somebody up, with a role besides customer if one is named. */
  signUp(role?: Role): Promise<Account>;
  close(): Promise<void>;
};

const packages: Readonly<Record<string, string>> = {
  AuthService: 'only2u.user.v1',
  UserService: 'only2u.user.v1',
  ProductService: 'only2u.product.v1',
  CategoryService: 'only2u.product.v1',
  InventoryService: 'only2u.product.v1',
};

const octet = () => randomInt(256);

export async function openTestShop(variables: Readonly<Record<string, string>> = {}): Promise<TestShop> {
  const folder = await mkdtemp(join(tmpdir(), 'only2u-test-'));
  const database = await createTestDatabase();
  const shop = await startShop({
    entries: services,
    names: services.map(({ name }) => name),
    variables: {
      ONLY2U_DATA: folder,
      DATABASE_URL: database.url,
      PAGE_TOKEN_KEY: 'a key of thirty-two bytes or more, for tests',
      USER_SECRET: 'a secret of thirty-two bytes or more, for tests',
      ADMIN_PORT: '0',
      LOG_LEVEL: 'fatal',
      GATEWAY_RATE_LIMITS: 'off',
      GATEWAY_TRUSTED_PROXIES: '127.0.0.1', // so that each caller has an address of its own
      ...Object.fromEntries(services.map(({ name }) => [`${name.toUpperCase()}_PORT`, '0'])),
      ...variables,
    },
    fetchKeys: async (dial) => (await dial(KeyService).getKeys({})).jwksJson,
  });
  const addressOf = (name: string): string => shop.addresses.get(name) ?? '';
  const url = `http://${addressOf('gateway')}`;
  const dial = await shop.dialAsOperator();
  const test: TestShop = {
    url,
    addressOf,
    dataDir: folder,
    dial,
    async call(method, body, { token, headers = {} } = {}) {
      const [service = ''] = method.split('/');
      const response = await fetch(`${url}/${packages[service] ?? ''}.${method}`, {
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
        await dial(OperatorService).grantRole({ requestId: newId('req'), email, password, role });
      }
      const signedIn = await test.call('AuthService/SignIn', { requestId: newId('req'), email, password });
      return {
        id: String(body['user']?.['id']),
        email,
        password,
        token: String(signedIn.body['tokens']?.['accessToken']),
      };
    },
    async close() {
      await shop.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return test;
}
