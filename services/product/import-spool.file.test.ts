import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openFileSpool } from './import-spool.file.ts';
import type { Spool } from './import-spool.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u-spool-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function contentOf(spool: Spool): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of spool.read()) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test.each([
  ['in memory', 1_000_000],
  ['in a file', 10],
])('what is written is read as often as wanted, %s', async (_, memoryBytes) => {
  const spool = openFileSpool({ memoryBytes, folder });
  try {
    let expected = '';
    for (let i = 0; i < 3_000; i++) {
      const text = `${i}: ${'x'.repeat(i % 100)}\n`;
      expected += text;
      await spool.write(Buffer.from(text));
    }
    expect(await contentOf(spool)).toBe(expected);
    expect(await contentOf(spool)).toBe(expected);
  } finally {
    await spool.close();
  }
});

test('the file has no name, so that nothing is left of a process that is killed', async () => {
  const spool = openFileSpool({ memoryBytes: 0, folder });
  await spool.write(Buffer.from('secret prices'));
  expect(await readdir(folder)).toEqual([]);
  expect(await contentOf(spool)).toBe('secret prices');
  await spool.close();
});

test('the same bytes have the same digest, however they are cut', async () => {
  const [a, b] = [openFileSpool({ folder }), openFileSpool({ memoryBytes: 0, folder })];
  await a.write(Buffer.from('one two'));
  await b.write(Buffer.from('one '));
  await b.write(Buffer.from('two'));
  expect(a.digest()).toEqual(b.digest());
  await Promise.all([a.close(), b.close()]);
});

test('a file beyond the limit is refused', async () => {
  const spool = openFileSpool({ maxBytes: 10, folder });
  await spool.write(Buffer.from('0123456789'));
  await expect(spool.write(Buffer.from('x'))).rejects.toMatchObject({ kind: 'out-of-range', reason: 'FILE_TOO_LARGE' });
  await spool.close();
});
