import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { isSecret, readConfig, secret } from './config.ts';

const product = {
  name: 'product',
  config: z.object({
    DATABASE_URL: z.url(),
    PAGE_SIZE: z.coerce.number().int().max(1_000).default(50),
    PAGE_TOKEN_KEY: secret(),
  }),
};
const user = { name: 'user', config: z.object({ DATABASE_URL: z.url(), HASH_MEMORY: z.coerce.number().int() }) };
const good = { DATABASE_URL: 'postgres://127.0.0.1/x', PAGE_TOKEN_KEY: 'k'.repeat(32), HASH_MEMORY: '19' };

const folder = mkdtempSync(join(tmpdir(), 'only2u-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('each part gets its own values, checked and typed', () => {
  const configuration = readConfig([product, user], { variables: good });
  expect(configuration.of(product)).toEqual({
    DATABASE_URL: good.DATABASE_URL,
    PAGE_SIZE: 50,
    PAGE_TOKEN_KEY: good.PAGE_TOKEN_KEY,
  });
  expect(configuration.of(user).HASH_MEMORY).toBe(19);
});

test('every missing and every wrong variable is named in one error', () => {
  const read = () => readConfig([product, user], { variables: { DATABASE_URL: 'nowhere', PAGE_SIZE: 'ten' } });
  expect(read).toThrow(
    /DATABASE_URL: .*\(product\)[^]*PAGE_SIZE: [^]*PAGE_TOKEN_KEY: is not set[^]*DATABASE_URL: .*\(user\)[^]*HASH_MEMORY: is not set/,
  );
});

test('a value that is wrong is not shown: it may be a secret', () => {
  expect(() => readConfig([product], { variables: { ...good, PAGE_TOKEN_KEY: 'hunter2' } })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
  );
});

test('a service’s own variable wins over the common one', () => {
  const variables = { ...good, PRODUCT_DATABASE_URL: 'postgres://127.0.0.1/product' };
  const configuration = readConfig([product, user], { variables });
  expect(configuration.of(product).DATABASE_URL).toBe('postgres://127.0.0.1/product');
  expect(configuration.of(user).DATABASE_URL).toBe(good.DATABASE_URL);
});

test('a secret may come as a file', () => {
  const file = join(folder, 'key');
  writeFileSync(file, `${'f'.repeat(40)}\n`);
  const variables = { ...good, PAGE_TOKEN_KEY: undefined, PAGE_TOKEN_KEY_FILE: file };
  expect(readConfig([product], { variables }).of(product).PAGE_TOKEN_KEY).toBe('f'.repeat(40));
});

test('a file that can’t be read is named', () => {
  const variables = { ...good, PAGE_TOKEN_KEY: undefined, PAGE_TOKEN_KEY_FILE: join(folder, 'none') };
  expect(() => readConfig([product], { variables })).toThrow(/PAGE_TOKEN_KEY_FILE: the file .*none can’t be read/);
});

test('what the environment leaves out comes from the fallback, an empty variable counting as left out', () => {
  const configuration = readConfig([product], {
    variables: { PAGE_TOKEN_KEY: '' },
    fallback: (name, variable, schema) =>
      isSecret(schema) ? 's'.repeat(32) : variable === 'DATABASE_URL' ? `postgres://${name}` : undefined,
  });
  expect(configuration.of(product)).toEqual({
    DATABASE_URL: 'postgres://product',
    PAGE_SIZE: 50,
    PAGE_TOKEN_KEY: 's'.repeat(32),
  });
});

test('a misspelt variable of the shop’s is warned of', () => {
  const process = { name: 'only2u', config: z.object({ ONLY2U_DATA: z.string().optional() }) };
  const { warnings } = readConfig([process], { variables: { ONLY2U_DATA: '.data', ONLY2U_DATTA: '.data', HOME: '/' } });
  expect(warnings).toEqual(['ONLY2U_DATTA is set, but nothing reads it; is ONLY2U_DATA meant?']);
});

test('a variable that is one slip away from one that is read is warned of, and no other', () => {
  const slips = [
    'DATABSE_URL',
    'DATABASE_ULR',
    'DATABASE_URLS',
    'DATABASE_URI',
    'PRODUCT_DATABASE_URI',
    'DATABASE_URL_FIEL',
  ];
  const others = ['DATABASE_HOST', 'HASH_MEMORY_MAX', 'PAGER', 'REDIS_URL', 'USER'];
  const variables = Object.fromEntries([...slips, ...others].map((name) => [name, 'x']));
  const { warnings } = readConfig([product], { variables: { ...variables, ...good } });
  expect(warnings.map((line) => line.split(' ', 1)[0])).toEqual(slips);
});
