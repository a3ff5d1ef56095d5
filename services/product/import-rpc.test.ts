import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { type ImportProductsRequestSchema, ProductService, ProductStatus } from '#gen/only2u/product/v1/product_pb.ts';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { openTestService, type TestService } from '#platform/testing/service.ts';
import { productService } from './service.ts';
import { migrations } from './store.postgres.ts';

let database: TestDatabase;
let app: TestService;
let requests = 0;
const requestId = (): string => `request-${String(requests++).padStart(6, '0')}`;

beforeAll(async () => {
  database = await openTestDatabase('product', migrations);
  const config = { DATABASE_URL: database.url, PAGE_TOKEN_KEY: 'k'.repeat(32) };
  app = await openTestService(productService, { config });
});
afterAll(async () => {
  await app.close();
  await database.close();
});

const user = (id: string, ...roles: string[]) => ({ user: { id, roles, sessionId: `ses_${id}` } });
const vendor = user('usr_v', 'vendor');
const other = user('usr_o', 'vendor');
const admin = user('usr_admin', 'admin');

function products(caller: Parameters<TestService['as']>[0]): Client<typeof ProductService> {
  return app.as(caller).client(ProductService);
}

type Piece = MessageInitShape<typeof ImportProductsRequestSchema>;
const options = (more: { requestId?: string; currency?: string; dryRun?: boolean } = {}): Piece => ({
  piece: { case: 'options', value: { requestId: requestId(), currency: 'INR', ...more } },
});
const chunk = (text: string): Piece => ({ piece: { case: 'chunk', value: Buffer.from(text) } });

async function* pieces(...all: Piece[]): AsyncGenerator<Piece> {
  yield* all;
}

async function exported(caller: Parameters<TestService['as']>[0], request = {}): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const piece of products(caller).exportProducts(request)) chunks.push(piece.chunk);
  return Buffer.concat(chunks).toString();
}

async function refusal(work: Promise<unknown>): Promise<{ code: Code; reason: string }> {
  const error = ConnectError.from(
    await work.then(
      () => new Error('it was not refused'),
      (reason: unknown) => reason,
    ),
  );
  return { code: error.code, reason: error.findDetails(ErrorInfoSchema)[0]?.reason ?? error.message };
}

const file = (handle: string, price = '499') =>
  `Handle,Title,Variant Price,Variant Inventory Qty,Shelf\n${handle},Mug,${price},3,7\n`;

test('a file in pieces is imported for who sends it, and exported again', async () => {
  const text = file('mug-1');
  const answer = await products(vendor).importProducts(
    pieces(options(), chunk(text.slice(0, 9)), chunk(text.slice(9))),
  );
  expect(answer).toMatchObject({ rowCount: 1, createdCount: 1, faultCount: 0, ignoredColumns: ['Shelf'] });
  const { product } = await products({}).getProduct({ key: { case: 'handle', value: 'mug-1' } });
  expect(product).toMatchObject({ vendorId: 'usr_v', status: ProductStatus.PUBLISHED });
  const csv = await exported(vendor);
  expect(csv).toContain('mug-1,Mug,');
  const again = await products(vendor).importProducts(pieces(options(), chunk(csv)));
  expect(again).toMatchObject({ createdCount: 0, updatedCount: 0, unchangedCount: 1, ignoredColumns: [] });
});

test('a repeated import is answered like the first, however it is cut into pieces', async () => {
  const first = options();
  const text = file('mug-2');
  const answer = await products(vendor).importProducts(pieces(first, chunk(text)));
  expect(answer.createdCount).toBe(1);
  expect(await products(vendor).importProducts(pieces(first, chunk(text.slice(0, 5)), chunk(text.slice(5))))).toEqual(
    answer,
  );
  const reused = products(vendor).importProducts(pieces(first, chunk(file('mug-2', '1'))));
  expect(await refusal(reused)).toMatchObject({ code: Code.AlreadyExists, reason: 'REQUEST_ID_REUSED' });
});

