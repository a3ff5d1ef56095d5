import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, createRouterTransport, type ServiceImpl } from '@connectrpc/connect';
import { ImportProductsResponseSchema, ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { StartError } from '#platform/start-error.ts';
import type { CatalogClient } from './catalog-client.ts';
import { receiveFile, readArguments as readExportArguments } from './export.ts';
import { readArguments, report, sendFile } from './import.ts';
import { createProgress } from './progress.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u-import-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

function shop(implementation: Partial<ServiceImpl<typeof ProductService>>): CatalogClient {
  const transport = createRouterTransport(({ service }) => void service(ProductService, implementation));
  return { products: createClient(ProductService, transport), headers: { authorization: 'Bearer house' } };
}

const silent = () => createProgress({ totalBytes: 1, isTerminal: false, write: () => undefined, nowMs: () => 0 });

test('a file is imported in rupees unless told', () => {
  expect(readArguments(['shop.csv'])).toEqual({ file: 'shop.csv', currency: 'INR', dryRun: false, address: undefined });
  const args = ['shop.csv', '--currency', 'JPY', '--dry-run', '--address', 'shop.example:50052'];
  expect(readArguments(args)).toEqual({
    file: 'shop.csv',
    currency: 'JPY',
    dryRun: true,
    address: 'shop.example:50052',
  });
  expect(readArguments(['--help'])).toBeUndefined();
});

test.each([
  [[], /Name one file/],
  [['a.csv', 'b.csv'], /Name one file/],
  [['a.csv', '--currency', 'rupees'], /no currency/],
  [['a.csv', '--address', 'here'], /no address/],
  [['a.csv', '--force'], /Unknown option/],
])('the arguments %j are refused, and it is said why', (args, message) => {
  expect(() => readArguments(args)).toThrow(StartError);
  expect(() => readArguments(args)).toThrow(message);
});

test('an export names one file, and may name a vendor and a currency', () => {
  expect(readExportArguments(['x.csv', '--vendor', 'usr_1', '--currency', 'JPY'])).toMatchObject({
    file: 'x.csv',
    vendorId: 'usr_1',
    currency: 'JPY',
  });
  expect(() => readExportArguments([])).toThrow(/Name one file/);
});

test('the options go first, then the file as it is, with the house’s token', async () => {
  const file = join(folder, 'shop.csv');
  const content = Buffer.from(`Handle\n${'a,रेशमी\n'.repeat(20_000)}`);
  await writeFile(file, content);
  const received: Uint8Array[] = [];
  let seen: unknown;
  const client = shop({
    async importProducts(pieces, { requestHeader }) {
      for await (const { piece } of pieces) {
        if (piece.case === 'options') seen = { ...piece.value, token: requestHeader.get('authorization') };
        if (piece.case === 'chunk') received.push(piece.value);
      }
      return { rowCount: 7 };
    },
  });
  const wanted = { file, currency: 'INR', dryRun: true, address: undefined };
  expect((await sendFile(wanted, client, silent())).rowCount).toBe(7);
  expect(seen).toMatchObject({ currency: 'INR', dryRun: true, token: 'Bearer house' });
  expect(Buffer.concat(received).equals(content)).toBe(true);
  expect(Math.max(...received.map((chunk) => chunk.length))).toBeLessThanOrEqual(1 << 20);
});

test('each fault is said with its file, line, column and reason', () => {
  const fault = {
    line: 3,
    column: 'Variant Price',
    handle: 'mug',
    reason: 'PRICE_NEGATIVE',
    message: '“-1” is below zero',
  };
  const answer = create(ImportProductsResponseSchema, {
    ...{ rowCount: 9, createdCount: 4, updatedCount: 1, unchangedCount: 2, rejectedCount: 1, faultCount: 5 },
    faults: [fault, { ...fault, column: '', handle: '' }],
    ignoredColumns: ['Shelf', 'Cost'],
  });
  expect(report({ file: 'shop.csv', dryRun: false }, answer)).toBe(
    [
      'shop.csv:3: Variant Price: “mug”: “-1” is below zero (PRICE_NEGATIVE)',
      'shop.csv:3: “-1” is below zero (PRICE_NEGATIVE)',
      '… and 3 faults more',
      'Not read: Shelf, Cost.',
      '9 rows: 4 created, 1 updated, 2 unchanged, 1 left out.',
      '',
    ].join('\n'),
  );
  expect(report({ file: 'shop.csv', dryRun: true }, answer)).toContain('9 rows: would be 4 created');
});

test('an export is there when it is whole, and not before', async () => {
  const file = join(folder, 'export.csv');
  const wanted = { file, vendorId: '', currency: '', address: undefined };
  await writeFile(file, 'old');
  const broken = shop({
    async *exportProducts() {
      yield { chunk: Buffer.from('half') };
      throw new ConnectError('gone', Code.Unavailable);
    },
  });
  await expect(receiveFile(wanted, broken)).rejects.toThrow('gone');
  expect(await readFile(file, 'utf8')).toBe('old');
  const whole = shop({
    async *exportProducts() {
      yield { chunk: Buffer.from('Handle\n') };
      yield { chunk: Buffer.from('mug\n') };
    },
  });
  expect(await receiveFile(wanted, whole)).toBe(11);
  expect(await readFile(file, 'utf8')).toBe('Handle\nmug\n');
  expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('a folder that isn’t there is said plainly', async () => {
  const wanted = { file: join(folder, 'none', 'x.csv'), vendorId: '', currency: '', address: undefined };
  const client = shop({
    async *exportProducts() {
      yield { chunk: Buffer.from('x') };
    },
  });
  await expect(receiveFile(wanted, client)).rejects.toThrow(/can’t be written \(ENOENT\)/);
});

function watched(isTerminal: boolean) {
  const written: string[] = [];
  let nowMs = 0;
  const write = (text: string): void => void written.push(text);
  const progress = createProgress({ totalBytes: 4_000_000, isTerminal, write, nowMs: () => nowMs });
  return { written, progress, after: (ms: number) => void (nowMs += ms) };
}

test('a terminal gets one line that changes and goes', () => {
  const { written, progress, after } = watched(true);
  after(500);
  progress.read(Buffer.alloc(1_000_000, '\n'));
  progress.end();
  expect(written).toEqual(['\r\x1b[K25% of 3.8 MB sent, 2,000,000 lines a second', '\r\x1b[K']);
});

test('a log gets plain lines, seldom', () => {
  const { written, progress, after } = watched(false);
  for (let i = 0; i < 40; i++) {
    after(100);
    progress.read(Buffer.alloc(100_000, 'x\n'));
  }
  progress.sent();
  progress.end();
  progress.done(2_000);
  expect(written).toEqual([
    '50% of 3.8 MB sent, 500,000 lines a second\n',
    '100% of 3.8 MB sent, 500,000 lines a second\n',
    '100% of 3.8 MB sent, 500,000 lines a second; checking and writing …\n',
    '2,000 rows in 4.0 s, 500 a second\n',
  ]);
});
