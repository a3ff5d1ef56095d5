import { resolve } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import ts from 'typescript';
import { createProgram } from '../use/typescript-program.ts';

const root = resolve(import.meta.dirname, '../..');

/** A service of this name whose code, when it opens, is this. */
function service(name: string, code: string): string {
  return `import { z } from 'zod';
import { PaymentService } from '#gen/only2u/payment/v1/payment_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import { defineService } from '#platform/service.ts';
export type OrdersClient = ClientFor<'order', typeof PaymentService>;
export const service = defineService({
  name: '${name}',
  contract: [PaymentService, ProductService],
  config: z.object({}),
  async open(env) {
    ${code}
    void env;
    return { handlers: [], close: () => Promise.resolve() };
  },
});`;
}

const fixtures = {
  'services/cart/granted.ts': service('cart', 'await env.dial(ProductService).batchGetVariants({ variantIds: [] });'),
  'services/cart/called.ts': service('cart', "await env.dial(ProductService).deleteProduct({ productId: 'prd_1' });"),
  'services/cart/stranger.ts': service('cart', "await env.dial(PaymentService).refundPayment({ orderId: 'ord_1' });"),
  'services/cart/by-name.ts': service('cart', "await env.dial(ProductService)['exportProducts']({});"),
  'services/cart/lent.ts': service('cart', 'const lent: OrdersClient = env.dial(PaymentService); void lent;'),
  'services/cart/handed-on.ts': service(
    'cart',
    'const give: (of: { productId: string }) => unknown = env.dial(ProductService).deleteProduct; void give;',
  ),
  'services/card/unknown.ts': service('card', ''),
  'tools/command.ts': `import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { openOperator } from './operator.ts';
const operator = await openOperator();
await operator.dial(ProductService).deleteProduct({ productId: 'prd_1' });`,
};

let program: ts.Program;
beforeAll(() => {
  program = createProgram({ root, includes: () => false, more: fixtures });
});

/** What the compiler says to a file. */
function errorsIn(path: keyof typeof fixtures): string {
  const found = program.getSemanticDiagnostics(program.getSourceFile(resolve(root, path)));
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')).join('\n');
}

const notCallable = (caller: string, method: string): string =>
  `This expression is not callable.\n  Type 'MayNotCall<"${caller}", "${method}">' has no call signatures.`;

test('a call that the contract grants compiles', () => {
  expect(errorsIn('services/cart/granted.ts')).toBe('');
});

test('a call without a grant does not compile, and the error names the caller and the method', () => {
  expect(errorsIn('services/cart/called.ts')).toBe(
    notCallable('cart', 'only2u.product.v1.ProductService/DeleteProduct'),
  );
});

test('a service that grants nothing to the caller has nothing that it can call', () => {
  expect(errorsIn('services/cart/stranger.ts')).toBe(
    notCallable('cart', 'only2u.payment.v1.PaymentService/RefundPayment'),
  );
});

test('asking for the method by its name in quotes is no way around', () => {
  expect(errorsIn('services/cart/by-name.ts')).toBe(
    notCallable('cart', 'only2u.product.v1.ProductService/ExportProducts'),
  );
});

test('a client does not become another workload’s', () => {
  expect(errorsIn('services/cart/lent.ts')).toContain(
    `Type 'MayNotCall<"cart", "only2u.payment.v1.PaymentService/CreatePayment">' is not assignable`,
  );
});

test('a method without a grant can’t be handed on either', () => {
  expect(errorsIn('services/cart/handed-on.ts')).toContain(
    `Type 'MayNotCall<"cart", "only2u.product.v1.ProductService/DeleteProduct">' is not assignable`,
  );
});

test('a service that no contract knows does not compile', () => {
  expect(errorsIn('services/card/unknown.ts')).toBe(`Type '"card"' is not assignable to type 'Workload'.`);
});

test('a command is granted what the operator is, and no more', () => {
  expect(errorsIn('tools/command.ts')).toBe(notCallable('operator', 'only2u.product.v1.ProductService/DeleteProduct'));
});
