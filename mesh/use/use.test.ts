import { resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { compile } from '../compile.ts';
import { findingText } from '../contracts/finding.ts';
import { createModel, type MeshModel } from '../model.ts';
import { type Call, useFindings } from './use.ts';
import { callsIn } from './declared.ts';
import { typescriptCalls } from './typescript.ts';

/** Four grants: one each to cart and order, one to everybody, one to the edge and order. */
const shoe = `syntax = "proto3";
package only2u.shoe.v1;
import "only2u/mesh/v1/policy.proto";
service ShoeService {
  option (only2u.mesh.v1.service) = {workload: "shoe"};
  rpc GetShoe(GetShoeRequest) returns (GetShoeResponse) {
    option (only2u.mesh.v1.method) = {callers: ["cart", "order"] access: ACCESS_INTERNAL};
  }
  rpc CountShoes(CountShoesRequest) returns (CountShoesResponse) {
    option (only2u.mesh.v1.method) = {callers: ["*"] access: ACCESS_INTERNAL};
  }
  rpc BuyShoe(BuyShoeRequest) returns (BuyShoeResponse) {
    option (only2u.mesh.v1.method) = {callers: ["gateway", "order"] access: ACCESS_USER};
  }
}
message GetShoeRequest {}
message GetShoeResponse {}
message CountShoesRequest {}
message CountShoesResponse {}
message BuyShoeRequest {}
message BuyShoeResponse {}
`;

let model: MeshModel;
beforeAll(() => {
  model = createModel(compile({ 'only2u/shoe/v1/shoe.proto': shoe }));
});

/** What is found about ShoeService. */
function findings(calls: readonly Call[]): string[] {
  return useFindings(model, calls, 'proto')
    .map((each) => findingText(each, 'proto'))
    .filter((text) => text.includes('shoe'));
}

const path = (name: string): string => `only2u.shoe.v1.ShoeService/${name}`;
const used: readonly Call[] = [
  { by: ['cart'], method: path('GetShoe'), at: 'services/cart/shoes.grpc.ts:3' },
  { by: ['order'], method: path('GetShoe'), at: 'services/order/shoes.grpc.ts:3' },
  { by: ['order'], method: path('BuyShoe'), at: 'services/order/shoes.grpc.ts:4' },
  { by: ['product'], method: path('CountShoes'), at: 'services/product/shoes.grpc.ts:4' },
];

test('where everything granted is called, and everything called granted, nothing is found', () => {
  expect(findings(used)).toEqual([]);
});

test('a grant that nobody uses is found at its line of the contract', () => {
  expect(findings(used.slice(1))).toEqual([
    `proto/only2u/shoe/v1/shoe.proto:7 grant-without-call: ${path('GetShoe')} is granted to "cart", but it never calls it: take "cart" out of its callers`,
  ]);
});

test('what is granted to everybody is found when nobody at all calls it', () => {
  expect(findings(used.slice(0, 3))).toEqual([
    `proto/only2u/shoe/v1/shoe.proto:10 grant-without-call: ${path('CountShoes')} is granted to "*", but nobody calls it: take "*" out of its callers`,
  ]);
});

test('a call without a grant is found at its line of the code', () => {
  const call = { by: ['coupon'], method: path('GetShoe'), at: 'services/coupon/shoes.grpc.ts:9' };
  expect(findings([...used, call])).toEqual([
    `call-without-grant: services/coupon/shoes.grpc.ts:9 calls ${path('GetShoe')} as coupon, to whom nothing grants it: add "coupon" to the callers at proto/only2u/shoe/v1/shoe.proto:7, or do without the call`,
  ]);
});

test('a call of what no contract has is found', () => {
  const call = { by: ['coupon'], method: path('EatShoe'), at: 'services/coupon/calls.json:3' };
  expect(findings([...used, call])).toEqual([
    `call-of-nothing: services/coupon/calls.json:3 calls ${path('EatShoe')}, which no contract has`,
  ]);
});

describe('calls in TypeScript', () => {
  const imports = `import type { Client } from '@connectrpc/connect';
import type { DescService } from '@bufbuild/protobuf';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
declare function dial<S extends DescService>(contract: S): ClientFor<'cart', S>;
declare function dialAny<S extends DescService>(contract: S): Client<S>;
`;
  let calls: readonly Call[];
  const callsOf = (name: string) => calls.filter(({ at }) => at.startsWith(name));

  beforeAll(() => {
    calls = typescriptCalls({
      root: resolve(import.meta.dirname, '../..'),
      model,
      reads: () => false,
      more: {
        'services/cart/fixture-called.ts': `${imports}
const products: Pick<ClientFor<'cart', typeof ProductService>, 'batchGetVariants'> = dial(ProductService);
export const found = () => products.batchGetVariants({ variantIds: [] });`,
        'services/cart/fixture-handed-on.ts': `${imports}
export const handed = { find: dial(ProductService).batchGetVariants };`,
        'services/cart/fixture-apart.ts': `${imports}
const { quoteCoupon: quote, quoteCoupon } = dial(CouponService);
export const found = () => [quoteCoupon({}), dial(CouponService)['quoteCoupon']({})];`,
        'services/cart/fixture-cast.ts': `${imports}
const products = dial(ProductService) as unknown as Client<typeof ProductService>;
export const deleted = () => products.deleteProduct({ productId: 'prd_1' });
export const exported = () => products.exportProducts({});`,
        'services/fixture-process.ts': `${imports}
export const found = () => dialAny(CouponService).quoteCoupon({});`,
        'tools/fixture-command.ts': `${imports}
export const found = () => dialAny(CouponService).quoteCoupon({});`,
        'services/cart/fixture-other.ts': `
type Cupboard = { quoteCoupon(of: string, options?: { timeoutMs: number }): Promise<string> };
export const found = (cupboard: Cupboard) => cupboard.quoteCoupon('x');`,
        'services/cart/fixture.test.ts': `${imports}
export const found = () => dial(CouponService).quoteCoupon({});`,
      },
    });
  });

  const batchGetVariants = 'only2u.product.v1.ProductService/BatchGetVariants';
  const quoteCoupon = 'only2u.coupon.v1.CouponService/QuoteCoupon';

  test('a call of a typed client is found, with its line', () => {
    const at = 'services/cart/fixture-called.ts:10';
    expect(callsOf('services/cart/fixture-called')).toEqual([{ by: ['cart'], method: batchGetVariants, at }]);
  });

  test('a method that is handed on counts as called', () => {
    expect(callsOf('services/cart/fixture-handed-on')).toMatchObject([{ method: batchGetVariants }]);
  });

  test('methods taken out of a client, or asked for by name, are found', () => {
    expect(callsOf('services/cart/fixture-apart')).toMatchObject([{ method: quoteCoupon }, { method: quoteCoupon }]);
  });

  test('a call that a cast allows is found all the same, and refused', () => {
    const [deleted, exported] = callsOf('services/cart/fixture-cast');
    expect(deleted).toMatchObject({ by: ['cart'], method: 'only2u.product.v1.DeleteProductResponse' });
    expect(exported).toMatchObject({ method: 'only2u.product.v1.ExportProductsResponse' });
    const found = useFindings(model, callsOf('services/cart/fixture-cast'), 'proto');
    expect(found.filter(({ rule }) => rule === 'call-without-grant')).toEqual([
      expect.objectContaining({ where: 'services/cart/fixture-cast.ts:10' }),
      expect.objectContaining({ where: 'services/cart/fixture-cast.ts:11' }),
    ]);
  });

  test('beside the services’ folders any service may be the caller, and a command is the operator', () => {
    expect(callsOf('services/fixture-process')[0]?.by).toEqual([
      ...['cart', 'coupon', 'order', 'payment', 'product', 'shoe', 'user'],
    ]);
    expect(callsOf('tools/fixture-command')).toMatchObject([{ by: ['operator'] }]);
  });

  test('other things of the same name, and tests, are no calls', () => {
    expect(callsOf('services/cart/fixture-other')).toEqual([]);
    expect(callsOf('services/cart/fixture.test')).toEqual([]);
  });
});

describe('calls that other languages declare', () => {
  test('each is found with its line', () => {
    const text = `{
  "workload": "recommendation",
  "calls": [
    "${path('GetShoe')}"
  ]
}`;
    expect(callsIn('services/recommendation/calls.json', text)).toEqual([
      { by: ['recommendation'], method: path('GetShoe'), at: 'services/recommendation/calls.json:4' },
    ]);
  });

  test('what declares nothing is refused with its path', () => {
    const at = 'services/x/calls.json';
    expect(() => callsIn(at, '{"workload": "x", "call": []}')).toThrow(`${at} declares no calls`);
    expect(() => callsIn(at, '{')).toThrow(`${at} is no JSON`);
  });
});
