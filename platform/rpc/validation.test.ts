import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import {
  BatchGetProductsRequestSchema,
  CreateProductRequestSchema,
  GetProductRequestSchema,
  ProductService,
} from '#gen/only2u/product/v1/product_pb.ts';
import { Fault } from '../fault.ts';
import { checkMessage } from './validation.ts';

function refusalOf(work: () => void): Fault {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

function checkProduct(product: MessageInitShape<typeof CreateProductRequestSchema>['product']): void {
  const request = create(CreateProductRequestSchema, { requestId: '12345678', ...(product && { product }) });
  checkMessage(ProductService.method.createProduct, request);
}

test('a request that keeps the rules of its contract passes', () => {
  checkProduct({ title: 'Linen shirt', variants: [{ price: { minorUnits: 49_900n, currency: 'INR' } }] });
});

test('each field that breaks a rule is named by its path in the contract, with the rule', () => {
  const fault = refusalOf(() =>
    checkProduct({
      handle: 'Not a handle',
      variants: [{ price: { currency: 'INR' } }, { price: { currency: 'INR' } }, { price: { currency: 'rupees' } }],
    }),
  );
  expect(fault.kind).toBe('invalid-argument');
  expect(fault.reason).toBe('INVALID_FIELDS');
  expect(fault.fields.map(({ field, reason }) => [field, reason])).toEqual([
    ['product.handle', 'string.pattern'],
    ['product.variants[2].price.currency', 'string.pattern'],
  ]);
  expect(fault.message).toMatch(/product\.handle: .*; product\.variants\[2\]\.price\.currency: /);
});

test('a missing message and a missing choice are refused', () => {
  expect(refusalOf(() => checkProduct(undefined)).fields[0]).toMatchObject({ field: 'product', reason: 'required' });
  const nothing = create(GetProductRequestSchema);
  const fault = refusalOf(() => checkMessage(ProductService.method.getProduct, nothing));
  expect(fault.fields[0]).toMatchObject({ field: 'key', reason: 'required' });
});

test('at most fifty fields are named, and the message names three and counts the rest', () => {
  const request = create(BatchGetProductsRequestSchema, { productIds: new Array<string>(90).fill('') });
  const fault = refusalOf(() => checkMessage(ProductService.method.batchGetProducts, request));
  expect(fault.fields).toHaveLength(50);
  expect(fault.message).toMatch(/; and 87 more\.$/);
});

test('of a request with more items than can be listed only the first fault is named', () => {
  const fault = refusalOf(() => checkProduct({ title: 'x', tags: new Array<string>(1_000_000).fill('') }));
  expect(fault.fields).toEqual([expect.objectContaining({ field: 'product.tags', reason: 'repeated.max_items' })]);
});
