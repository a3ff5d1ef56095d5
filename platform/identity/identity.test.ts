import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { pino } from 'pino';
import type { TlsMaterial } from '../rpc/tls.ts';
import { writingTogether } from './certificate.ts';
import { openDevelopmentAuthority } from './development-authority.ts';
import { openIdentity } from './identity.ts';
import type { Identity } from './material.ts';
import { localMesh, spiffeIdOf, workloadOf } from './spiffe.ts';

let dataDir = '';
const opened: Identity[] = [];
const finished = Promise.withResolvers<void>();
const writing = writingTogether(() => finished.promise); // one start of the writer for all tests
afterAll(() => {
  finished.resolve();
  return writing;
});
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'only2u identity '));
});
afterEach(async () => {
  for (const identity of opened.splice(0)) identity.close();
  jest.useRealTimers();
  await rm(dataDir, { recursive: true, force: true });
});

const start = new Date('2026-11-22T12:00:00Z');

async function open(
  workload: string,
  options: { now?: () => Date; files?: { cert: string; key: string; ca: string }; lines?: string[]; dir?: string } = {},
): Promise<Identity> {
  const log = pino({ level: 'info' }, { write: (line: string) => void options.lines?.push(line) });
  const { now = () => new Date(), files, dir = dataDir } = options;
  const identity = await openIdentity({ dataDir: dir, mesh: localMesh, workload, now, log, files });
  opened.push(identity);
  return identity;
}

/** Lets fake time pass while what it sets off, in this process and others, takes its real time. */
async function passMinutesUntil(done: () => boolean): Promise<void> {
  while (!done()) {
    jest.advanceTimersByTime(60_000);
    await new Promise(setImmediate);
  }
}

function changeOf({ tls }: Identity): () => boolean {
  let changed = false;
  tls.onChange(() => (changed = true));
  return () => changed;
}

/** The identity that the server sees, or the error that ended the handshake. */
async function handshake(server: TlsMaterial, client: Partial<TlsMaterial>): Promise<string> {
  const listener = createServer({ ...server, requestCert: true, minVersion: 'TLSv1.3' });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  try {
    return await new Promise<string>((resolve) => {
      listener.once('secureConnection', (socket: TLSSocket) => {
        resolve(socket.getPeerX509Certificate()?.subjectAltName ?? 'nobody');
        socket.destroy();
      });
      listener.once('tlsClientError', (error: Error) => resolve(`refused: ${error.message}`));
      const socket = connect({ port, host: '127.0.0.1', ...client });
      socket.on('error', (error) => resolve(`refused: ${error.message}`));
    });
  } finally {
    listener.close();
  }
}

test('a workload has a certificate with its SPIFFE ID and the names of this machine, for a day', async () => {
  const product = await open('product', { now: () => start });
  const { cert, key, ca } = product.tls.current();
  const certificate = new X509Certificate(cert);
  expect(product.spiffeId).toBe('spiffe://only2u.local/ns/default/sa/product');
  expect(certificate.subjectAltName?.split(', ')).toEqual([
    `URI:${product.spiffeId}`,
    'DNS:localhost',
    'DNS:product',
    'IP Address:127.0.0.1',
    'IP Address:0:0:0:0:0:0:0:1',
  ]);
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(certificate.checkIssued(new X509Certificate(ca))).toBe(true);
  expect(certificate.verify(new X509Certificate(ca).publicKey)).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.validToDate).toEqual(new Date('2026-11-23T12:00:00Z'));
  expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
});

test('two workloads of one machine accept each other over TLS 1.3', async () => {
  const [product, gateway] = [await open('product'), await open('gateway')];
  expect(await handshake(product.tls.current(), gateway.tls.current())).toContain(gateway.spiffeId);
});

test('a client without a certificate or with one of another CA is refused', async () => {
  const product = await open('product');
  const stranger = await open('gateway', { dir: join(dataDir, 'another machine') });
  const { ca } = product.tls.current();
  expect(await handshake(product.tls.current(), { ca })).toMatch(/^refused:/);
  expect(await handshake(product.tls.current(), { ...stranger.tls.current(), ca })).toMatch(/^refused:/);
});

test('a server of another CA is refused by the client', async () => {
  const gateway = await open('gateway');
  const stranger = await open('product', { dir: join(dataDir, 'another machine') });
  expect(await handshake(stranger.tls.current(), gateway.tls.current())).toMatch(/^refused:/);
});

