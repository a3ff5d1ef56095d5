import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { silentLog } from '#platform/telemetry/log.ts';
import { openCertificates, writeCertificate } from './certificates.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o2u-'));
});

afterEach(async () => {
  jest.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

const read = (...names: readonly string[]): Promise<string> => readFile(join(folder, ...names), 'utf8');

test('a certificate and its key are replaced together, by one rename, and the old ones go', async () => {
  await writeCertificate(folder, 'cart', { ca: 'ca', cert: 'first', key: 'first key' });
  const before = await readlink(join(folder, 'cart/current'));
  await writeCertificate(folder, 'cart', { ca: 'new ca', cert: 'second', key: 'second key' });
  expect(await readlink(join(folder, 'cart/current'))).not.toBe(before);
  expect([await read('cart', 'cert.pem'), await read('cart', 'key.pem'), await read('ca.pem')]).toEqual([
    'second',
    'second key',
    'new ca',
  ]);
  expect((await readdir(join(folder, 'cart'))).sort()).toEqual([
    'cert.pem',
    'current',
    expect.stringMatching(/^issued-/),
    'key.pem',
  ]);
  expect((await stat(join(folder, 'cart/key.pem'))).mode & 0o777).toBe(0o600);
});

test('each workload gets a certificate of a day by the shop’s own authority', async () => {
  const data = join(folder, 'data');
  const certificates = await openCertificates({
    dataDir: data,
    folder,
    workloads: ['cart', 'gateway'],
    log: silentLog(),
    now: () => new Date(),
    say: () => {},
  });
  certificates.close();
  const authority = new X509Certificate(await read('ca.pem'));
  for (const workload of ['cart', 'gateway']) {
    const leaf = new X509Certificate(await read(workload, 'cert.pem'));
    expect(leaf.subjectAltName).toContain(`URI:spiffe://only2u.local/ns/default/sa/${workload}`);
    expect(leaf.verify(authority.publicKey)).toBe(true);
    const hours = (leaf.validToDate.getTime() - Date.now()) / 3_600_000;
    expect(Math.round(hours)).toBe(24);
  }
});

test('a new certificate takes the place of the old one when three fifths of its day are over', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  const start = new Date();
  let now = start;
  const said: string[] = [];
  const certificates = await openCertificates({
    ...{ dataDir: join(folder, 'data'), folder, workloads: ['cart'], log: silentLog() },
    now: () => now,
    say: (text) => said.push(text),
  });
  const first = await read('cart', 'cert.pem');
  now = new Date(start.getTime() + 14 * 3_600_000);
  jest.advanceTimersByTime(60_000);
  expect(await read('cart', 'cert.pem')).toBe(first);
  now = new Date(start.getTime() + 15 * 3_600_000);
  while (said.length === 0) {
    jest.advanceTimersByTime(60_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(said).toEqual(['cart has a new certificate']);
  const second = new X509Certificate(await read('cart', 'cert.pem'));
  expect(second.validToDate.getTime() - now.getTime()).toBeGreaterThan(23 * 3_600_000);
  certificates.close();
});
