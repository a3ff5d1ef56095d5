import { create, createFileRegistry, type DescService, getOption } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contracts } from '#gen/contracts.ts';
import { Access, method as methodOption } from '#gen/only2u/mesh/v1/policy_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { AuthService } from '#gen/only2u/user/v1/auth_pb.ts';
import { decide, policyOf, serviceConfigOf, workloadServing } from './policy.ts';

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

const methods = contracts.flatMap((contract) => contract.methods);
const roles = ['customer', 'vendor', 'influencer', 'reseller', 'admin'];
const callers = ['gateway', 'order', 'cart', 'chat', 'operator', 'product', 'user', ''];

test('a policy says what its contract says', () => {
  expect(policyOf(ProductService.method.getProduct)).toEqual({
    path: 'only2u.product.v1.ProductService/GetProduct',
    callers: new Set(getOption(ProductService.method.getProduct, methodOption).callers),
    access: 'public',
    roles: new Set(),
    timeoutMs: 2000,
    limits: [{ scope: 'address', requests: 6000, windowMs: 60_000 }],
    cache: { maxAgeMs: 5000, shared: true },
    concurrency: 0,
    essential: false,
    idempotency: 'no-side-effects',
  });
  expect(policyOf(AuthService.method.signIn)).toMatchObject({ concurrency: 64, idempotency: 'idempotent' });
  expect(workloadServing(AuthService)).toBe('user');
});

test('every method is allowed to exactly whom its contract names', () => {
  const user = fc.option(
    fc.record({ id: fc.constant('usr_1'), sessionId: fc.constant('ses_1'), roles: fc.subarray(roles) }),
    { nil: undefined },
  );
  fc.assert(
    fc.property(fc.constantFrom(...methods), fc.constantFrom(...callers), user, (method, caller, asUser) => {
      const option = getOption(method, methodOption);
      const granted = caller !== '' && (option.callers.includes('*') || option.callers.includes(caller));
      const admitted =
        option.access === Access.PUBLIC ||
        option.access === Access.INTERNAL ||
        (option.access === Access.USER && asUser !== undefined) ||
        (option.access === Access.ROLES && asUser?.roles.some((role) => option.roles.includes(role)) === true);
      expect(decide(policyOf(method), caller, asUser) === 'allowed').toBe(granted && admitted);
    }),
    { numRuns: 2000 },
  );
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
    rule: `${path} roles [vendor, admin]`,
  });
});

test('what a contract does not grant is refused to everybody', () => {
  const [method] = serviceWithoutPolicy('only2u.test.v1').methods;
  if (method === undefined) throw new Error('no method');
  for (const caller of callers) expect(decide(policyOf(method), caller, undefined)).not.toBe('allowed');
});

test('health and reflection are open to the whole mesh and to nobody else', () => {
  for (const pkg of ['grpc.health.v1', 'grpc.reflection.v1', 'grpc.reflection.v1alpha']) {
    const [method] = serviceWithoutPolicy(pkg).methods;
    if (method === undefined) throw new Error('no method');
    expect(policyOf(method).essential).toBe(true);
    expect(decide(policyOf(method), 'chat', undefined)).toBe('allowed');
    expect(decide(policyOf(method), '', undefined)).not.toBe('allowed');
  }
});

test('clients retry what is safe to repeat, only when nobody answered, and nothing else', () => {
  const { methodConfig } = serviceConfigOf([...contracts, serviceWithoutPolicy('only2u.test.v1')]);
  const of = (service: DescService, method: string) =>
    methodConfig.find(({ name }) => name[0]?.service === service.typeName && name[0].method === method);
  expect(of(ProductService, 'GetProduct')).toMatchObject({
    timeout: { seconds: 2, nanos: 0 },
    retryPolicy: { maxAttempts: 3, retryableStatusCodes: ['UNAVAILABLE'] },
  });
  expect(of(ProductService, 'ImportProducts')).not.toHaveProperty('retryPolicy');
  expect(methodConfig.at(-1)).toEqual({ name: [{ service: 'only2u.test.v1.Test', method: 'Do' }] });
});
