import { afterEach, expect, test } from '@jest/globals';
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import { z } from 'zod';
import { BadRequestSchema, ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { AuthService, KeyService } from '#gen/only2u/user/v1/auth_pb.ts';
import { Fault } from '../fault.ts';
import { currentCall, requireUser, type User } from '../rpc/call.ts';
import type { Env, Handlers, Service } from '../service.ts';
import { openTestService, stub, type TestService } from './service.ts';

const vendor: User = { id: 'usr_1', roles: ['customer', 'vendor'], sessionId: 'ses_1' };
const customer: User = { id: 'usr_2', roles: ['customer'], sessionId: 'ses_2' };

let open: TestService | undefined;
afterEach(async () => open?.close());

async function openShop(
  answer: (env: Env) => Partial<ServiceImpl<typeof ProductService>>,
  peers: Handlers[] = [],
): Promise<TestService> {
  const service: Service<object> = {
    name: 'product',
    contract: [ProductService],
    config: z.object({}),
    open: (env) =>
      Promise.resolve({
        handlers: [stub(ProductService, answer(env))],
        close: () => Promise.resolve(),
      }),
  };
  open = await openTestService(service, { peers });
  return open;
}

async function refusal(
  work: Promise<unknown>,
): Promise<{ code: Code; reason: string | undefined; rule: string | undefined }> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (error === undefined) throw new Error('it was not refused');
  const [info] = error.findDetails(ErrorInfoSchema);
  return { code: error.code, reason: info?.reason, rule: info?.metadata['rule'] };
}

const getProduct = { key: { case: 'handle', value: 'linen-shirt' } } as const;

test('a public method is served to the gateway without a user', async () => {
  const app = await openShop(() => ({ getProduct: () => ({ product: { title: currentCall()?.caller } }) }));
  const { product } = await app.as({}).client(ProductService).getProduct(getProduct);
  expect(product?.title).toBe('gateway');
});

test('a workload that the contract does not name is refused, and told by which rule', async () => {
  const app = await openShop(() => ({}));
  const work = app.as({ caller: 'chat' }).client(ProductService).getProduct(getProduct);
  expect(await refusal(work)).toEqual({
    code: Code.PermissionDenied,
    reason: 'CALLER_NOT_GRANTED',
    rule: expect.stringMatching(/^only2u\.product\.v1\.ProductService\/GetProduct callers \[gateway/),
  });
});

test('a caller without a certificate is refused', async () => {
  const app = await openShop(() => ({}));
  const work = app.as({ caller: '' }).client(ProductService).getProduct(getProduct);
  expect(await refusal(work)).toMatchObject({ code: Code.PermissionDenied, reason: 'CALLER_NOT_GRANTED' });
});

test('a method for roles is refused to nobody and to users without the role, and served to those with it', async () => {
  const app = await openShop(() => ({ deleteProduct: () => ({}) }));
  const request = { requestId: '12345678', productId: 'prd_1' };
  const as = (user?: User) =>
    app
      .as(user === undefined ? {} : { user })
      .client(ProductService)
      .deleteProduct(request);
  expect(await refusal(as())).toMatchObject({ code: Code.Unauthenticated, reason: 'TOKEN_MISSING' });
  expect(await refusal(as(customer))).toEqual({
    code: Code.PermissionDenied,
    reason: 'ROLE_MISSING',
    rule: 'only2u.product.v1.ProductService/DeleteProduct roles [admin, vendor]',
  });
  await as(vendor);
});

test('a request that breaks the rules of its contract is refused with its fields', async () => {
  const app = await openShop(() => ({ createProduct: () => ({}) }));
  const price = { minorUnits: 1n, currency: 'rupees' };
  const error = await app
    .as({ user: vendor })
    .client(ProductService)
    .createProduct({ requestId: '12345678', product: { title: 'Shirt', variants: [{}, { price }] } })
    .catch((thrown: unknown) => ConnectError.from(thrown));
  if (!(error instanceof ConnectError)) throw new Error('it was not refused');
  expect(error.code).toBe(Code.InvalidArgument);
  expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe('INVALID_FIELDS');
  expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations.map(({ field }) => field)).toContain(
    'product.variants[1].price.currency',
  );
});

test('a fault of the handler reaches the caller, a bug only as Internal', async () => {
  const app = await openShop(() => ({
    getProduct() {
      throw new Fault('not-found', 'PRODUCT_NOT_FOUND', 'No product has this handle.');
    },
    listProducts() {
      throw new Error('the password is hunter2');
    },
  }));
  const client = app.as({}).client(ProductService);
  expect(await refusal(client.getProduct(getProduct))).toMatchObject({
    code: Code.NotFound,
    reason: 'PRODUCT_NOT_FOUND',
  });
  await expect(client.listProducts({})).rejects.toThrow(/^\[internal\] internal error$/);
});

test('streams are admitted, checked and run as part of their call', async () => {
  const app = await openShop(() => ({
    async importProducts(requests) {
      let pieces = 0;
      for await (const _ of requests) pieces++;
      expect(pieces).toBe(2);
      return {};
    },
    async *exportProducts() {
      yield { chunk: Buffer.from(requireUser().id) };
      await Promise.resolve();
      yield { chunk: Buffer.from(requireUser().id) };
    },
  }));
  const client = app.as({ user: vendor }).client(ProductService);
  async function* pieces(options: { requestId: string; currency: string }) {
    yield { piece: { case: 'options', value: options } as const };
    yield { piece: { case: 'chunk', value: new Uint8Array(3) } as const };
  }
  await client.importProducts(pieces({ requestId: '12345678', currency: 'INR' }));
  const refused = client.importProducts(pieces({ requestId: '12345678', currency: 'INRR' }));
  expect(await refusal(refused)).toMatchObject({ code: Code.InvalidArgument });
  const exported: string[] = [];
  for await (const { chunk } of client.exportProducts({})) exported.push(Buffer.from(chunk).toString());
  expect(exported).toEqual(['usr_1', 'usr_1']);
});

test('a service calls its peers as itself: what they do not grant it is refused before it is sent', async () => {
  let asked: string | undefined;
  const peers: Handlers[] = [
    stub(KeyService, {
      getKeys() {
        asked = currentCall()?.caller;
        return { jwksJson: '{}' };
      },
    }),
  ];
  const app = await openShop(
    (env) => ({
      async getProduct() {
        await env.dial(KeyService).getKeys({});
        return {};
      },
      async listProducts() {
        await env.dial(AuthService).signOut({});
        return {};
      },
    }),
    peers,
  );
  await app.as({}).client(ProductService).getProduct(getProduct);
  expect(asked).toBe('product');
  expect(await refusal(app.as({}).client(ProductService).listProducts({}))).toMatchObject({ code: Code.Internal });
});
