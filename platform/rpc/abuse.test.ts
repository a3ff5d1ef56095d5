import { expect, test } from '@jest/globals';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Code } from '@connectrpc/connect';
import { heldBytes } from '../testing/memory.ts';
import { admitAll } from '../testing/admit-all.ts';
import { openTestRpc, type TestRpc } from '../testing/rpc.ts';
import { frame } from './message-reader.ts';

const unary = '/connectrpc.conformance.v1.ConformanceService/Unary';
const grpc = { ':method': 'POST', ':path': unary, 'content-type': 'application/grpc', te: 'trailers' };

function open(): Promise<TestRpc> {
  return openTestRpc({
    implementation: { unary: ({ requestData }) => ({ payload: { data: requestData } }) },
    server: { maxMessageBytes: 10_000 },
  });
}

/** A request by hand: what its answer's headers or trailers say of it. */
async function answerTo(session: ClientHttp2Session, headers: object, body: Buffer): Promise<Record<string, unknown>> {
  const stream = session.request({ ...grpc, ...headers });
  const answer: Record<string, unknown> = {};
  stream.on('response', (received) => Object.assign(answer, received));
  stream.on('trailers', (received) => Object.assign(answer, received));
  stream.on('error', () => {});
  stream.resume();
  stream.end(body);
  await new Promise((resolve) => stream.once('close', resolve));
  return answer;
}

test('broken requests are refused in gRPC’s terms, and the connection goes on', async () => {
  const rpc = await open();
  const session = connect(`http://127.0.0.1:${rpc.port}`);
  const cases: readonly (readonly [object, Buffer, Code | 'http'])[] = [
    [{}, Buffer.of(), Code.Unimplemented],
    [{}, Buffer.of(0, 0), Code.InvalidArgument],
    [{}, frame(Buffer.alloc(9)).subarray(0, 10), Code.InvalidArgument],
    [{}, Buffer.concat([frame(Buffer.of()), frame(Buffer.of())]), Code.Unimplemented],
    [{}, frame(Buffer.alloc(10_001)), Code.ResourceExhausted],
    [{}, Buffer.of(0, 255, 255, 255, 255), Code.ResourceExhausted],
    [{}, Buffer.of(7, 0, 0, 0, 0), Code.Internal],
    [{}, frame(Buffer.of(255, 255, 255)), Code.InvalidArgument],
    [{}, frame(Buffer.of(1), true), Code.Internal],
    [{ 'grpc-encoding': 'gzip' }, frame(Buffer.of(1, 2, 3), true), Code.InvalidArgument],
    [{ 'grpc-encoding': 'gzip' }, frame(gzipSync(Buffer.alloc(9_000_000)), true), Code.ResourceExhausted],
    [{ 'grpc-encoding': 'br' }, frame(Buffer.of()), Code.Unimplemented],
    [{ 'grpc-timeout': 'soon' }, frame(Buffer.of()), Code.InvalidArgument],
    [{ ':path': '/nothing' }, frame(Buffer.of()), Code.Unimplemented],
    [{ ':path': '/__proto__/constructor' }, frame(Buffer.of()), Code.Unimplemented],
    [{ ':method': 'PUT' }, frame(Buffer.of()), Code.Unimplemented],
    [{ 'content-type': 'application/json' }, Buffer.from('{}'), 'http'],
  ];
  for (const [headers, body, expected] of cases) {
    const answer = await answerTo(session, headers, body);
    const seen = expected === 'http' ? answer[':status'] : Number(answer['grpc-status']);
    expect([headers, seen]).toEqual([headers, expected === 'http' ? 415 : expected]);
  }
  expect(await answerTo(session, {}, frame(Buffer.of()))).toMatchObject({ 'grpc-status': '0' });
  session.close();
  await rpc.close();
});

