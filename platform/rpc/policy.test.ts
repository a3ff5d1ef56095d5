import { create, createFileRegistry, type DescService, getOption } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import { expect, test } from '@jest/globals';
import { contractFiles } from '#gen/contracts.ts';
import { Health } from '#gen/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb.ts';
import { method as methodOption } from '#gen/only2u/mesh/v1/policy_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { AuthService } from '#gen/only2u/user/v1/auth_pb.ts';
import { createPolicies, decide, isAudited, policyOf, serviceConfigOf, workloadsServing } from './policy.ts';

/** A service of one method that has no policy in its contract. */
function serviceWithoutPolicy(pkg: string): DescService {
  const file = create(FileDescriptorProtoSchema, {
    name: 'test.proto',
    syntax: 'proto3',
    package: pkg,
    messageType: [{ name: 'Empty' }],
    service: [
      {
        name: 'Test',
        method: [
          create(MethodDescriptorProtoSchema, {
            name: 'Do',
            inputType: `.${pkg}.Empty`,
            outputType: `.${pkg}.Empty`,
            options: create(MethodOptionsSchema, {}),
          }),
        ],
      },
    ],
  });
  const service = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getService(`${pkg}.Test`);
  if (service === undefined) throw new Error('the descriptor was not built');
  return service;
}

const callers = ['gateway', 'order', 'cart', 'chat', 'operator', 'product', 'user', ''];

test('a policy says what its contract says', () => {
  expect(policyOf(ProductService.method.getProduct)).toEqual({
    path: 'only2u.product.v1.ProductService/GetProduct',
    callers: new Set(getOption(ProductService.method.getProduct, methodOption).callers),
    access: 'public',
    roles: new Set(),
    timeoutMs: 2000,
    limits: [{ scope: 'address', requests: 6000, windowMs: 60_000 }],
    cache: {
      maxAgeMs: 5000,
      shared: true,
      invalidatedBy: ['ProductChanged', 'ProductDeleted'].map((name) => ({
        event: `only2u.product.v1.${name}`,
        field: 'product.id',
      })),
    },
    concurrency: 0,
    open: true,
    essential: false,
    idempotency: 'no-side-effects',
  });
  expect(policyOf(AuthService.method.signIn)).toMatchObject({ concurrency: 64, idempotency: 'idempotent' });
  expect(workloadsServing(AuthService)).toEqual(['user']);
});

test('a refusal names the rule', () => {
  const policy = { ...policyOf(ProductService.method.updateProduct), callers: new Set(['gateway', 'operator']) };
  const customer = { id: 'usr_1', sessionId: 'ses_1', roles: ['customer'] };
  const path = 'only2u.product.v1.ProductService/UpdateProduct';
  expect(decide(policy, 'chat', customer)).toEqual({
    reason: 'CALLER_NOT_GRANTED',
    rule: `${path} callers [gateway, operator]`,
  });
  expect(decide(policy, 'gateway', undefined)).toEqual({ reason: 'SIGN_IN_REQUIRED', rule: `${path} access roles` });
  expect(decide(policy, 'gateway', customer)).toEqual({
    reason: 'ROLE_MISSING',
    rule: `${path} roles [admin, vendor]`,
  });
});

test('what a contract does not grant is refused to everybody', () => {
  const [method] = serviceWithoutPolicy('only2u.test.v1').methods;
  if (method === undefined) throw new Error('no method');
  for (const caller of callers) expect(decide(policyOf(method), caller, undefined)).not.toBe('allowed');
});

test('health and reflection are open to the whole mesh and to nobody else', () => {
  for (const method of [...Health.methods, ...ServerReflection.methods]) {
    expect(policyOf(method).essential).toBe(true);
    expect(decide(policyOf(method), 'cart', undefined)).toBe('allowed');
    for (const stranger of ['', '*', 'rogue']) {
      expect(decide(policyOf(method), stranger, undefined)).not.toBe('allowed');
    }
  }
});

test('what is enforced is the table that is handed in', () => {
  const path = 'only2u.product.v1.ProductService/GetProduct';
  const of = createPolicies({ [path]: { callers: ['cart'], access: 'user', idempotency: 'none' } });
  expect(of(ProductService.method.getProduct)).toMatchObject({ path, callers: new Set(['cart']), access: 'user' });
  expect(of(ProductService.method.listProducts)).toMatchObject({ callers: new Set() });
});

test('clients retry what is safe to repeat, only when nobody answered, and nothing else', () => {
  const { methodConfig } = serviceConfigOf('product');
  const of = (method: string) => methodConfig.find(({ name }) => name.some((each) => each.method === method));
  expect(of('GetProduct')).toMatchObject({
    timeout: '2s',
    retryPolicy: { maxAttempts: 3, retryableStatusCodes: ['UNAVAILABLE'] },
  });
  expect(of('ImportProducts')).not.toHaveProperty('retryPolicy');
});

/** The shop's methods whose calls are audited, as "OperatorService/GrantRole". */
function auditedMethods(caller: string, roles: readonly string[]): string[] {
  const user = { id: 'usr_a', sessionId: 'ses_a', roles };
  return contractFiles
    .flatMap((file) => file.services.flatMap((service) => service.methods))
    .map(policyOf)
    .filter((policy) => decide(policy, caller, user) === 'allowed' && isAudited(policy, caller, user))
    .map(({ path }) => path.slice(path.lastIndexOf('.') + 1))
    .sort();
}

test('an operator’s calls that change something are audited', () => {
  expect(auditedMethods('operator', ['admin'])).toMatchInlineSnapshot(`
    [
      "DeadLetterService/DropDeadLetter",
      "DeadLetterService/ReplayDeadLetter",
      "OperatorService/GrantRole",
      "OperatorService/IssueToken",
      "OperatorService/RotateKeys",
      "ProductService/ImportProducts",
      "SearchIndexService/RebuildSearchIndex",
    ]
  `);
});

test('an admin’s calls that change something are audited, also where handlers alone look at roles', () => {
  expect(auditedMethods('gateway', ['customer', 'admin'])).toMatchInlineSnapshot(`
    [
      "AuthService/ChangePassword",
      "AuthService/RevokeSession",
      "AuthService/SignOut",
      "CartService/MergeCart",
      "CategoryService/CreateCategory",
      "CategoryService/DeleteCategory",
      "CategoryService/UpdateCategory",
      "CouponService/CreateCoupon",
      "CouponService/DeleteCoupon",
      "CouponService/UpdateCoupon",
      "InventoryService/AdjustStock",
      "OrderService/CancelOrder",
      "OrderService/PlaceOrder",
      "OrderService/RequestReturn",
      "OrderService/ResolveReturn",
      "OrderService/UpdateFulfillment",
      "PaymentService/CapturePayment",
      "ProductService/CreateProduct",
      "ProductService/DeleteProduct",
      "ProductService/ImportProducts",
      "ProductService/UpdateProduct",
      "UserService/CreateAddress",
      "UserService/DeleteAddress",
      "UserService/DeleteUser",
      "UserService/UpdateAddress",
      "UserService/UpdateUser",
    ]
  `);
});

test('nobody else’s calls are audited', () => {
  expect(auditedMethods('gateway', ['customer', 'vendor', 'influencer', 'reseller'])).toEqual([]);
  for (const caller of ['order', 'payment', 'product'])
    expect(auditedMethods(caller, ['customer', 'vendor'])).toEqual([]);
});

test('what a service calls for an admin in turn is not audited again', () => {
  for (const caller of ['cart', 'coupon', 'order', 'payment', 'product', 'user'])
    expect(auditedMethods(caller, ['admin'])).toEqual([]);
});
