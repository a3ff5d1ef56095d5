import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestAuthority } from '#platform/testing/rpc.ts';
import { aProduct, openTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({
    config: { GATEWAY_CORS_ORIGINS: 'https://shop.example,http://localhost:*' },
    product: { getProduct: () => ({ product: aProduct('prd_1') }) },
  });
});
afterAll(() => gateway.close());

test('the contract is served as OpenAPI, for each method that is open and no other', async () => {
  const response = await fetch(`${gateway.url}/openapi.json`);
  expect(response.headers.get('content-type')).toContain('application/json');
  const { openapi, paths } = (await response.json()) as { openapi: string; paths: Record<string, unknown> };
  expect(openapi).toMatch(/^3\.1/);
  expect(paths).toHaveProperty(['/only2u.product.v1.ProductService/GetProduct']);
  expect(paths).not.toHaveProperty(['/only2u.product.v1.InventoryService/ReserveStock']);
});

test('the page to explore it stands on its own files, under a strict content security policy', async () => {
  const page = await fetch(`${gateway.url}/`);
  expect(page.url).toBe(`${gateway.url}/docs/`);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  const html = await page.text();
  const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = '']) => file);
  expect(files.length).toBeGreaterThan(2);
  for (const file of files) {
    const response = await fetch(`${gateway.url}${file}`);
    expect(`${file} ${response.status}`).toBe(`${file} 200`);
    await response.arrayBuffer();
  }
});

test('the public keys are served as a key set that may be kept for a while', async () => {
  const response = await fetch(`${gateway.url}/.well-known/jwks.json`);
  expect(response.headers.get('cache-control')).toBe('public, max-age=60');
  expect(await response.json()).toEqual({ keys: [] });
});

test('health and readiness are told', async () => {
  expect(await (await fetch(`${gateway.url}/healthz`)).text()).toBe('ok\n');
  expect(await (await fetch(`${gateway.url}/readyz`)).text()).toBe('ready\n');
});

test.each(['/docs/../../package.json', '/docs/%2e%2e/package.json', '/docs/%', '/docs/nothing'])(
  '%s is no page',
  async (path) => {
    const response = await fetch(`${gateway.url}${path}`);
    expect([400, 404]).toContain(response.status);
  },
);

const preflight = (origin: string, path = 'only2u.product.v1.ProductService/GetProduct') =>
  fetch(`${gateway.url}/${path}`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,connect-protocol-version,authorization',
    },
  });

test('a page of a configured origin may call, and its browser keeps the permission', async () => {
  const response = await preflight('https://shop.example');
  expect(response.status).toBe(204);
  expect(response.headers.get('access-control-allow-origin')).toBe('https://shop.example');
  const allowed = response.headers.get('access-control-allow-headers')?.toLowerCase();
  for (const header of ['content-type', 'connect-protocol-version', 'authorization', 'x-grpc-web'])
    expect(allowed).toContain(header);
  expect(Number(response.headers.get('access-control-max-age'))).toBeGreaterThan(600);
  const answer = await gateway.post('GetProduct', { productId: 'a' }, { origin: 'https://shop.example' });
  expect(answer.headers.get('access-control-allow-origin')).toBe('https://shop.example');
  expect(answer.headers.get('access-control-expose-headers')).toContain('ETag');
});

test('an origin with any port may be configured', async () => {
  expect((await preflight('http://localhost:5173')).status).toBe(204);
});

test.each([
  'https://evil.example',
  'https://shop.example.evil',
  'http://shop.example',
  'http://localhost:1.evil',
  'null',
])('a page of %s may not call', async (origin) => {
  const response = await preflight(origin);
  expect(response.status).toBe(403);
  expect(response.headers.get('access-control-allow-origin')).toBeNull();
  const answer = await gateway.post('GetProduct', { productId: 'a' }, { origin });
  expect(answer.headers.get('access-control-allow-origin')).toBeNull();
});

test('with a certificate calls and pages go over TLS, by HTTP/1.1 and HTTP/2', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'));
  const { ca, cert, key } = await createTestAuthority().issue('gateway');
  writeFileSync(join(folder, 'cert.pem'), cert);
  writeFileSync(join(folder, 'key.pem'), key);
  const secure = await openTestGateway({
    config: { GATEWAY_TLS_CERT_PATH: join(folder, 'cert.pem'), GATEWAY_TLS_KEY_PATH: join(folder, 'key.pem') },
    product: { getProduct: () => ({ product: aProduct('prd_1') }) },
  });
  const origin = `https://localhost:${secure.port}`;

  const http1 = await new Promise((resolve, reject) => {
    httpsRequest(`${origin}/docs/`, { ca }, (response) => {
      response.resume();
      resolve(`${response.httpVersion} ${response.statusCode}`);
    })
      .on('error', reject)
      .end();
  });
  expect(http1).toBe('1.1 200');

  const session = connectHttp2(origin, { ca });
  const get = (path: string) =>
    new Promise<string>((resolve, reject) => {
      const stream = session.request({ ':path': path });
      let text = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      stream.on('end', () => resolve(text)).on('error', reject);
    });
  expect(await get('/docs/')).toContain('swagger-ui');
  expect(await get('/docs/swagger-ui.css')).toContain('.swagger-ui');
  expect(await get('/openapi.json')).toContain('"openapi"');
  expect(await get('/healthz')).toBe('ok\n');
  expect(await get('/docs/nothing')).toContain('not_found');
  expect(await get('/only2u.product.v1.ProductService/GetProduct?message=%7B%22productId%22%3A%22a%22%7D')).toContain(
    'prd_1',
  );
  session.close();
  await secure.close();
  rmSync(folder, { recursive: true });
});
