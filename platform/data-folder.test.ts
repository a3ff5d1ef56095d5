import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openDataFolder, whatToDo } from './data-folder.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u data '));
});
afterAll(() => rm(folder, { recursive: true }));

test('a secret is the same each time, another for each purpose, and its folder is closed to others', async () => {
  const path = join(folder, 'a', 'b');
  const first = await openDataFolder(path);
  const again = await openDataFolder(path);
  expect(first.secretFor('tokens')).toMatch(/^[\w-]{43}$/);
  expect(again.secretFor('tokens')).toBe(first.secretFor('tokens'));
  expect(first.secretFor('cookies')).not.toBe(first.secretFor('tokens'));
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect((await stat(join(path, 'secret'))).mode & 0o777).toBe(0o600);
});

test('two that make it at once have the same secret', async () => {
  const opened = await Promise.all(Array.from({ length: 8 }, () => openDataFolder(join(folder, 'race'))));
  expect(new Set(opened.map((data) => data.secretFor('x'))).size).toBe(1);
});

test('a damaged secret and a file in the folder’s place are told in one line', async () => {
  await openDataFolder(join(folder, 'damaged'));
  await writeFile(join(folder, 'damaged', 'secret'), 'short\n');
  await expect(openDataFolder(join(folder, 'damaged'))).rejects.toThrow(/secret is damaged: restore it/);
  await writeFile(join(folder, 'file'), '');
  await expect(openDataFolder(join(folder, 'file'))).rejects.toThrow(/a file is in its place/);
});

test('what the system refuses is said in terms of what to do', () => {
  const refusal = (code: string): string => whatToDo(Object.assign(new Error(code), { code }));
  expect(refusal('EACCES')).toMatch(/belongs to another user/);
  expect(refusal('EROFS')).toMatch(/read-only/);
  expect(refusal('ENOSPC')).toMatch(/disk is full/);
  expect(refusal('EIO')).toBe('EIO.');
});
