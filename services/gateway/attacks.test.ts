import { connect as connectHttp2, constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { aProduct, openTestGateway, type TestGateway } from './testing.ts';

const getProduct =
  'POST /only2u.product.v1.ProductService/GetProduct HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n';
let gateway: TestGateway;

async function open(config: Record<string, string>): Promise<void> {
  gateway = await openTestGateway({
    config: { GATEWAY_DRAIN_MS: '100', ...config },
    product: { getProduct: ({ key }) => ({ product: aProduct(key.value ?? '') }) },
  });
}

afterEach(async () => {
  expect((await gateway.post('GetProduct', { productId: 'prd_1' })).status).toBe(200); // the shop goes on
  await gateway.close();
});

/** Sends bytes and answers all that comes back until the gateway closes the connection. */
function exchange(text: string, andThen?: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(gateway.port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.on('close', () => resolve(received));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? undefined : reject(error),
    );
    socket.write(text, () => andThen?.(socket));
  });
}

test('headers that never end are cut off with 408', async () => {
  await open({ GATEWAY_RECEIVE_TIMEOUT_MS: '200' });
  expect(await exchange(`${getProduct}X-Slow: `)).toMatch(/^HTTP\/1\.1 408 .*deadline_exceeded/s);
});

test('a connection that says nothing, or only how HTTP/2 begins, is closed', async () => {
  await open({ GATEWAY_RECEIVE_TIMEOUT_MS: '200', GATEWAY_IDLE_TIMEOUT_MS: '300' });
  expect(await exchange('')).toBe('');
  expect(await exchange('PR')).toBe('');
  await exchange('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
});

test('a body that trickles is cut off with 408', async () => {
  await open({ GATEWAY_RECEIVE_TIMEOUT_MS: '300' });
  let trickle: NodeJS.Timeout | undefined;
  const answer = await exchange(`${getProduct}Content-Length: 100000\r\n\r\n{`, (socket) => {
    trickle = setInterval(() => socket.write(' '), 20);
  });
  clearInterval(trickle);
  expect(answer).toMatch(/^HTTP\/1\.1 408 .*BODY_TOO_SLOW/s);
});

test('a body that trickles over HTTP/2 is cut off with 408', async () => {
  await open({ GATEWAY_RECEIVE_TIMEOUT_MS: '300' });
  const session = connectHttp2(gateway.url);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/only2u.product.v1.ProductService/GetProduct',
    'content-type': 'application/json',
  });
  stream.write('{');
  const status = await new Promise((resolve) => stream.once('response', (headers) => resolve(headers[':status'])));
  expect(status).toBe(408);
  session.destroy();
});

test('an idle connection is closed', async () => {
  await open({ GATEWAY_IDLE_TIMEOUT_MS: '200' });
  const body = '{"productId":"prd_1"}';
  expect(await exchange(`${getProduct}Content-Length: ${body.length}\r\n\r\n${body}`)).toMatch(/^HTTP\/1\.1 200 /);
});

test.each([
  ['one of 20 kB', `X-Large: ${'a'.repeat(20_000)}\r\n`],
  ['one hundred and twenty', Array.from({ length: 120 }, (_, i) => `X-${i}: 1\r\n`).join('')],
])('too many headers (%s) are refused with 431', async (_name, headers) => {
  await open({});
  expect(await exchange(`${getProduct}${headers}Connection: close\r\nContent-Length: 2\r\n\r\n{}`)).toMatch(
    /^HTTP\/1\.1 431 .*resource_exhausted/s,
  );
});

test.each([
  ['noise', '\x00\x01\x02\x03\r\n\r\n'],
  ['no HTTP', 'HELO shop\r\n\r\n'],
  [
    'both lengths, as smugglers send them',
    `${getProduct}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['two lengths', `${getProduct}Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}  `],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
])('%s is refused with 400 and closed', async (_name, text) => {
  await open({});
  expect(await exchange(text, (socket) => socket.end())).toMatch(/^(HTTP\/1\.1 400 |$)/);
});

test('thousands of idle connections keep nobody out, not even from the same address', async () => {
  await open({ GATEWAY_MAX_CONNECTIONS_PER_ADDRESS: '200' });
  const sockets = Array.from({ length: 2_000 }, () => connect(gateway.port, '127.0.0.1').on('error', () => {}));
  await Promise.all(
    sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))),
  );
  expect((await gateway.post('GetProduct', { productId: 'prd_1' })).status).toBe(200);
  const metrics = await gateway.metrics.metrics();
  expect(Number(/edge_connections (\d+)/.exec(metrics)?.[1])).toBeLessThanOrEqual(200);
  for (const socket of sockets) socket.destroy();
});

test('when every connection is at work, a new one is turned away and the others go on', async () => {
  await open({ GATEWAY_MAX_CONNECTIONS: '2' });
  const body = '{"productId":"prd_1"}';
  const busy = [0, 1].map(() => {
    const started = Promise.withResolvers<Socket>();
    const answer = exchange(
      `${getProduct}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n{`,
      started.resolve,
    );
    return { socket: started.promise, answer };
  });
  const sockets = await Promise.all(busy.map(({ socket }) => socket));
  while (!(await gateway.metrics.metrics()).includes('edge_connections 2')) await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(await exchange('GET / HTTP/1.1\r\nHost: shop\r\n\r\n')).toBe('');
  for (const socket of sockets) socket.write(body.slice(1));
  for (const { answer } of busy) expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
});

test('a flood of HTTP/2 resets ends its own connection only', async () => {
  await open({});
  const session = connectHttp2(gateway.url);
  session.on('error', () => {});
  const ended = new Promise<void>((resolve) => session.once('close', resolve));
  let sent = 0;
  const flood = (): void => {
    for (let i = 0; i < 50 && !session.destroyed && !session.closed; i++) {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/only2u.product.v1.ProductService/GetProduct',
        'content-type': 'application/json',
      });
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      sent++;
    }
    if (!session.destroyed && !session.closed && sent < 20_000) setImmediate(flood);
  };
  flood();
  await ended;
  expect(sent).toBeLessThan(20_000);
});

test('large bodies of many clients at once are bounded together', async () => {
  await open({ GATEWAY_MAX_BUFFERED_BYTES: String(1024 * 1024), GATEWAY_MAX_BODY_BYTES: String(1024 * 1024) });
  const part = 'a'.repeat(300_000);
  const clients = Array.from({ length: 6 }, () =>
    exchange(`${getProduct}Connection: close\r\nContent-Length: 900000\r\n\r\n${part}`),
  );
  expect(await Promise.race(clients)).toMatch(/^HTTP\/1\.1 503 .*OVERLOADED/s);
});