test('the CA is made once: the second start finds it, and only its owner can read it', async () => {
  const first = await open('product');
  const second = await open('product');
  expect(second.tls.current().ca).toBe(first.tls.current().ca);
  expect((await stat(join(dataDir, 'ca'))).mode & 0o777).toBe(0o700);
  expect((await stat(join(dataDir, 'ca', 'key.pem'))).mode & 0o777).toBe(0o600);
  expect(await readdir(dataDir)).toEqual(['ca']);
});

test('the next start takes up the certificate of the last, which only its owner can read, until it is to be renewed', async () => {
  const after = async (hours: number) =>
    (await open('product', { now: () => new Date(start.getTime() + hours * 3_600_000) })).tls.current();
  const first = await after(0);
  expect(await after(14)).toEqual(first);
  const next = await after(15);
  expect(next.cert).not.toBe(first.cert);
  expect(next.key).not.toBe(first.key);
  expect(await after(15)).toEqual(next);
  expect((await after(0)).cert).not.toBe(next.cert); // which isn't valid yet
  const issued = join(dataDir, 'ca', 'issued');
  expect(await readdir(issued)).toEqual(['product.pem']);
  expect((await stat(issued)).mode & 0o777).toBe(0o700);
  expect((await stat(join(issued, 'product.pem'))).mode & 0o777).toBe(0o600);
});

test('a kept certificate that is damaged, of another workload or of another CA is replaced', async () => {
  const kept = (dir = dataDir, workload = 'product') => join(dir, 'ca', 'issued', `${workload}.pem`);
  const elsewhere = join(dataDir, 'another machine');
  const { cert } = (await open('product')).tls.current();
  await open('chat');
  await open('product', { dir: elsewhere });
  const [own, chat, foreign] = await Promise.all(
    [kept(), kept(dataDir, 'chat'), kept(elsewhere)].map((file) => readFile(file, 'utf8')),
  );
  const [ownKey, chatKey] = [own, chat].map((text) => text?.slice(text.indexOf('-----BEGIN PRIVATE KEY')) ?? '');
  for (const text of ['', own?.slice(0, 300), own?.slice(0, -300), `${cert}${chatKey}`, ownKey, chat, foreign]) {
    await writeFile(kept(), text ?? '');
    const { tls } = await open('product');
    const now = new X509Certificate(tls.current().cert);
    expect(now.subjectAltName).toContain('/sa/product,');
    expect(now.checkPrivateKey(createPrivateKey(tls.current().key))).toBe(true);
    expect(now.verify(new X509Certificate(tls.current().ca).publicKey)).toBe(true);
    expect(await readFile(kept(), 'utf8')).toBe(tls.current().cert + tls.current().key);
  }
});

test('processes that start at once on an empty folder agree on one CA', async () => {
  const script = `
    const { openDevelopmentAuthority } = await import(${JSON.stringify(new URL('./development-authority.ts', import.meta.url).href)});
    process.stdout.write((await openDevelopmentAuthority(process.argv[1], new Date())).ca);`;
  const run = promisify(execFile);
  const inProcess = Array.from({ length: 8 }, (_, i) => open(`service-${i}`));
  const others = Array.from({ length: 3 }, () => run(process.execPath, ['--input-type=module', '-e', script, dataDir]));
  const roots = [
    ...(await Promise.all(inProcess)).map(({ tls }) => tls.current().ca),
    ...(await Promise.all(others)).map(({ stdout }) => stdout),
  ];
  expect(new Set(roots).size).toBe(1);
  expect(await readdir(dataDir)).toEqual(['ca']);
}, 30_000);

test('what a killed process left half made does not disturb, and is removed', async () => {
  const leftover = join(dataDir, 'ca.new-abc123');
  await mkdir(leftover);
  await writeFile(join(leftover, 'cert.pem'), '-----BEGIN CERT');
  const yesterday = new Date(Date.now() - 86_400_000);
  await utimes(leftover, yesterday, yesterday);
  await open('product');
  expect(await readdir(dataDir)).toEqual(['ca']);
});

test('a broken CA is said to be broken, with what to do', async () => {
  await open('product');
  await chmod(join(dataDir, 'ca', 'key.pem'), 0o600);
  await writeFile(join(dataDir, 'ca', 'key.pem'), 'garbage');
  await expect(open('product')).rejects.toThrow(/ca is broken: remove the folder/);
  await rm(join(dataDir, 'ca', 'key.pem'));
  await expect(open('product')).rejects.toThrow(/ca is broken: remove the folder/);
});

