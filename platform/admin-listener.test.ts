import { request } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { type AdminListener, createAdminListener } from './admin-listener.ts';
import type { ServiceState } from './readiness.ts';

let admin: AdminListener;
afterEach(() => admin.close());

async function open(services: Record<string, ServiceState>): Promise<string> {
  const checks = new Map(Object.entries(services).map(([name, state]) => [name, () => Promise.resolve(state)]));
  const metrics = { render: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }) };
  admin = createAdminListener({ checks, metrics });
  const { port } = await admin.listen('127.0.0.1', 0);
  return `http://127.0.0.1:${port}`;
}

const well: ServiceState = { ready: true, status: 'ready', engines: { PostgreSQL: 'ready' } };

test('readiness says of each service whether it is ready, or why not, and of each engine that it stands on', async () => {
  const engines = { PostgreSQL: 'away: no answer within 2 s' };
  const url = await open({ user: well, product: { ready: false, status: 'PostgreSQL is away', engines } });
  const response = await fetch(`${url}/readyz`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    status: 'not ready',
    services: {
      user: { status: 'ready', engines: { PostgreSQL: 'ready' } },
      product: { status: 'PostgreSQL is away', engines },
    },
  });
});

test('readiness ends when the shop begins to stop, and health does not', async () => {
  const url = await open({ user: well });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  admin.drain();
  const response = await fetch(`${url}/readyz`);
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ status: 'stopping' });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('metrics come as they are rendered', async () => {
  const response = await fetch(`${await open({})}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
  expect(await response.text()).toBe('up 1\n');
});

test('anything else is not found, whatever its path, and nothing is written to', async () => {
  const url = await open({});
  expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
  expect((await fetch(`${url}/healthz`, { method: 'POST', body: 'x' })).status).toBe(405);
  const odd = await new Promise<number | undefined>((resolve, reject) => {
    request(url, { path: '//' }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
  expect(odd).toBe(404);
});