test('faults come with the answer', async () => {
  const answer = await products(vendor).importProducts(pieces(options(), chunk(file('mug-3', 'free'))));
  expect(answer).toMatchObject({ createdCount: 0, rejectedCount: 1, faultCount: 1 });
  expect(answer.faults).toMatchObject([
    { line: 2, column: 'Variant Price', handle: 'mug-3', reason: 'PRICE_NOT_A_NUMBER' },
  ]);
});

test('a file that breaks off on the way changes nothing', async () => {
  async function* broken(): AsyncGenerator<Piece> {
    yield options();
    yield chunk(file('mug-4'));
    throw new ConnectError('the line went dead', Code.Canceled);
  }
  await expect(products(vendor).importProducts(broken())).rejects.toThrow();
  const found = products(vendor).getProduct({ key: { case: 'handle', value: 'mug-4' } });
  expect((await refusal(found)).code).toBe(Code.NotFound);
});

test('pieces in the wrong order, an unknown currency and an empty piece are refused', async () => {
  const send = (...all: Piece[]) => refusal(products(vendor).importProducts(pieces(...all)));
  expect(await send(chunk(file('x')))).toMatchObject({ code: Code.InvalidArgument, reason: 'OPTIONS_MISSING' });
  expect(await send()).toMatchObject({ code: Code.InvalidArgument, reason: 'OPTIONS_MISSING' });
  expect(await send(options(), options())).toMatchObject({ code: Code.InvalidArgument, reason: 'OPTIONS_TWICE' });
  expect(await send(options({ currency: 'XQQ' }))).toMatchObject({ reason: 'CURRENCY_UNKNOWN' });
  expect((await send(options({ currency: 'inr' }))).code).toBe(Code.InvalidArgument);
  expect((await send({})).code).toBe(Code.InvalidArgument);
  expect((await send(options(), chunk('x'.repeat((1 << 20) + 1)))).code).toBe(Code.InvalidArgument);
});

test('customers and guests neither import nor export', async () => {
  const customer = user('usr_c', 'customer');
  expect((await refusal(products({}).importProducts(pieces(options())))).code).toBe(Code.Unauthenticated);
  expect((await refusal(products(customer).importProducts(pieces(options())))).code).toBe(Code.PermissionDenied);
  expect((await refusal(exported({}))).code).toBe(Code.Unauthenticated);
  expect((await refusal(exported(customer))).code).toBe(Code.PermissionDenied);
});

test('a vendor exports its own products only, an admin any or all', async () => {
  await products(other).importProducts(pieces(options(), chunk(file('mug-5'))));
  await products(admin).importProducts(pieces(options(), chunk(file('mug-6'))));
  expect(await exported(other)).toContain('mug-5,');
  expect(await exported(other)).not.toContain('mug-6,');
  expect(await refusal(exported(other, { vendorId: 'usr_v' }))).toMatchObject({
    code: Code.PermissionDenied,
    reason: 'NOT_YOUR_PRODUCT',
  });
  expect(await exported(admin, { vendorId: 'usr_house' })).toMatch(/\nmug-6,[^]*active\n$/);
  const all = await exported(admin);
  for (const handle of ['mug-5', 'mug-6']) expect(all).toContain(`\n${handle},`);
  const again = await products(admin).importProducts(pieces(options(), chunk(all)));
  expect(again).toMatchObject({ createdCount: 0, updatedCount: 0, rejectedCount: 0 });
});

test('products of several currencies are exported a currency at a time', async () => {
  const seller = user('usr_two', 'vendor');
  await products(seller).importProducts(pieces(options(), chunk(file('mug-7'))));
  await products(seller).importProducts(pieces(options({ currency: 'JPY' }), chunk(file('mug-8'))));
  expect(await refusal(exported(seller))).toMatchObject({
    code: Code.FailedPrecondition,
    reason: 'CURRENCY_AMBIGUOUS',
  });
  const yen = await exported(seller, { currency: 'JPY' });
  expect(yen).toContain('mug-8,');
  expect(yen).toContain(',499,');
  expect(yen).not.toContain('mug-7,');
});