test('a deadline further away than timers reach is none', async () => {
  const rpc = await open();
  const session = connect(`http://127.0.0.1:${rpc.port}`);
  const answer = await answerTo(session, { 'grpc-timeout': '99999999H' }, frame(Buffer.of()));
  expect(answer).toMatchObject({ 'grpc-status': '0' });
  session.close();
  await rpc.close();
});

test('a client that opens and resets streams without end is cut off, and others are served meanwhile', async () => {
  const rpc = await open();
  const attacker = connect(`http://127.0.0.1:${rpc.port}`);
  attacker.on('error', () => {});
  const cutOff = new Promise((resolve) => attacker.once('close', resolve));
  const before = heldBytes();
  let opened = 0;
  while (!attacker.destroyed && !attacker.closed && opened < 50_000) {
    for (let index = 0; index < 100 && !attacker.destroyed && !attacker.closed; index += 1) {
      const stream = attacker.request(grpc);
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      opened += 1;
    }
    await rpc.client.unary({}, { timeoutMs: 10_000 });
  }
  await cutOff;
  expect(opened).toBeLessThan(50_000);
  await rpc.client.unary({}, { timeoutMs: 10_000 });
  expect(heldBytes() - before).toBeLessThan(50_000_000);
  await rpc.close();
});

test('each call that was admitted is told of at its end, however it was cut off', async () => {
  let open = 0;
  const rpc = await openTestRpc({
    implementation: {
      unary: async () => ({}),
      async clientStream(requests) {
        for await (const _request of requests);
        return {};
      },
    },
    hooks: {
      admit(arrival) {
        open += 1;
        return admitAll(arrival);
      },
      ended: () => (open -= 1),
    },
  });
  const session = connect(`http://127.0.0.1:${rpc.port}`);
  const path = unary.replace('Unary', 'ClientStream');
  const ends = Array.from({ length: 300 }, async (_, index) => {
    const stream = session.request({
      ...grpc,
      ...(index % 2 === 0 ? {} : { ':path': path }),
      ...(index % 5 === 0 ? { 'content-type': 'text/html' } : {}),
    });
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.on('error', () => {});
    if (index % 3 === 0) stream.write(frame(Buffer.of()).subarray(0, 1 + (index % 5)));
    if (index % 7 === 0) await new Promise(setImmediate);
    stream.close(index % 4 === 0 ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL);
    await closed;
  });
  await Promise.all(ends);
  session.destroy();
  await rpc.client.unary({});
  await rpc.close();
  expect(open).toBe(0);
});

test('bytes that are no HTTP/2 close their connection and nothing else', async () => {
  const rpc = await open();
  for (const bytes of [
    'GET / HTTP/1.1\r\n\r\n',
    '\0'.repeat(1_000),
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\xff'.repeat(100)}`,
  ]) {
    const socket = connectTcp(rpc.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write(Buffer.from(bytes, 'latin1'));
    await once(socket, 'close');
  }
  await rpc.client.unary({});
  await rpc.close();
});

test('headers larger than any call needs are refused', async () => {
  const rpc = await open();
  const session = connect(`http://127.0.0.1:${rpc.port}`);
  session.on('error', () => {});
  await answerTo(session, {}, frame(Buffer.of())); // by now both sides have agreed on the limit
  const answer = await answerTo(session, { 'x-large': 'x'.repeat(60_000) }, frame(Buffer.of()));
  expect(answer['grpc-status']).not.toBe('0');
  session.destroy();
  await rpc.client.unary({});
  await rpc.close();
});

test('many calls that never send their request hold little, and end by their deadline', async () => {
  const rpc = await open();
  const session = connect(`http://127.0.0.1:${rpc.port}`);
  const ends = Array.from({ length: 500 }, () => {
    const stream = session.request({ ...grpc, 'grpc-timeout': '300m' });
    stream.on('error', () => {});
    stream.resume();
    return once(stream, 'close');
  });
  await Promise.all(ends);
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.DeadlineExceeded });
  session.close();
  await rpc.close();
});