test('a certificate is replaced before two thirds of its life, and the listeners are told', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  let now = start;
  const product = await open('product', { now: () => now });
  const { cert } = product.tls.current();
  let told = 0;
  const stop = product.tls.onChange(() => told++);

  now = new Date(start.getTime() + 14 * 3_600_000);
  jest.advanceTimersByTime(60_000);
  expect(product.tls.current().cert).toBe(cert);

  now = new Date(start.getTime() + 15 * 3_600_000);
  await passMinutesUntil(changeOf(product));
  expect(product.tls.current().cert).not.toBe(cert);
  expect(new X509Certificate(product.tls.current().cert).validToDate.getTime()).toBe(now.getTime() + 24 * 3_600_000);
  expect(told).toBe(1);

  stop();
  now = new Date(now.getTime() + 20 * 3_600_000);
  await passMinutesUntil(changeOf(product));
  expect(told).toBe(1);
});

test('while a certificate can’t be renewed the old one stays in use, and the log says so once', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  let now = start;
  const lines: string[] = [];
  const product = await open('product', { now: () => now, lines });
  const first = product.tls.current();
  const issued = join(dataDir, 'ca', 'issued');
  await rm(issued, { recursive: true });
  await writeFile(issued, 'in the way');
  const complaints = () => lines.filter((line) => line.includes('not renewed')).length;
  now = new Date(start.getTime() + 15 * 3_600_000);
  await passMinutesUntil(() => complaints() > 0);
  expect(product.tls.current()).toEqual(first);

  await rm(issued);
  await passMinutesUntil(changeOf(product));
  expect(product.tls.current().cert).not.toBe(first.cert);
  expect(complaints()).toBe(1);
});

test('new certificate files are taken; broken ones leave the old in use, and each complaint is logged once', async () => {
  const source = await open('product');
  const files = { cert: join(dataDir, 'tls.crt'), key: join(dataDir, 'tls.key'), ca: join(dataDir, 'ca.crt') };
  const write = async ({ cert, key, ca }: TlsMaterial): Promise<void> => {
    await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key), writeFile(files.ca, ca)]);
  };
  const first = source.tls.current();
  await write(first);
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  const lines: string[] = [];
  const product = await open('product', { files, lines });
  const complaints = () => lines.filter((line) => line.includes('the old one stays in use')).length;

  const authority = await openDevelopmentAuthority(dataDir, new Date());
  const request = { workload: 'product', spiffeId: source.spiffeId, now: new Date() };
  const next = { ca: authority.ca, ...(await authority.issue(request)) };
  await writeFile(files.cert, next.cert); // the key is still the old one
  await passMinutesUntil(() => complaints() > 0);
  await writeFile(files.ca, 'garbage');
  await rm(files.key);
  await passMinutesUntil(() => complaints() > 1);
  expect(product.tls.current()).toEqual(first);

  let told = 0;
  product.tls.onChange(() => told++);
  await write(next);
  await passMinutesUntil(() => told > 0);
  expect(product.tls.current()).toEqual(next);
  expect(complaints()).toBe(2);
});

test('certificate files of another workload are refused at the start', async () => {
  const { cert, key, ca } = (await open('chat')).tls.current();
  const files = { cert: join(dataDir, 'tls.crt'), key: join(dataDir, 'tls.key'), ca: join(dataDir, 'ca.crt') };
  await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key), writeFile(files.ca, ca)]);
  await expect(open('product', { files })).rejects.toThrow(/not one of spiffe:.*product/);
});

test('only SPIFFE IDs of this mesh name a workload', () => {
  expect(workloadOf(localMesh, spiffeIdOf(localMesh, 'product'))).toBe('product');
  for (const id of [
    'spiffe://evil.local/ns/default/sa/product',
    'spiffe://only2u.local/ns/other/sa/product',
    'spiffe://only2u.local/ns/default/sa/product/x',
    'spiffe://only2u.local/ns/default/sa/*',
    'spiffe://only2u.local/ns/default/sa/',
    undefined,
  ]) {
    expect(workloadOf(localMesh, id)).toBe('');
  }
  expect(() => spiffeIdOf(localMesh, 'a/b')).toThrow();
});
