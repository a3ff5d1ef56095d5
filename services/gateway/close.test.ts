import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { aProduct, openTestGateway } from './testing.ts';

const path = '/only2u.product.v1.ProductService/GetProduct';
const body = '{"productId":"prd_1"}';

async function openHeld() {
  const release = Promise.withResolvers<void>();
  const gateway = await openTestGateway({
    config: { GATEWAY_DRAIN_MS: '2000' },
    product: {
      async getProduct({ key }) {
        await release.promise;
        return { product: aProduct(key.value ?? '') };
      },
    },
  });
  return { gateway, release: release.resolve };
}

test('a call in flight is answered while the gateway closes, over HTTP/1.1 and HTTP/2', async () => {
  const { gateway, release } = await openHeld();
  const first = gateway.post('GetProduct', { productId: 'prd_1' });
  const session = connectHttp2(gateway.url);
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json' });
  stream.end('{"productId":"prd_2"}');
  const second = new Promise((resolve) => stream.once('response', (headers) => resolve(headers[':status'])));
  while (gateway.calls.length < 2) await new Promise(setImmediate);
  const closing = gateway.close();
  await expect(fetch(gateway.url)).rejects.toThrow();
  release();
  expect((await first).status).toBe(200);
  expect(await second).toBe(200);
  stream.resume();
  await closing;
});

test('idle connections do not hold up the close', async () => {
  const { gateway } = await openHeld();
  const sockets = [0, 1, 2].map(() => connect(gateway.port, '127.0.0.1').on('error', () => {}));
  const http2 = connectHttp2(gateway.url).on('error', () => {});
  await new Promise((resolve) => http2.once('remoteSettings', resolve));
  const closed = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  await gateway.close();
  await closed;
});

test('calls that do not end in time are cut off', async () => {
  const gateway = await openTestGateway({
    config: { GATEWAY_DRAIN_MS: '50' },
    product: { getProduct: () => new Promise(() => {}) },
  });
  const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
  const gone = new Promise((resolve) => socket.once('close', resolve));
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  while (gateway.calls.length < 1) await new Promise(setImmediate);
  await gateway.close();
  await gone;
});
